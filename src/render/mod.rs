//! Analysis → text and pictures. (to be filled)
