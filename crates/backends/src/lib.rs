//! In-memory backends: each a store plus the HTTP API of the server that it stands in for,
//! as far as the lab asks it. They know nothing of the service; of each other they share [`wire`]
//! and the receivers for [`otlp`]; the [`generator`] makes metrics of spans.

// A running lab must not end on what can be handled; tests may.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]
// What is `pub` can be named by another crate; all else says `pub(crate)` or less.
#![warn(unreachable_pub)]

pub mod generator;
pub mod logs;
pub mod metrics;
pub mod otlp;
pub(crate) mod template;
pub mod traces;
pub mod wire;
