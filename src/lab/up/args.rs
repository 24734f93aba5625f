//! The flags of `lab up`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::Uri;

use crate::guard::{AllowedOrigin, Name};
use crate::lab::target::http_url;

/// Run the whole lab: instances of the service, the servers that observe them, and the console.
#[derive(Args, Clone, Debug)]
pub struct UpArgs {
    /// Instances of the service: app-a, app-b, …
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=26))]
    pub app_count: u16,
    /// No instances: only the backends, for a program of your own
    #[arg(long, conflicts_with = "app_count")]
    pub no_apps: bool,
    /// Address that everything listens on
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Host name that requests may have beside IP addresses, localhost and this machine's own name, as
    /// host.docker.internal; *.name for all names below one, * for any
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub allow_host: Vec<Name>,
    /// Origin of web pages that may send requests and read the responses, as http://localhost:5173; * for
    /// any
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<AllowedOrigin>,
    /// Port of app-a; the other instances take the ports after it. 0 takes any free ports, here and
    /// below
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    pub app_port: u16,
    /// A port for each instance at which faults can be set, for learning to find them; on loopback only
    #[arg(long, conflicts_with = "no_apps")]
    pub faults: bool,
    /// That port of app-a; the other instances take the ports after it
    #[arg(long, value_name = "PORT", default_value_t = 8100)]
    pub faults_port: u16,
    /// Port of the console
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    pub console_port: u16,
    /// Serve the console from this folder, read anew at each request, for work on it
    #[arg(long, value_name = "DIR")]
    pub console_dir: Option<PathBuf>,
    /// Port of the Prometheus API
    #[arg(long, value_name = "PORT", default_value_t = 9090)]
    pub prometheus_port: u16,
    /// Port of the Loki API
    #[arg(long, value_name = "PORT", default_value_t = 3100)]
    pub loki_port: u16,
    /// Port of the Tempo API
    #[arg(long, value_name = "PORT", default_value_t = 3200)]
    pub tempo_port: u16,
    /// Port of the OTLP receiver for gRPC
    #[arg(long, value_name = "PORT", default_value_t = 4317)]
    pub otlp_grpc_port: u16,
    /// Port of the OTLP receiver for HTTP
    #[arg(long, value_name = "PORT", default_value_t = 4318)]
    pub otlp_http_port: u16,
    /// A real Prometheus instead of the embedded one; it has to scrape the instances itself
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub prometheus: Option<Uri>,
    /// A real Loki instead of the embedded one; log lines are sent there
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub loki: Option<Uri>,
    /// A real Tempo instead of the embedded one; spans are sent to port 4317 of its host
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub tempo: Option<Uri>,
    /// Address at which a real Tempo takes OTLP gRPC, if not port 4317 of its host
    #[arg(long, value_name = "URL", value_parser = http_url, requires = "tempo")]
    pub tempo_otlp: Option<Uri>,
    /// Show the dashboards (*.json) of this folder in the console too; one with the uid of a dashboard of the
    /// lab takes its place
    #[arg(long, value_name = "DIR")]
    pub dashboards: Option<PathBuf>,
    /// Incidents of your own (*.toml) on the page Incidents, beside those built in
    #[arg(long, value_name = "DIR")]
    pub incidents: Option<PathBuf>,
    /// Time that each embedded store keeps its data: a number with s, m or h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = retention)]
    pub retention: Duration,
    /// Memory that each embedded store may take, in MiB. The bounds of requests and queries follow it
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(8..=65536))]
    pub store_mib: u64,
    /// No service graph and span metrics from the spans that come in
    #[arg(long)]
    pub no_generator: bool,
    /// The log lines of the instances: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub log_format: String,
    /// Print only errors
    #[arg(long)]
    pub quiet: bool,
    /// Print JSON, one object a line
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
}

impl UpArgs {
    /// Checks what no flag shows alone.
    ///
    /// # Errors
    /// When the instances need more ports than there are from the first one on.
    pub fn check(&self) -> Result<(), String> {
        let count = self.app_count;
        let mut firsts = Vec::new();
        if !self.no_apps {
            firsts.push(("--app-port", self.app_port));
        }
        if self.faults {
            firsts.push(("--faults-port", self.faults_port));
        }
        for (flag, first) in firsts {
            let last = u32::from(first) + u32::from(count) - 1;
            if first != 0 && last > u32::from(u16::MAX) {
                return Err(format!(
                    "{flag} {first} leaves no ports for {count} instances; give {} or less",
                    u16::MAX - count + 1
                ));
            }
        }
        Ok(())
    }
}

/// A time such as `90s`, `15m` or `1h`, of a minute at least.
fn retention(text: &str) -> Result<Duration, String> {
    let wrong = || "give a number with s, m or h, from 60s to 168h".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number
        .checked_mul(seconds)
        .filter(|seconds| (60..=168 * 3600).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}
