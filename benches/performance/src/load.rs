//! The load generator: `wrk`, and what it prints.

use anyhow::{Context, bail};
use tokio::process::Command;

/// What one turn of load gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Requests that were answered.
    pub requests: u64,
    /// Requests a second.
    pub rate: f64,
    /// Half of the requests took less, milliseconds.
    pub p50_ms: f64,
    /// 99 % of the requests took less, milliseconds.
    pub p99_ms: f64,
}

/// The version of `wrk`.
///
/// # Errors
/// When it is not installed.
pub async fn version() -> anyhow::Result<String> {
    // It ends with exit code 1 here.
    let output = Command::new("wrk").arg("-v").output().await;
    let output = output.context("wrk is missing: apt-get install wrk")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split_whitespace();
    Ok(words.by_ref().take(2).collect::<Vec<_>>().join(" "))
}

/// Sends requests to `url` for `seconds` over `connections` connections.
///
/// # Errors
/// When a request failed, or was not answered with success: such a figure would mean nothing.
pub async fn run(url: &str, seconds: u32, connections: u32) -> anyhow::Result<Load> {
    let output = Command::new("wrk")
        .args(["-t1", "--latency", "--timeout", "10s"])
        .arg(format!("-c{connections}"))
        .arg(format!("-d{seconds}s"))
        .arg(url)
        .kill_on_drop(true)
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!(
            "wrk {url}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    parse(&text).with_context(|| format!("wrk {url} printed: {text}"))
}

fn parse(text: &str) -> anyhow::Result<Load> {
    if let Some(errors) = text
        .lines()
        .find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
    {
        bail!("{}", errors.trim());
    }
    let after = |start: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(start))
            .map(str::trim)
            .with_context(|| format!("no line starts with {start:?}"))
    };
    let requests = text
        .lines()
        .find_map(|line| line.split_once(" requests in "))
        .context("no count of requests")?
        .0;
    Ok(Load {
        requests: requests.trim().parse()?,
        rate: after("Requests/sec:")?.parse()?,
        p50_ms: milliseconds(after("50%")?)?,
        p99_ms: milliseconds(after("99%")?)?,
    })
}

/// A time as `wrk` prints it: `613.00us`, `1.20ms`, `2.01s`, `1.05m`.
fn milliseconds(text: &str) -> anyhow::Result<f64> {
    let (number, factor) = [("us", 0.001), ("ms", 1.0), ("s", 1e3), ("m", 6e4)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
        .with_context(|| format!("{text:?} is no time"))?;
    Ok(number.parse::<f64>()? * factor)
}
