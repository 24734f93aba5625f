//! The laboratory around the service.
//!
//! * [`up`]: instances and backends, started and kept running
//! * [`verify`]: the acceptance contract, whoever runs the backends
//! * [`load`]: steady traffic
//! * [`mod@duration`]: how times are written on the command line

pub mod duration;
pub mod load;
pub mod up;
pub mod verify;
