//! The command line of `lab incident`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::desk::LARGEST_SEED;
use super::place::PlaceArgs;
use super::runner::RunnerArgs;

const EXAMPLES: &str = "\
Examples:
  lab up --faults                          (in another terminal)
  lab incident list
  lab incident start slow-shop
  lab incident answer route=/items/{item_id} ms=700
  lab incident hint
  lab incident solution
  lab incident stop

One incident runs at a time. It ends by itself after an hour. Its state is in LAB_STATE, or
salvo-observability below XDG_STATE_HOME (~/.local/state).

Exit code 0 when it was done and every answer was right, 1 when an answer was wrong, 2 when it was
not done: the error says what to do.";

/// Break the lab in a reproducible way, and find out from its telemetry what happened
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct IncidentArgs {
    #[command(subcommand)]
    pub(super) command: Command,
    /// Incidents of your own: a folder of *.toml files, beside those built in
    #[arg(long, value_name = "DIR", global = true)]
    pub(super) incidents: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Name all incidents
    List,
    /// Start an incident: break the instances and send traffic
    Start(Box<StartArgs>),
    /// Show the page, the questions, the hints and the score
    Status,
    /// Take the next of three hints; it costs points
    Hint,
    /// Answer questions
    Answer {
        /// Answers, as service=app-b
        #[arg(value_name = "KEY=VALUE", required = true, value_parser = pair)]
        answers: Vec<(String, String)>,
    },
    /// Show how to find out, with the queries of this run
    Solution {
        /// End an incident that is not solved, without points
        #[arg(long)]
        give_up: bool,
    },
    /// End the incident and heal the lab
    Stop,
    /// Say what is wrong with an incident file
    Check {
        /// The file
        file: PathBuf,
    },
    #[command(hide = true)]
    Runner(RunnerArgs),
}

#[derive(Args, Clone, Debug)]
pub(super) struct StartArgs {
    /// Name of the incident, or the path of a file
    #[arg(required_unless_present = "random", conflicts_with = "random")]
    pub(super) name: Option<String>,
    /// Let the seed choose the incident
    #[arg(long)]
    pub(super) random: bool,
    /// Number that chooses what breaks where; the same gives the same [default: a random one]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(0..=LARGEST_SEED))]
    pub(super) seed: Option<u64>,
    /// Send the traffic and break nothing, to see the same lab in health
    #[arg(long)]
    pub(super) healthy: bool,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("give KEY=VALUE, as service=app-b".to_owned()),
    }
}
