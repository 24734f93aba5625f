//! Log streams: a store and the Loki API over it.
pub mod api;
pub mod engine;
pub mod logql;
pub mod store;

pub use api::router;
pub use store::{Clock, Limits, LogStore, Stats};
