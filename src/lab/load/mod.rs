//! `lab load`: steady open-loop traffic over all routes and instances, and how they answered.
//!
//! Open loop: when a request leaves depends on the clock alone, never on the answers before it, and
//! its time counts from when it should have left. The load libraries (goose, rlt, balter, drill) are
//! closed loops, in which users wait for their answers and count time from when they sent, so this is
//! hyper, with `hdrhistogram` for the percentiles.
//!
//! * [`args`], [`mix`]: the command line
//! * [`schedule`]: when each request is to leave
//! * [`client`]: one request
//! * [`mod@run`]: from the first request to the last answer
//! * [`tally`]: what became of the requests
//! * [`report`], [`live`]: the table, the JSON object and the line on the terminal

pub mod args;
mod client;
mod live;
pub mod mix;
mod report;
mod run;
mod schedule;
mod tally;

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

pub use args::LoadArgs;

/// Exit code when a target cannot be reached.
const CANNOT_RUN: u8 = 2;

/// Sends the traffic and prints the table: exit code 0 when the rate was reached, 1 when it was not,
/// 2 when a target cannot be reached.
#[must_use]
pub fn start(args: &LoadArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start the async runtime: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    let result = runtime.block_on(run::run(args));
    // Requests that were given up may still be open.
    runtime.shutdown_background();
    match result {
        Ok(report) => {
            print(&if args.json {
                format!("{}\n", report.json())
            } else {
                report.table()
            });
            match report.is_reached() {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            let text = format!("{error:#}");
            if args.json {
                print(&format!("{}\n", json!({"ok": false, "error": text})));
            }
            eprintln!("{text}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

/// A reader that has gone away is no reason to panic.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
