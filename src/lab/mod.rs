//! The laboratory around the service.
//!
//! * [`up`]: instances and backends, started and kept running
//! * [`verify`]: the acceptance contract, whoever runs the backends
//! * [`load`]: steady traffic
//! * [`provisioning`]: the dashboards and data sources that Grafana and the console are given
//! * [`command`]: what the last two have in common
//! * [`mod@duration`]: how times are written on the command line

mod command;
pub mod duration;
pub mod load;
pub mod provisioning;
pub mod up;
pub mod verify;
