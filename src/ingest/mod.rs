//! Foreign bytes → environment and events. (frame to be filled)

pub mod facts;
