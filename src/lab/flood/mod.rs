//! `lab flood`: spans, log lines and samples over OTLP at steady rates, and a report of how they were taken.
//!
//! What it sends looks like the telemetry of a few services that call each other: traces of four spans that cross two
//! services, lines that carry the ids of these spans, counters whose exemplars do. So it fills a store, a service map
//! or a cluster with what people have, as fast as is asked for.
//!
//! * [`args`]: the command line
//! * [`signal`]: the three signals, and how their batches go round the services
//! * [`batch`]: the requests of OTLP
//! * [`mod@run`]: the senders
//! * [`tally`], [`report`]: what came of it

mod args;
mod batch;
mod report;
mod run;
mod signal;
mod tally;

use std::process::ExitCode;

pub use args::FloodArgs;

use super::command::conclude;

/// Sends the telemetry and prints the table: exit code 0 when everything was sent and accepted, 1 when it was not, 2
/// when the address cannot be reached.
#[must_use]
pub fn start(args: &FloodArgs) -> ExitCode {
    conclude(run::run(args), args.json)
}
