//! What the tests share: an embedded server, spans, and requests to it.
#![allow(dead_code, reason = "each test uses its own part of this")]

pub mod shop;
pub mod spans;
pub mod traces;
