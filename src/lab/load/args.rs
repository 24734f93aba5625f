//! The command line of `lab load`.

use std::time::Duration;

use clap::Args;
use http::Uri;

use super::mix::Mix;
use crate::lab::duration::duration;
use crate::lab::target::{base, http_url, is_loopback};

/// Largest rate, in requests a second.
const MAX_RATE: f64 = 100_000.0;

const EXAMPLES: &str = "\
Examples:
  lab load
  lab load --rate 100 --duration 10m --mix items=8,chain=1,error_test=1
  lab load --rate 5 --target http://127.0.0.1:8000 --json

Times count from when a request should have left. The service starts a trace for each request; the
table names those of the slowest and the newest failing one of each route. A request that was not
answered is found in Tempo by its own id, if it got as far as the service:
  { span.http.request.header.x-request-id = \"…\" }
Ctrl-C ends early, a second one at once.

Exit code 0 when the rate was reached (99 of 100 requests were answered, whatever the status),
1 when it was not, 2 when a flag is wrong or a target cannot be reached.";

/// Send steady traffic to the instances and report how they answered
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct LoadArgs {
    /// Requests a second, over all routes and instances together
    #[arg(long, value_name = "NUMBER", default_value = "10", value_parser = rate)]
    pub rate: f64,
    /// For how long: seconds, or with ms, s or m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub duration: Duration,
    /// Routes with their weights: root, items, io_task, cpu_task, random_status, random_sleep,
    /// error_test, chain [default: the same weight for all]
    #[arg(
        long,
        value_name = "ROUTE=WEIGHT,…",
        default_value_t,
        hide_default_value = true
    )]
    pub mix: Mix,
    /// An instance of the service; they take turns. Repeat it for each
    /// [default: http://127.0.0.1:8000, :8001 and :8002]
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub target: Vec<Uri>,
    /// Allow targets on other hosts; ask whom they belong to first
    #[arg(long)]
    pub allow_remote: bool,
    /// Requests that may be open at one time; what comes beyond is not sent and counts as missed
    #[arg(long, value_name = "COUNT", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub max_open: u32,
    /// Longest wait for an answer: seconds, or with ms, s or m
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    pub timeout: Duration,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub json: bool,
}

impl LoadArgs {
    /// Checks what no flag shows alone.
    ///
    /// # Errors
    /// When a target is on another host and that was not allowed.
    pub fn check(&self) -> Result<(), String> {
        match self.target.iter().find(|target| !is_loopback(target)) {
            Some(target) if !self.allow_remote => Err(format!(
                "--target {} is not this machine; --allow-remote sends traffic there all the same",
                base(target)
            )),
            _ => Ok(()),
        }
    }

    /// The instances that take the traffic.
    pub(super) fn targets(&self) -> Vec<Uri> {
        if self.target.is_empty() {
            ["8000", "8001", "8002"]
                .map(|port| format!("http://127.0.0.1:{port}"))
                .into_iter()
                .filter_map(|url| url.parse().ok())
                .collect()
        } else {
            self.target.clone()
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.1..=MAX_RATE).contains(&rate) => Ok(rate),
        _ => Err(format!("expected a number from 0.1 to {MAX_RATE}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_within_bounds() {
        assert_eq!(rate("2.5"), Ok(2.5));
        for wrong in ["0", "-1", "NaN", "inf", "100001", "", "10/s"] {
            assert!(rate(wrong).is_err(), "{wrong:?}");
        }
    }
}
