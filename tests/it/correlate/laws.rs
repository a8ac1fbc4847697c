//! (laws)
