//! The laboratory around the service.
//!
//! * [`up`]: instances and backends, started and kept running
//! * [`verify`]: checks the acceptance contract, for embedded and real backends
//! * [`load`]: steady traffic
//! * [`flood`]: spans, lines and samples at steady rates
//! * [`program`]: settings for a program of your own, and what arrived of it
//! * [`soak`]: faults under load, and what each costs
//! * [`incident`]: failures to be found from telemetry alone, with answers that are checked
//! * [`provisioning`]: the dashboards and data sources that Grafana and the console are given
//! * [`open_loop`]: sends requests at a steady rate
//! * [`command`]: shared by the commands that end with a result
//! * [`target`]: servers named on the command line
//! * [`mod@duration`]: times on the command line
//! * [`mod@excerpt`]: text from outside, as it is shown
//! * [`mod@file_text`]: files that somebody names, read up to a bound
//! * [`mod@own_program`]: this program, to be started again

mod command;
mod duration;
mod excerpt;
mod file_text;
pub mod flood;
pub mod incident;
pub mod load;
mod open_loop;
mod own_program;
pub mod program;
pub mod provisioning;
pub mod soak;
mod target;
pub mod up;
pub mod verify;
