//! `lab verify`: the acceptance contract of the lab, the same for the embedded backends, the stack
//! and the machine. It sends its own requests, waits until every signal of them is visible through
//! the public HTTP APIs, and reports the promises that are not kept. The names of metrics, labels and spans
//! that it expects are in `docs/contract.md`.
//!
//! * [`args`]: the command line
//! * [`mod@run`]: from the first request to the report
//! * [`reach`]: servers that do not answer at all
//! * [`contract`]: the promises, a row for each
//! * [`promises`]: their checks
//! * [`promise`], [`finding`], [`report`]: their outcomes, for people and programs
//! * [`send`], [`traffic`], [`sent`]: the requests, and the record of them
//! * [`otlp`]: telemetry of its own, sent as a program does that has an SDK
//! * [`tempo`], [`loki`], [`prometheus`], [`http`], [`wait`]: queries to the servers
//! * [`correlation`], [`dashboard`], [`template`], [`panel_query`]: Grafana's files, applied as Grafana
//!   applies them

pub mod args;
mod contract;
pub mod correlation;
pub mod dashboard;
mod finding;
pub(super) mod http;
mod loki;
mod otlp;
pub mod panel_query;
mod prometheus;
mod promise;
mod promises;
mod reach;
mod report;
mod run;
mod send;
mod sent;
pub mod template;
pub mod tempo;
mod traffic;
mod wait;

use std::process::ExitCode;

use args::VerifyArgs;
use run::run;

use super::command::conclude;
use super::incident::proof;

/// Checks a lab and prints the report: exit code 0 when every promise is kept, 1 when one is not,
/// 2 when a flag is wrong or a server cannot be reached.
#[must_use]
pub fn start(args: &VerifyArgs) -> ExitCode {
    match &args.incidents {
        Some(names) => conclude(proof::run(args, names), args.json),
        None => conclude(run(args), args.json),
    }
}
