//! This program, to be started again.

use std::env::current_exe;
use std::io::Result;
use std::path::PathBuf;

/// The file of this program. A build may have put another in its place, or removed it: on Linux the kernel still has
/// the one that runs, so that what is started is of the same version.
///
/// # Errors
/// When the system does not tell.
pub(super) fn own_program() -> Result<PathBuf> {
    let named = current_exe()?;
    Ok(match cfg!(target_os = "linux") && !named.exists() {
        true => PathBuf::from("/proc/self/exe"),
        false => named,
    })
}
