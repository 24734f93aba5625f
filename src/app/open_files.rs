//! Advice for errors of the limit on open files. Each connection is an open file, and the operating
//! system's own message does not tell how to raise the limit.

use std::io;

/// `EMFILE` and `ENFILE`, the same on Linux and macOS.
const TOO_MANY: [i32; 2] = [24, 23];

/// True if an error means that no more files may be open.
#[must_use]
pub(super) fn is_limit(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|it| TOO_MANY.contains(&it))
}

/// Advice for an error that has this cause; empty for others.
#[must_use]
pub(super) fn advice(error: &anyhow::Error) -> &'static str {
    let is_cause = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(is_limit);
    match is_cause {
        true => "; more files have to be allowed, such as 1024 (ulimit -n 1024)",
        false => "",
    }
}
