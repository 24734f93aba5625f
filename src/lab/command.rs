//! Shared by the commands that end with a result.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

/// Exit code when a flag is wrong or a server cannot be reached.
const CANNOT_RUN: u8 = 2;

/// Idle threads for blocking work end after this time. Tokio's 10 s keep some alive by periodic work alone, and
/// `lab soak` counts the threads that are left over.
const IDLE_THREAD: Duration = Duration::from_millis(10);

/// The result of a command.
pub(super) trait Conclusion {
    /// For people.
    fn table(&self) -> String;

    /// For programs.
    fn json(&self) -> Value;

    /// True if all is as it should be.
    fn is_good(&self) -> bool;
}

/// Why a command has no result. `{:#}` shows it with its causes.
pub(super) trait Failure: Display {
    /// For programs.
    fn json(&self) -> Value {
        json!({"ok": false, "error": format!("{self:#}")})
    }
}

impl Failure for anyhow::Error {}

/// Runs `work` and prints its result, as JSON or as a table. The exit code is 0 when the result is good, 1 when it is
/// not, and 2 when there is none.
pub(super) fn conclude<C: Conclusion, F: Failure>(
    work: impl Future<Output = Result<C, F>>,
    as_json: bool,
) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(IDLE_THREAD)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start the async runtime: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    let result = runtime.block_on(work);
    // Requests that are still open are dropped.
    runtime.shutdown_background();
    match result {
        Ok(result) => {
            print(&match as_json {
                true => format!("{}\n", result.json()),
                false => result.table(),
            });
            match result.is_good() {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(failure) => {
            if as_json {
                print(&format!("{}\n", failure.json()));
            }
            eprintln!("{failure:#}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

/// Writes to standard output. A reader that has gone away is no reason to panic.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
