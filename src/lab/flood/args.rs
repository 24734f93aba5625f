//! The command line of `lab flood`.

use std::time::Duration;

use clap::Args;
use http::Uri;

use super::signal::Signal;
use crate::lab::duration::duration;
use crate::lab::target::{base, http_url, is_loopback};

/// Largest rate, in items a second.
const MAX_RATE: u64 = 10_000_000;

/// Most samples a second of one series: each has a time of its own, in milliseconds, with room for a late request.
const PER_SERIES: u64 = 10;

const EXAMPLES: &str = "\
Examples:
  lab flood
  lab flood --spans 20000 --lines 40000 --samples 100000 --series 10000 --duration 1m
  lab flood --to http://127.0.0.1:4318 --lines 0 --samples 0 --json

Spans, lines and samples go to /v1/traces, /v1/logs and /v1/metrics of the address, as protobuf.
Rates are kept by the clock: what cannot leave in time is not sent later, and counts as not sent.
A line has the ids of a span, a counter an exemplar with them. Ctrl-C ends early.

Exit code 0 when everything was sent and accepted (99 of 100 items left in time, none was refused
or without an answer), 1 when it was not, 2 when a flag is wrong or the address cannot be reached.";

/// Send spans, log lines and samples over OTLP at steady rates and report how they were taken
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct FloodArgs {
    /// The address that takes OTLP over HTTP
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4318", value_parser = http_url)]
    pub to: Uri,
    /// Allow an address on another host; ask whom it belongs to first
    #[arg(long)]
    pub allow_remote: bool,
    /// Spans a second; 0 sends none
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(0..=MAX_RATE))]
    pub spans: u64,
    /// Log lines a second; 0 sends none
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(0..=MAX_RATE))]
    pub lines: u64,
    /// Samples a second; 0 sends none
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(0..=MAX_RATE))]
    pub samples: u64,
    /// Time series that the samples belong to
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=MAX_RATE))]
    pub series: u64,
    /// Services that the telemetry comes from
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(2..=1000))]
    pub services: u64,
    /// For how long: seconds, or with ms, s or m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub duration: Duration,
    /// Longest wait for an answer: seconds, or with ms, s or m
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    pub timeout: Duration,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub json: bool,
}

impl FloodArgs {
    /// Checks what no flag shows alone.
    ///
    /// # Errors
    /// When the address is on another host and that was not allowed, when nothing is to be sent, or when the series are
    /// too few for the samples.
    pub fn check(&self) -> Result<(), String> {
        if !is_loopback(&self.to) && !self.allow_remote {
            return Err(format!(
                "--to {} is not this machine; --allow-remote sends telemetry there all the same",
                base(&self.to)
            ));
        }
        if self.spans + self.lines + self.samples == 0 {
            return Err(
                "--spans, --lines and --samples are all 0: nothing would be sent".to_owned(),
            );
        }
        // The samples of a batch are of different series, and each sender has its own.
        let (batch, senders) = Signal::Samples.shared_out(self.samples);
        let least = (batch * senders).max(self.samples.div_ceil(PER_SERIES));
        if self.series < least {
            return Err(format!(
                "--samples {} needs at least --series {least}",
                self.samples
            ));
        }
        Ok(())
    }
}
