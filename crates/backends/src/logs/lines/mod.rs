//! Formats of log lines, which ingest, queries and their validation read.

mod escapes;
pub mod json;
pub mod logfmt;
pub mod pattern;
pub mod utf8;
