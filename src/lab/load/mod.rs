//! `lab load`: steady open-loop traffic over all routes and instances, and a report of the responses.
//!
//! Open loop: when a request leaves depends on the clock alone, never on the answers before it, and
//! its time counts from when it should have left. The load libraries (goose, rlt, balter, drill) are
//! closed loops, in which users wait for their answers and count time from when they sent, so this is the
//! lab's own client, with `hdrhistogram` for the percentiles.
//!
//! * [`args`], [`mix`]: the command line
//! * [`schedule`]: the time of each request
//! * [`client`]: one request
//! * [`mod@run`]: from the first request to the last answer
//! * [`tally`]: outcomes of the requests
//! * [`report`], [`live`]: the table, the JSON object and the line on the terminal

mod args;
mod client;
mod live;
mod mix;
mod report;
mod run;
mod schedule;
mod tally;

use std::process::ExitCode;

pub use args::LoadArgs;
pub(super) use mix::Mix;

use super::command::conclude;

/// Sends the traffic and prints the table: exit code 0 when the rate was reached, 1 when it was not,
/// 2 when a target cannot be reached.
#[must_use]
pub fn start(args: &LoadArgs) -> ExitCode {
    conclude(run::run(args), args.json)
}
