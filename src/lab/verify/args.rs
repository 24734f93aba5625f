//! The command line of `lab verify`, and the servers that it names.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::http::{Server, UrlError};
use crate::lab::duration::duration;
use crate::lab::file_text::file_text;
use crate::lab::provisioning::Unusable;

/// Largest file with a password, in bytes.
const LONGEST_PASSWORD_FILE: u64 = 4096;

/// The servers that ship their own log beside the services, in the stack and on the machine.
const SERVERS: &str = "tempo,loki,prometheus,grafana,promtail";

/// Flags of `lab verify`; the defaults are the lab's ports.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// An instance of the service; the first gets the requests. Repeat it for each
    /// [default: http://127.0.0.1:8000, :8001 and :8002]
    #[arg(long, value_name = "URL")]
    pub app: Vec<String>,
    /// Tempo's API
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3200")]
    pub tempo: String,
    /// Loki's API
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3100")]
    pub loki: String,
    /// Prometheus' API
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    pub prometheus: String,
    /// Check Grafana too
    #[arg(long, value_name = "URL")]
    pub grafana: Option<String>,
    /// Grafana's user
    #[arg(
        long,
        value_name = "NAME",
        default_value = "admin",
        requires = "grafana"
    )]
    pub grafana_user: String,
    /// File that holds the password of Grafana's user; without it no login is sent
    #[arg(long, value_name = "FILE", requires = "grafana")]
    pub grafana_password_file: Option<PathBuf>,
    /// Check that these servers ship their own log, as in the stack and on the machine; without
    /// a value tempo, loki, prometheus, grafana and promtail. The embedded backends have no log
    /// of their own
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = SERVERS
    )]
    pub servers_log: Vec<String>,
    /// Check too that this address takes traces, logs and metrics over OTLP/HTTP, and that one request's worth of
    /// them is found again, correlated; without a value http://127.0.0.1:4318
    #[arg(
        long,
        value_name = "URL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "http://127.0.0.1:4318"
    )]
    pub otlp: Option<String>,
    /// There are no instances, as with `lab up --no-apps`: check only what --otlp sends
    #[arg(long, requires = "otlp", conflicts_with_all = ["app", "state", "existing"])]
    pub no_apps: bool,
    /// Longest wait for a promise: seconds, or with ms, s or m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub timeout: Duration,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub json: bool,
    /// File that keeps what this run has sent, for a later --existing
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Send nothing; check that what an earlier run has sent is still found, but for what went over OTLP
    #[arg(long, requires = "state")]
    pub existing: bool,
    /// Prove, in the place of the promises, that each incident can be solved by the telemetry of this lab, and that
    /// without its faults the telemetry tells nothing; a value names incidents, those of your own by the paths of
    /// their files. It breaks the lab, for up to --timeout each
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with_all = ["no_apps", "otlp", "existing", "state", "servers_log"]
    )]
    pub incidents: Option<Vec<String>>,
    /// The control port of an instance, in the order of --app. Repeat it for each
    /// [default: http://127.0.0.1:8100, :8101 and :8102]
    #[arg(long, value_name = "URL", requires = "incidents")]
    pub faults: Vec<String>,
    /// Seed of the incidents
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        requires = "incidents"
    )]
    pub seed: u64,
    /// Read the provisioned data sources from this folder (it holds grafana/datasources.yaml)
    /// instead of those built in
    #[arg(long, value_name = "DIR")]
    pub etc: Option<PathBuf>,
    /// Read the dashboards from this folder instead of those built in
    #[arg(long, value_name = "DIR")]
    pub dashboards: Option<PathBuf>,
}

/// The servers to be checked.
pub struct Lab {
    /// The instances of the service; none with `--no-apps`.
    pub apps: Vec<Server>,
    /// Tempo's API.
    pub tempo: Server,
    /// Loki's API.
    pub loki: Server,
    /// Prometheus' API.
    pub prometheus: Server,
    /// Grafana's API, if there is one.
    pub grafana: Option<Server>,
    /// What takes OTLP over HTTP, if it is to be checked.
    pub otlp: Option<Server>,
}

/// A flag cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// A flag's URL cannot be used.
    #[error("{flag}: {source}")]
    Url {
        /// The flag.
        flag: &'static str,
        /// The reason.
        source: UrlError,
    },
    /// A file that a flag names cannot be read or understood.
    #[error(transparent)]
    File(#[from] Unusable),
}

impl UsageError {
    /// A problem with the file that `flag` names.
    #[must_use]
    pub fn file(flag: &'static str, problem: impl Into<String>) -> Self {
        Self::File(Unusable::new(flag, problem))
    }
}

impl VerifyArgs {
    /// The servers that the flags name.
    ///
    /// # Errors
    /// [`UsageError`] for the first flag that cannot be used.
    pub fn lab(&self) -> Result<Lab, UsageError> {
        let server = |flag: &'static str, url: &str| {
            Server::new(url).map_err(|source| UsageError::Url { flag, source })
        };
        let default = [8000, 8001, 8002].map(|port| format!("http://127.0.0.1:{port}"));
        let urls = match (self.no_apps, self.app.is_empty()) {
            (true, _) => &[],
            (false, true) => &default[..],
            (false, false) => &self.app[..],
        };
        let grafana = match &self.grafana {
            None => None,
            Some(url) => {
                let server = server("--grafana", url)?;
                Some(match self.grafana_password()? {
                    Some(password) => server.with_login(&self.grafana_user, &password),
                    None => server,
                })
            }
        };
        Ok(Lab {
            apps: urls
                .iter()
                .map(|url| server("--app", url))
                .collect::<Result<_, _>>()?,
            tempo: server("--tempo", &self.tempo)?,
            loki: server("--loki", &self.loki)?,
            prometheus: server("--prometheus", &self.prometheus)?,
            grafana,
            otlp: match &self.otlp {
                Some(url) => Some(server("--otlp", url)?),
                None => None,
            },
        })
    }

    fn grafana_password(&self) -> Result<Option<String>, UsageError> {
        let Some(file) = &self.grafana_password_file else {
            return Ok(None);
        };
        let text = file_text(file, LONGEST_PASSWORD_FILE).map_err(|error| {
            UsageError::file(
                "--grafana-password-file",
                format!("{}: {error}", file.display()),
            )
        })?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}
