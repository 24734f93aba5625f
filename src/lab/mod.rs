//! The laboratory around the service.
//!
//! * [`up`]: instances and backends, started and kept running

pub mod up;
