//! The part of `prometheus.yml` that the scraper understands.
//!
//! Read: `global.scrape_interval`, `global.scrape_timeout`, `global.evaluation_interval` and `scrape_configs` with `job_name`,
//! `scrape_interval`, `scrape_timeout`, `metrics_path`, `scheme` (`http`), `honor_labels`,
//! `honor_timestamps`, `sample_limit`, `body_size_limit`, `static_configs`, and globally or in a job
//! `scrape_native_histograms` and `always_scrape_classic_histograms`. Accepted and ignored, since
//! they do not change what is scraped: `global.external_labels`, `rule_files`, `alerting`, `storage`. Any other key is an error that names it.
//! See the [configuration reference](https://prometheus.io/docs/prometheus/latest/configuration/configuration/).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::wire::duration::prometheus;

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not YAML, or with a key or value that is not understood.
    #[error("scrape configuration: {0}")]
    Syntax(String),
    /// Understood, but not usable.
    #[error("scrape configuration: job {job:?}: {problem}")]
    Job {
        /// The job's name.
        job: String,
        /// The problem.
        problem: String,
    },
}

/// One address to scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSpec {
    /// `host:port`, which becomes the label `instance`.
    pub address: String,
    /// Labels added to every series.
    pub labels: BTreeMap<String, String>,
}

/// One scrape job with its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Unique; becomes the label `job`.
    pub job_name: String,
    /// Time between two scrapes of a target.
    pub scrape_interval: Duration,
    /// Longest time that a scrape may take, not above the interval.
    pub scrape_timeout: Duration,
    /// Path of the exposition.
    pub metrics_path: String,
    /// True if scraped labels win over `job`, `instance` and the static labels.
    pub honor_labels: bool,
    /// True if timestamps in the exposition are used.
    pub honor_timestamps: bool,
    /// True if native histograms are asked for and read. Only the protobuf format has them.
    pub scrape_native_histograms: bool,
    /// True if the classic form of a histogram is read also where there is a native one.
    pub always_scrape_classic_histograms: bool,
    /// Samples that a scrape may bring; `None`: the store's own limit.
    pub sample_limit: Option<usize>,
    /// Bytes that a scrape may bring; `None`: the store's own limit.
    pub body_size_limit: Option<usize>,
    /// Targets of the job.
    pub targets: Vec<TargetSpec>,
}

/// All scrape jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeConfig {
    /// In the order of the file.
    pub jobs: Vec<Job>,
    /// Time between two evaluations of a group of rules that says none.
    pub evaluation_interval: Duration,
}

impl ScrapeConfig {
    /// Reads a `prometheus.yml`.
    ///
    /// # Errors
    /// [`ConfigError`], which names the key or the job.
    pub fn parse(yaml: &str) -> Result<Self, ConfigError> {
        let file: File =
            serde_saphyr::from_str(yaml).map_err(|error| ConfigError::Syntax(error.to_string()))?;
        let mut jobs: Vec<Job> = Vec::with_capacity(file.scrape_configs.len());
        for raw in file.scrape_configs {
            let name = raw.job_name.clone();
            let fail = |problem: String| ConfigError::Job {
                job: name.clone(),
                problem,
            };
            if jobs.iter().any(|job| job.job_name == raw.job_name) {
                return Err(fail(
                    "found multiple scrape configs with this job name".to_owned(),
                ));
            }
            jobs.push(raw.check(&file.global).map_err(fail)?);
        }
        let interval = file.global.evaluation_interval.as_deref().unwrap_or("1m");
        let nanos = prometheus::parse(interval)
            .ok()
            .and_then(|nanos| u64::try_from(nanos).ok())
            .filter(|nanos| *nanos > 0)
            .ok_or_else(|| {
                ConfigError::Syntax(format!("{interval:?} is no global.evaluation_interval"))
            })?;
        Ok(Self {
            jobs,
            evaluation_interval: Duration::from_nanos(nanos),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    global: Global,
    #[serde(default)]
    scrape_configs: Vec<RawJob>,
    #[serde(default, rename = "rule_files")]
    _rule_files: IgnoredAny,
    #[serde(default, rename = "alerting")]
    _alerting: IgnoredAny,
    #[serde(default, rename = "storage")]
    _storage: IgnoredAny,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Global {
    scrape_interval: Option<String>,
    scrape_timeout: Option<String>,
    evaluation_interval: Option<String>,
    #[serde(default)]
    scrape_native_histograms: bool,
    #[serde(default)]
    always_scrape_classic_histograms: bool,
    #[serde(default, rename = "external_labels")]
    _external_labels: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawJob {
    job_name: String,
    scrape_interval: Option<String>,
    scrape_timeout: Option<String>,
    metrics_path: Option<String>,
    scheme: Option<String>,
    #[serde(default)]
    honor_labels: bool,
    honor_timestamps: Option<bool>,
    scrape_native_histograms: Option<bool>,
    always_scrape_classic_histograms: Option<bool>,
    #[serde(default)]
    sample_limit: usize,
    body_size_limit: Option<Size>,
    #[serde(default)]
    static_configs: Vec<StaticConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StaticConfig {
    targets: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Bytes(usize),
    Text(String),
}

impl RawJob {
    fn check(self, global: &Global) -> Result<Job, String> {
        if self.job_name.is_empty() {
            return Err("job_name is empty".to_owned());
        }
        let time = |own: &Option<String>, general: &Option<String>, otherwise: i64| match own
            .as_ref()
            .or(general.as_ref())
        {
            Some(text) => prometheus::parse(text).map(|nanos| nanos / 1_000_000),
            None => Ok(otherwise),
        };
        let interval = time(&self.scrape_interval, &global.scrape_interval, 60_000)?;
        if interval == 0 {
            return Err("scrape_interval is 0".to_owned());
        }
        let mut timeout = time(
            &self.scrape_timeout,
            &global.scrape_timeout,
            10_000.min(interval),
        )?;
        if self.scrape_timeout.is_none() {
            timeout = timeout.min(interval);
        }
        if timeout == 0 || timeout > interval {
            return Err(
                "scrape_timeout must be above 0 and not greater than scrape_interval".to_owned(),
            );
        }
        if let Some(scheme) = self.scheme.filter(|scheme| scheme != "http") {
            return Err(format!(
                "scheme {scheme:?} is not supported here, only \"http\""
            ));
        }
        let metrics_path = self.metrics_path.unwrap_or_else(|| "/metrics".to_owned());
        if !metrics_path.starts_with('/') {
            return Err(format!(
                "metrics_path {metrics_path:?} must start with \"/\""
            ));
        }
        let mut targets = Vec::new();
        for group in self.static_configs {
            if let Some(label) = group.labels.keys().find(|label| label.starts_with("__")) {
                return Err(format!(
                    "label {label:?} in static_configs is not supported here"
                ));
            }
            for address in group.targets {
                if address.is_empty() || address.contains(['/', ' ', '@']) {
                    return Err(format!("{address:?} is not a valid host and port"));
                }
                targets.push(TargetSpec {
                    address,
                    labels: group.labels.clone(),
                });
            }
        }
        Ok(Job {
            job_name: self.job_name,
            scrape_interval: Duration::from_millis(interval.unsigned_abs()),
            scrape_timeout: Duration::from_millis(timeout.unsigned_abs()),
            metrics_path,
            honor_labels: self.honor_labels,
            honor_timestamps: self.honor_timestamps.unwrap_or(true),
            scrape_native_histograms: self
                .scrape_native_histograms
                .unwrap_or(global.scrape_native_histograms),
            always_scrape_classic_histograms: self
                .always_scrape_classic_histograms
                .unwrap_or(global.always_scrape_classic_histograms),
            sample_limit: (self.sample_limit > 0).then_some(self.sample_limit),
            body_size_limit: self
                .body_size_limit
                .map(Size::bytes)
                .transpose()?
                .filter(|size| *size > 0),
            targets,
        })
    }
}

impl Size {
    /// `10MB` and the like; Prometheus counts them in powers of two with either spelling.
    fn bytes(self) -> Result<usize, String> {
        let text = match self {
            Self::Bytes(bytes) => return Ok(bytes),
            Self::Text(text) => text,
        };
        let digits = text
            .find(|one: char| !one.is_ascii_digit())
            .unwrap_or(text.len());
        let shift = match &text[digits..] {
            "B" | "" => 0,
            "KB" | "KiB" => 10,
            "MB" | "MiB" => 20,
            "GB" | "GiB" => 30,
            _ => return Err(format!("body_size_limit {text:?} is not a size")),
        };
        text[..digits]
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_mul(1 << shift))
            .ok_or_else(|| format!("body_size_limit {text:?} is not a size"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_names_every_server_of_the_lab() {
        let config = ScrapeConfig::parse(include_str!(
            "../../../../../../etc/prometheus/prometheus.yml"
        ))
        .unwrap();
        let names: Vec<&str> = config
            .jobs
            .iter()
            .map(|job| job.job_name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "app-a",
                "app-b",
                "app-c",
                "prometheus",
                "tempo",
                "loki",
                "promtail",
                "grafana"
            ]
        );
        assert_eq!(config.jobs[0].scrape_interval, Duration::from_secs(5));
        assert_eq!(config.jobs[0].targets[0].address, "127.0.0.1:8000");
        assert_eq!(config.jobs[3].scrape_interval, Duration::from_secs(15));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (yaml, named) in [
            ("remote_write: []", "remote_write"),
            (
                "scrape_configs: [{job_name: a, relabel_configs: []}]",
                "relabel_configs",
            ),
            ("global: {scrape_intervall: 5s}", "scrape_intervall"),
            ("scrape_configs: [{job_name: a, scheme: https}]", "https"),
            ("scrape_configs: [{job_name: a}, {job_name: a}]", "multiple"),
            ("scrape_configs: [{job_name: a, scrape_interval: 5}]", "5"),
            (
                "scrape_configs: [{job_name: a, scrape_interval: 5s, scrape_timeout: 6s}]",
                "scrape_timeout",
            ),
            (
                "scrape_configs: [{job_name: a, static_configs: [{targets: ['http://b']}]}]",
                "http://b",
            ),
            (
                "scrape_configs: [{job_name: a, body_size_limit: 5XB}]",
                "5XB",
            ),
            (": : :", ""),
        ] {
            let error = ScrapeConfig::parse(yaml).expect_err(yaml).to_string();
            assert!(error.contains(named), "{yaml} → {error}");
        }
    }

    #[test]
    fn the_file_of_the_real_prometheus_is_read() {
        let config = ScrapeConfig::parse(include_str!(
            "../../../../../../etc/prometheus/prometheus.yml"
        ))
        .unwrap();
        let addresses: Vec<&str> = config
            .jobs
            .iter()
            .filter(|job| job.job_name.starts_with("app-"))
            .flat_map(|job| &job.targets)
            .map(|target| target.address.as_str())
            .collect();
        assert_eq!(
            addresses,
            ["127.0.0.1:8000", "127.0.0.1:8001", "127.0.0.1:8002"]
        );
    }
}
