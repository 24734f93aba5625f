//! Limit of open files; each connection is one.

use anyhow::{Context as _, bail};
use rlimit::Resource;

/// Files without which the lab does not work: its listeners, the pipes of its instances, what it
/// scrapes, and some connections for each server.
const NEEDED: u64 = 128;

/// Raises the limit as far as the system allows, as servers written in Go do, and gives it.
///
/// # Errors
/// When it is too low for the lab.
pub(in crate::lab) fn raise() -> anyhow::Result<u64> {
    // If the system refuses, the limit stays as it is.
    let raised = rlimit::increase_nofile_limit(u64::MAX);
    let now = raised.or_else(|_| Resource::NOFILE.get_soft());
    let now = now.context("cannot ask how many files this process may have open")?;
    if now < NEEDED {
        bail!(
            "this process may have {now} files open at a time and the lab needs {NEEDED} at least: \
             raise the limit (ulimit -n {NEEDED}, or LimitNOFILE= of a systemd unit)"
        );
    }
    Ok(now)
}
