//! Shared by the commands that end with a result.

use std::io::Write;
use std::process::ExitCode;

/// Exit code when a flag is wrong or a server cannot be reached.
pub(super) const CANNOT_RUN: u8 = 2;

/// Runs `work` to its end. Requests that are still open then are dropped.
///
/// # Errors
/// The exit code, when the runtime cannot start. The reason is on standard error.
pub(super) fn finished<T>(work: impl Future<Output = T>) -> Result<T, ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            eprintln!("cannot start the async runtime: {error}");
            ExitCode::from(CANNOT_RUN)
        })?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(result)
}

/// Writes to standard output. A reader that has gone away is no reason to panic.
pub(super) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
