//! What the figures were measured on.

use std::process::Command;

use anyhow::Context;

use super::document::results::Machine;

/// What a command prints first, or `None` when it cannot be run.
pub fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

/// The value of the first line of `file` that starts with `key`, after its colon.
fn value(file: &str, key: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).context("measuring needs Linux")?;
    let line = text.lines().find(|line| line.starts_with(key));
    let (_, value) = line
        .and_then(|line| line.split_once(':'))
        .with_context(|| format!("{file} has no {key}"))?;
    Ok(value.trim().to_owned())
}

/// This machine.
///
/// # Errors
/// When it does not say what it is.
pub fn describe() -> anyhow::Result<Machine> {
    let memory = value("/proc/meminfo", "MemTotal")?;
    let kib: f64 = memory.trim_end_matches(" kB").parse()?;
    Ok(Machine {
        cpu: value("/proc/cpuinfo", "model name")?,
        cores: std::thread::available_parallelism()?.get(),
        memory_gib: (kib / 1024.0 / 1024.0).round() as u64,
        system: first_line("uname", &["-sr"]).context("uname")?,
    })
}

/// The commit that was measured, with a `+` after it when files differ from it.
///
/// # Errors
/// Outside of a git checkout.
pub fn commit() -> anyhow::Result<String> {
    let commit =
        first_line("git", &["rev-parse", "--short=12", "HEAD"]).context("git rev-parse")?;
    let changed = first_line("git", &["status", "--porcelain", "--untracked-files=no"]).is_some();
    Ok(commit + if changed { "+" } else { "" })
}
