//! A program of your own in the lab: `lab env` prints the settings with which it sends its telemetry there,
//! `lab run` runs it with them and shows what has arrived.
//!
//! * [`args`]: the command lines
//! * [`place`]: the addresses of the lab that runs
//! * [`variables`]: the settings of OpenTelemetry's SDKs
//! * [`command`]: the program as a process
//! * [`arrived`]: what the lab has of one run

mod args;
mod arrived;
mod command;
mod place;
mod variables;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

pub use args::{EnvArgs, RunArgs};
use arrived::Arrived;
use place::Place;

/// Exit codes when the program is not started, as `env` and `nice` have them: the lab cannot be reached, the file is no
/// program, there is no such file.
const CANNOT_RUN: u8 = 125;
const NO_PROGRAM: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Prints the settings for a shell: `eval "$(lab env)"`.
///
/// # Errors
/// When no lab answers.
pub async fn env(args: EnvArgs) -> anyhow::Result<ExitCode> {
    let place = Place::find(&args.console).await?;
    let mut lines = String::new();
    for (name, value) in variables::of(&place, args.service.as_deref(), None) {
        let _ = writeln!(lines, "export {name}='{}'", value.replace('\'', r"'\''"));
    }
    // A reader that has gone away is no failure.
    let _ = std::io::stdout().write_all(lines.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// Runs a program with the settings and tells at its end what has arrived. The exit code is the program's.
pub async fn run(args: RunArgs) -> ExitCode {
    let place = match Place::find(&args.console).await {
        Ok(place) => place,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    let run = format!("{:016x}", rand::random::<u64>());
    let began = std::time::Instant::now();
    let variables = variables::of(&place, args.service.as_deref(), Some(&run));
    let code = match command::run(&args.command, &variables).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            return ExitCode::from(match kind {
                Some(io::ErrorKind::NotFound) => NOT_FOUND,
                Some(_) => NO_PROGRAM,
                None => CANNOT_RUN,
            });
        }
    };
    let arrived = Arrived::of_run(&place, &run, began.elapsed()).await;
    eprint!("{}", arrived.text(&place));
    ExitCode::from(code)
}
