//! What the tests share: an embedded server with entries in it, and requests to it.
#![allow(dead_code, reason = "each test uses its own part of this")]

pub mod logql;
pub mod logs;
#[path = "../../support/otlp.rs"]
pub mod otlp;
pub mod push;
