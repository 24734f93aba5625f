//! A running server: its address, CPU time, memory and log.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// Longest wait until a server listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// Parts of a second in which the kernel gives CPU times to programs, on every architecture of today's Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// A running server. It is killed when dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command` with its standard output in the file `log`, and waits until it has written there, in its
    /// first lines, where it listens.
    ///
    /// # Errors
    /// When it does not start, or ends.
    pub async fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let open = || File::options().create(true).append(true).open(log);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(open()?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(log)?;
            if let Some(address) = address(&text) {
                return Ok(Self {
                    address,
                    child,
                    log: log.to_owned(),
                });
            }
            if let Some(status) = child.try_wait()? {
                bail!("{command:?} ended with {status}");
            }
            if Instant::now() > deadline {
                bail!("{command:?} does not say where it listens: {text:?}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let id = self.child.id().context("a server has ended")?;
        let path = format!("/proc/{id}/{file}");
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }

    /// CPU time of all its threads, of the program and of the kernel for it, seconds.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = self.proc("stat")?;
        // The second field is the name of the program in brackets, which may hold anything.
        let (_, fields) = stat.rsplit_once(')').context("/proc/…/stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: Vec<f64> = ticks.map(str::parse).collect::<Result<_, _>>()?;
        let [user, system] = ticks[..] else {
            bail!("/proc/…/stat: {stat}")
        };
        Ok((user + system) / TICKS_A_SECOND)
    }

    /// Resident memory, MiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.context("no VmRSS")?.trim().trim_end_matches(" kB");
        Ok(kib.parse::<f64>()? / 1024.0)
    }

    /// Counts the lines that were written to the log since the last call, and empties it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn take_lines(&self) -> anyhow::Result<u64> {
        let lines = std::fs::read(&self.log)?;
        // The server appends, so it goes on at the new end.
        File::options().write(true).open(&self.log)?.set_len(0)?;
        Ok(lines.iter().filter(|byte| **byte == b'\n').count() as u64)
    }

    /// The newest text of the log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }
}

/// The first address on loopback in a text whose line is complete.
fn address(text: &str) -> Option<SocketAddr> {
    let start = text.find("127.0.0.1:")?;
    let rest = &text[start..];
    rest.contains('\n').then_some(())?;
    let end = rest["127.0.0.1:".len()..].find(|char: char| !char.is_ascii_digit())?;
    rest[.."127.0.0.1:".len() + end].parse().ok()
}
