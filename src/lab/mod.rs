//! The laboratory around the service.
//!
//! * [`up`]: instances and backends, started and kept running
//! * [`verify`]: the acceptance contract, whoever runs the backends
//! * [`load`]: steady traffic
//! * [`started`], [`mod@duration`]: what they share

pub mod duration;
pub mod load;
pub mod started;
pub mod up;
pub mod verify;
