//! `decide --check`: compares answers with what a vector expects, field by field. (to be filled)
