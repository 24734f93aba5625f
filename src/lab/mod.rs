//! The laboratory around the service.
//!
//! * [`up`]: instances and backends, started and kept running
//! * [`verify`]: the acceptance contract, whoever runs the backends
//! * [`load`]: steady traffic
//! * [`command`]: what the last two have in common
//! * [`mod@duration`]: how times are written on the command line

mod command;
pub mod duration;
pub mod load;
pub mod up;
pub mod verify;
