//! Formats of log lines, which ingest, queries and their validation read.

mod escapes;
pub(crate) mod json;
pub(crate) mod logfmt;
pub(crate) mod pattern;
pub(crate) mod utf8;
