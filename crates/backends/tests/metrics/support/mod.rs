//! What the tests share: a page to scrape, the embedded server, and a real Prometheus beside it.
#![allow(dead_code, reason = "each test uses its own part of this")]

pub mod metrics;
#[path = "../../support/otlp.rs"]
pub mod otlp;
pub mod promql_cases;
pub mod promql_fixture;
pub mod promql_pair;
pub mod promql_recorded;
pub mod replay;
pub mod write;
