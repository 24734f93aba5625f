//! Formats of log lines, which ingest, queries and their validation read.

pub mod json;
pub mod logfmt;
pub mod pattern;
pub mod utf8;
