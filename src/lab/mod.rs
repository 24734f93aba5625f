//! The laboratory around the service.
//!
//! * [`up`]: instances and backends, started and kept running
//! * [`verify`]: the acceptance contract, whoever runs the backends

pub mod up;
pub mod verify;
