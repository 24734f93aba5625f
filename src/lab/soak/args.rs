//! The flags of `lab soak`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::fault::{self, Fault, Kind, Part};

/// Break one part of a lab after the other under steady load, and print what each fault costs
///
/// Starts three instances, the embedded servers, a log shipper and a scraper, all on free ports. Each part is
/// killed, frozen, slowed, made to refuse and to answer garbage. Ends with exit code 1, and a line for
/// each promise that was broken, when a request failed because of telemetry, p99 grew too much, a counter
/// does not add up, a part did not recover within 10 s, or a file, thread or task was left over.
#[derive(Args, Clone, Debug)]
pub struct SoakArgs {
    /// Minutes that all faults take together, about; each takes as long as the others
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    pub minutes: f64,
    /// Requests a second, to all instances together
    #[arg(long, value_name = "NUMBER", default_value_t = 150, value_parser = clap::value_parser!(u32).range(1..=2000))]
    pub rate: u32,
    /// Short faults after the long ones, before what is left over is counted; 0 for none
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(..=100_000))]
    pub rounds: u32,
    /// Only these faults, as loki or loki-killed
    #[arg(long, value_name = "FAULT", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Milliseconds that p99 may grow by during a fault; 0 does not check. A fault that exceeds it is repeated
    /// twice, since other programs of the machine slow a run down too
    #[arg(long, value_name = "MS", default_value_t = 5)]
    pub p99_growth: u64,
    /// Address of the API of a real Tempo instead of the embedded one, as 127.0.0.1:3200
    #[arg(long, value_name = "IP:PORT", requires = "tempo_otlp")]
    pub tempo: Option<SocketAddr>,
    /// Address at which the real Tempo takes OTLP gRPC
    #[arg(long, value_name = "IP:PORT", requires = "tempo")]
    pub tempo_otlp: Option<SocketAddr>,
    /// Process of the real Tempo: it is stopped with a signal where it is to freeze
    #[arg(long, value_name = "PID", requires = "tempo", value_parser = clap::value_parser!(i32).range(2..))]
    pub tempo_pid: Option<i32>,
    /// Address of a real Loki instead of the embedded one, as 127.0.0.1:3100
    #[arg(long, value_name = "IP:PORT")]
    pub loki: Option<SocketAddr>,
    /// Process of the real Loki: it is stopped with a signal where it is to freeze
    #[arg(long, value_name = "PID", requires = "loki", value_parser = clap::value_parser!(i32).range(2..))]
    pub loki_pid: Option<i32>,
    /// Let the instances keep spans on disk that the collector does not take (SPAN_SPOOL_DIR)
    #[arg(long)]
    pub spool: bool,
    /// Break nothing: print the table of a report that --json has printed to this file
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Print JSON, one object
    #[arg(long)]
    pub json: bool,
}

impl SoakArgs {
    /// Checks what no flag shows alone.
    ///
    /// # Errors
    /// When the time is no time, or a fault is unknown.
    pub fn check(&self) -> Result<(), String> {
        if !(self.minutes > 0.0 && self.minutes <= 24.0 * 60.0) {
            return Err("--minutes takes a number above 0, up to 1440".to_owned());
        }
        let all = fault::all();
        for wanted in &self.only {
            if !all.iter().any(|fault| fault.is_named(wanted)) {
                let names: Vec<_> = all.iter().map(ToString::to_string).collect();
                return Err(format!(
                    "--only {wanted}: there is no such fault; there are {}",
                    names.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// The faults that were asked for.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let wanted = |fault: &Fault| {
            self.only.is_empty() || self.only.iter().any(|name| fault.is_named(name))
        };
        let possible = |fault: &Fault| match (fault.part, fault.kind) {
            // Only the embedded servers have a clock of their own and a stand-in without room.
            (Part::Collector, Kind::DiskFull) => self.tempo.is_none(),
            (Part::Loki, Kind::DiskFull | Kind::Clock) => self.loki.is_none(),
            _ => true,
        };
        let all = fault::all().into_iter();
        all.filter(wanted).filter(possible).collect()
    }

    /// Time for one of `count` faults.
    pub(super) fn slot(&self, count: usize) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0 / count.max(1) as f64)
    }
}
