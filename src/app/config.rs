//! The service's settings: every environment variable is also a flag, and the flag wins.

mod reader;
mod time_zone;
mod values;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use clap::Args;
use http::HeaderMap;
use http::uri::Authority;
use jiff::tz::TimeZone;
use tracing_subscriber::EnvFilter;

use super::limits::Limits;
use crate::guard::{Guard, Hosts};
use crate::telemetry::batch::BatchSettings;
use crate::telemetry::log_line::LogFormat;
use crate::telemetry::otlp::Collector;
use crate::telemetry::propagation::Propagation;
use crate::telemetry::{Settings, sampler};
use reader::{Given, Reader};
use values::{authority, boolean, headers, propagators, resource_attributes};

/// Port that `/chain` calls on a target that names none, as in a container network.
const TARGET_PORT: u16 = 8000;

/// Most spans that the export queue may be set to hold; at about 1 KB each, a bound on memory.
const MAX_QUEUE: u64 = 1 << 20;

/// The service's flags. Each stands for the environment variable of the same name in capitals,
/// or for the ones named, the first that is set.
#[derive(Args, Clone, Debug, Default)]
pub struct ServiceArgs {
    /// Service name [env: OTEL_SERVICE_NAME, APP_NAME] [default: app]
    #[arg(long, value_name = "NAME")]
    pub app_name: Option<String>,
    /// Address to listen on [env: EXPOSE_HOST] [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub expose_host: Option<String>,
    /// Port to listen on, 0 for any free one [env: EXPOSE_PORT] [default: 8000]
    #[arg(long, value_name = "PORT")]
    pub expose_port: Option<String>,
    /// Where spans go over OTLP gRPC; empty turns the export off
    /// [env: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT, OTLP_GRPC_ENDPOINT]
    /// [default: http://127.0.0.1:4317]
    #[arg(long, value_name = "URL")]
    pub otlp_grpc_endpoint: Option<String>,
    /// First host that /chain calls, host, host:port or a URL [env: TARGET_ONE_HOST]
    /// [default: 127.0.0.1:8001]
    #[arg(long, value_name = "HOST")]
    pub target_one_host: Option<String>,
    /// Second host that /chain calls [env: TARGET_TWO_HOST] [default: 127.0.0.1:8002]
    #[arg(long, value_name = "HOST")]
    pub target_two_host: Option<String>,
    /// Log line: text or json [env: LOG_FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Which log lines are written [env: RUST_LOG] [default: info]
    #[arg(long, value_name = "FILTER")]
    pub rust_log: Option<String>,
    /// Attributes of all spans, key=value,… [env: OTEL_RESOURCE_ATTRIBUTES]
    #[arg(long, value_name = "LIST")]
    pub otel_resource_attributes: Option<String>,
    /// Sampler [env: OTEL_TRACES_SAMPLER] [default: parentbased_always_on]
    #[arg(long, value_name = "NAME")]
    pub otel_traces_sampler: Option<String>,
    /// Share of traces that a ratio sampler keeps, 0 to 1 [env: OTEL_TRACES_SAMPLER_ARG]
    /// [default: 1]
    #[arg(long, value_name = "RATIO")]
    pub otel_traces_sampler_arg: Option<String>,
    /// Propagation formats: tracecontext, baggage, none [env: OTEL_PROPAGATORS]
    /// [default: tracecontext,baggage]
    #[arg(long, value_name = "LIST")]
    pub otel_propagators: Option<String>,
    /// Spans that may wait for export [env: OTEL_BSP_MAX_QUEUE_SIZE] [default: 2048]
    #[arg(long, value_name = "SPANS")]
    pub otel_bsp_max_queue_size: Option<String>,
    /// Spans sent at once [env: OTEL_BSP_MAX_EXPORT_BATCH_SIZE] [default: 512]
    #[arg(long, value_name = "SPANS")]
    pub otel_bsp_max_export_batch_size: Option<String>,
    /// Longest wait for a batch to fill, in ms [env: OTEL_BSP_SCHEDULE_DELAY] [default: 5000]
    #[arg(long, value_name = "MS")]
    pub otel_bsp_schedule_delay: Option<String>,
    /// Longest time for one export, in ms [env: OTEL_BSP_EXPORT_TIMEOUT] [default: 30000]
    #[arg(long, value_name = "MS")]
    pub otel_bsp_export_timeout: Option<String>,
    /// Requests answered at a time; more get 503 [env: MAX_CONCURRENT_REQUESTS] [default: 1024]
    #[arg(long, value_name = "COUNT")]
    pub max_concurrent_requests: Option<String>,
    /// Largest request head; a larger one gets 431 [env: MAX_HEADER_BYTES] [default: 16384]
    #[arg(long, value_name = "BYTES")]
    pub max_header_bytes: Option<String>,
    /// Largest request body; a larger one gets 413 [env: MAX_BODY_BYTES] [default: 65536]
    #[arg(long, value_name = "BYTES")]
    pub max_body_bytes: Option<String>,
    /// Longest time for a request, in ms; then 504 [env: REQUEST_TIMEOUT] [default: 30000]
    #[arg(long, value_name = "MS")]
    pub request_timeout: Option<String>,
    /// Longest time for one call of /chain, in ms; then 504 [env: TARGET_TIMEOUT] [default: 5000]
    #[arg(long, value_name = "MS")]
    pub target_timeout: Option<String>,
    /// Names under which the service may be asked beside IP addresses, localhost and names without a
    /// dot: name, *.name, or * for any, separated by commas [env: ALLOWED_HOSTS]
    #[arg(long, value_name = "LIST")]
    pub allowed_hosts: Option<String>,
    /// Origins of web pages that may ask the service, as http://localhost:5173, or * for any,
    /// separated by commas [env: ALLOWED_ORIGINS]
    #[arg(long, value_name = "LIST")]
    pub allowed_origins: Option<String>,
}

/// The settings of one service instance.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// First and second target of `/chain`.
    pub targets: [Authority; 2],
    /// Bounds on what a request may cost.
    pub limits: Limits,
    /// Longest time for one call of `/chain`.
    pub target_timeout: Duration,
    /// Who may ask.
    pub guard: Guard,
    /// Everything about spans, log and metrics.
    pub telemetry: Settings,
}

/// A setting has a value that is not allowed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value:?}; allowed: {allowed}")]
pub struct ConfigError {
    /// The variable or flag.
    pub name: String,
    /// The value.
    pub value: String,
    /// Values that are allowed.
    pub allowed: String,
}

impl Config {
    /// The settings that flags and environment give together.
    ///
    /// # Errors
    /// [`ConfigError`] for the first value that is not allowed.
    pub fn resolve(
        args: &ServiceArgs,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let read = Reader(environment);
        let resource = read
            .first(&args.otel_resource_attributes, "OTEL_RESOURCE_ATTRIBUTES")
            .parse(
                Vec::new(),
                "key=value pairs separated by commas, percent-encoded",
                resource_attributes,
            )?;
        let host = read.first(&args.expose_host, "EXPOSE_HOST").parse(
            IpAddr::from([127, 0, 0, 1]),
            "an IP address",
            |text| text.parse().ok(),
        )?;
        let port = read.first(&args.expose_port, "EXPOSE_PORT").parse(
            8000,
            "a port from 0 to 65535",
            |text| text.parse().ok(),
        )?;
        let target_one = read.target(
            &args.target_one_host,
            "TARGET_ONE_HOST",
            Authority::from_static("127.0.0.1:8001"),
        )?;
        let target_two = read.target(
            &args.target_two_host,
            "TARGET_TWO_HOST",
            Authority::from_static("127.0.0.1:8002"),
        )?;
        let limits = Limits {
            max_concurrent_requests: read.number(
                &args.max_concurrent_requests,
                "MAX_CONCURRENT_REQUESTS",
                1024,
                1..=1_000_000,
            )? as usize,
            // The HTTP library takes no smaller buffer than 8 KiB.
            max_header_bytes: read.number(
                &args.max_header_bytes,
                "MAX_HEADER_BYTES",
                16 * 1024,
                8192..=1024 * 1024,
            )? as usize,
            max_body_bytes: read.number(
                &args.max_body_bytes,
                "MAX_BODY_BYTES",
                64 * 1024,
                0..=1024 * 1024 * 1024,
            )?,
            request_timeout: read.milliseconds(&args.request_timeout, "REQUEST_TIMEOUT", 30_000)?,
        };
        let target_timeout = read.milliseconds(&args.target_timeout, "TARGET_TIMEOUT", 5_000)?;
        let hosts = read.list(
            &args.allowed_hosts,
            "ALLOWED_HOSTS",
            "host names without a port, *.name for all below one, or * for any, separated by commas",
        )?;
        let origins = read.list(
            &args.allowed_origins,
            "ALLOWED_ORIGINS",
            "origins such as http://host:port without a path, or * for any, separated by commas",
        )?;
        // Containers and services call one another by names without a dot.
        let hosts = Hosts::new(hosts).and_names_without_dot();
        let guard = Guard::new(hosts, origins, "ALLOWED_HOSTS");
        let telemetry = Settings {
            service_name: read.service_name(&args.app_name, &resource)?,
            service_version: env!("CARGO_PKG_VERSION"),
            resource,
            collector: read.collector(&args.otlp_grpc_endpoint)?,
            sampler: read.sampler(args)?,
            batch: read.batch(args)?,
            propagation: read
                .first(&args.otel_propagators, "OTEL_PROPAGATORS")
                .parse(
                    Propagation::default(),
                    "tracecontext, baggage, or none, separated by commas",
                    propagators,
                )?,
            log_format: read.first(&args.log_format, "LOG_FORMAT").parse(
                LogFormat::Text,
                "text, json",
                |text| match text {
                    "text" => Some(LogFormat::Text),
                    "json" => Some(LogFormat::Json),
                    _ => None,
                },
            )?,
            log_filter: read.first(&args.rust_log, "RUST_LOG").parse(
                "info".to_owned(),
                "a level (off, error, warn, info, debug, trace) or target=level, separated by commas",
                |text| EnvFilter::builder().parse(text).ok().map(|_| text.to_owned()),
            )?,
            time_zone: read.first(&None, "TZ").parse(
                TimeZone::UTC,
                "a time zone of the IANA database, its file, or one in POSIX form",
                |text| time_zone::parse(text, environment.get("TZDIR").map(String::as_str)),
            )?,
        };
        Ok(Self {
            host,
            port,
            targets: [target_one, target_two],
            limits,
            target_timeout,
            guard,
            telemetry,
        })
    }
}

impl<'a> Reader<'a> {
    fn service_name(
        &self,
        flag: &'a Option<String>,
        resource: &[(String, String)],
    ) -> Result<String, ConfigError> {
        let given = self.first(flag, "OTEL_SERVICE_NAME").0;
        let attribute = resource
            .iter()
            .find(|(key, _)| key == "service.name")
            .map(|(_, value)| ("OTEL_RESOURCE_ATTRIBUTES", value.as_str()));
        let name = given
            .or(attribute)
            .or_else(|| self.first(&None, "APP_NAME").0);
        Given(name).parse("app".to_owned(), "a name of 1 to 128 characters", |name| {
            (1..=128)
                .contains(&name.chars().count())
                .then(|| name.to_owned())
        })
    }

    fn target(
        &self,
        flag: &'a Option<String>,
        variable: &'static str,
        default: Authority,
    ) -> Result<Authority, ConfigError> {
        self.first(flag, variable)
            .parse(default, "host, host:port or http://host:port", |text| {
                authority(text, TARGET_PORT)
            })
    }

    fn is_disabled(&self) -> Result<bool, ConfigError> {
        self.first(&None, "OTEL_SDK_DISABLED")
            .parse(false, "true, false", boolean)
    }

    /// The standard variables win over the seed's; a set but empty one counts: it is how the
    /// export is turned off.
    fn collector(&self, flag: &'a Option<String>) -> Result<Option<Collector>, ConfigError> {
        let disabled = self.is_disabled()?;
        let exporter = self.first(&None, "OTEL_TRACES_EXPORTER").parse(
            true,
            "otlp, none",
            |text| match text {
                "otlp" => Some(true),
                "none" => Some(false),
                _ => None,
            },
        )?;
        for variable in [
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        ] {
            self.first(&None, variable)
                .parse((), "grpc", |text| (text == "grpc").then_some(()))?;
        }
        let timeout = [
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        ]
        .into_iter()
        .try_fold(10_000, |default, variable| {
            self.milliseconds(&None, variable, default)
                .map(|set| set.as_millis() as u64)
        })?;
        for variable in [
            "OTEL_EXPORTER_OTLP_COMPRESSION",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        ] {
            self.first(&None, variable)
                .parse((), "none", |text| (text == "none").then_some(()))?;
        }
        let headers = [
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        ]
        .into_iter()
        .try_fold(HeaderMap::new(), |default, variable| {
            let given = self.first(&None, variable);
            let read = given.parse(
                default,
                "name=value pairs separated by commas, percent-encoded",
                headers,
            );
            // They hold passwords.
            read.map_err(|error| ConfigError {
                value: "…".to_owned(),
                ..error
            })
        })?;
        let given = flag
            .as_deref()
            .map(|value| ("OTLP_GRPC_ENDPOINT", value))
            .or_else(|| self.variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
            .or_else(|| self.variable("OTEL_EXPORTER_OTLP_ENDPOINT"))
            .or_else(|| self.variable("OTLP_GRPC_ENDPOINT"))
            .unwrap_or(("OTLP_GRPC_ENDPOINT", "http://127.0.0.1:4317"));
        let endpoint = Given(Some(given)).parse(
            None,
            "http://host:port, host:port, or empty to turn the export off",
            |text| {
                if text.is_empty() {
                    Some(None)
                } else {
                    authority(text, 4317).map(Some)
                }
            },
        )?;
        Ok(endpoint
            .filter(|_| exporter && !disabled)
            .map(|authority| Collector {
                endpoint: format!("http://{authority}"),
                timeout: Duration::from_millis(timeout),
                headers,
            }))
    }

    fn sampler(
        &self,
        args: &'a ServiceArgs,
    ) -> Result<opentelemetry_sdk::trace::Sampler, ConfigError> {
        let disabled = self.is_disabled()?;
        let ratio = self
            .first(&args.otel_traces_sampler_arg, "OTEL_TRACES_SAMPLER_ARG")
            .parse(1.0, "a number from 0 to 1", |text| {
                text.parse()
                    .ok()
                    .filter(|ratio| (0.0..=1.0).contains(ratio))
            })?;
        let name = self.first(&args.otel_traces_sampler, "OTEL_TRACES_SAMPLER");
        let given = name
            .0
            .unwrap_or(("OTEL_TRACES_SAMPLER", "parentbased_always_on"));
        let off = opentelemetry_sdk::trace::Sampler::AlwaysOff;
        let sampler = Given(Some(given)).parse(off.clone(), sampler::ALLOWED, |text| {
            sampler::parse(text, ratio)
        })?;
        Ok(if disabled { off } else { sampler })
    }

    fn batch(&self, args: &'a ServiceArgs) -> Result<BatchSettings, ConfigError> {
        let default = BatchSettings::default();
        let max_queue_size = self.number(
            &args.otel_bsp_max_queue_size,
            "OTEL_BSP_MAX_QUEUE_SIZE",
            default.max_queue_size as u64,
            1..=MAX_QUEUE,
        )?;
        let max_export_batch_size = self.number(
            &args.otel_bsp_max_export_batch_size,
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
            (default.max_export_batch_size as u64).min(max_queue_size),
            1..=max_queue_size,
        )?;
        Ok(BatchSettings {
            max_queue_size: max_queue_size as usize,
            max_export_batch_size: max_export_batch_size as usize,
            schedule_delay: self.milliseconds(
                &args.otel_bsp_schedule_delay,
                "OTEL_BSP_SCHEDULE_DELAY",
                default.schedule_delay.as_millis() as u64,
            )?,
            export_timeout: self.milliseconds(
                &args.otel_bsp_export_timeout,
                "OTEL_BSP_EXPORT_TIMEOUT",
                default.export_timeout.as_millis() as u64,
            )?,
        })
    }
}
