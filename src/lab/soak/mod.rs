//! `lab soak`: a lab of its own under steady load, whose parts are broken one after the other. It prints what
//! each fault cost, and fails when a request was lost because of telemetry or a counter does not add up.
//!
//! * [`args`]: the command line
//! * [`fault`]: the parts, and the ways in which they break
//! * [`proxy`]: stands before a server, and breaks the connections to it
//! * [`stage`]: the lab under test; [`servers`]: its stores; [`shipper`], [`scraping`]: its log shipper and its
//!   scraper
//! * [`load`]: the requests
//! * [`reading`]: the counters of all parts at one time
//! * [`account`]: compares two readings
//! * [`recovery`]: waits until new requests are seen everywhere
//! * [`mod@run`]: one fault after the other
//! * [`leaks`]: many short faults, then a count of open files, threads and tasks
//! * [`report`]: the table and the JSON object

mod account;
mod args;
mod fault;
mod leaks;
mod load;
mod proxy;
mod reading;
mod recovery;
mod report;
mod run;
mod scraping;
mod servers;
mod shipper;
mod stage;

use std::process::ExitCode;

pub use args::SoakArgs;
use report::Report;

use super::command::conclude;

/// Breaks one part after the other and prints the table: exit code 0 when every promise was kept, 1 when one was
/// broken, 2 when the lab cannot be started.
#[must_use]
pub fn start(args: &SoakArgs) -> ExitCode {
    let work = async {
        if let Some(file) = &args.table {
            return Report::kept(file);
        }
        tokio::select! {
            result = run::run(args) => result,
            // What is frozen runs again as it is dropped.
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("ended by Ctrl-C")),
        }
    };
    conclude(work, args.json)
}
