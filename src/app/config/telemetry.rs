//! The settings of spans, log and metrics.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderMap;
use http::uri::Authority;
use jiff::tz::TimeZone;
use tracing_subscriber::EnvFilter;

use super::reader::{Given, Reader};
use super::values::{authority, boolean, headers, propagators, resource_attributes};
use super::{ConfigError, ServiceArgs, time_zone};
use crate::telemetry::batch::BatchSettings;
use crate::telemetry::log_line::LogFormat;
use crate::telemetry::otlp::Collector;
use crate::telemetry::propagation::Propagation;
use crate::telemetry::spool::SpoolSettings;
use crate::telemetry::{Settings, sampler};

/// Largest and usual size of the spool, in MiB.
const MAX_SPOOL: u64 = 1 << 20;
const USUAL_SPOOL: u64 = 64;

/// Largest size of the export queue. A span takes about 1 KB, so this bounds the memory.
const MAX_QUEUE: u64 = 1 << 20;

impl<'a> Reader<'a> {
    /// All settings of telemetry.
    pub(super) fn telemetry(&self, args: &'a ServiceArgs) -> Result<Settings, ConfigError> {
        let resource = self
            .first(&args.otel_resource_attributes, "OTEL_RESOURCE_ATTRIBUTES")
            .parse(
                Vec::new(),
                "key=value pairs separated by commas, percent-encoded",
                resource_attributes,
            )?;
        Ok(Settings {
            service_name: self.service_name(&args.app_name, &resource)?,
            service_version: env!("CARGO_PKG_VERSION"),
            // The service's spans are created in this crate.
            span_target: env!("CARGO_CRATE_NAME"),
            scope: (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            resource,
            collector: self.collector(&args.otlp_grpc_endpoint)?,
            sampler: self.sampler(args)?,
            batch: self.batch(args)?,
            spool: self.spool(args)?,
            propagation: self
                .first(&args.otel_propagators, "OTEL_PROPAGATORS")
                .parse(
                    Propagation::default(),
                    "tracecontext, baggage, or none, separated by commas",
                    propagators,
                )?,
            log_format: self.first(&args.log_format, "LOG_FORMAT").parse(
                LogFormat::Text,
                "text, json",
                |text| match text {
                    "text" => Some(LogFormat::Text),
                    "json" => Some(LogFormat::Json),
                    _ => None,
                },
            )?,
            log_filter: self.first(&args.rust_log, "RUST_LOG").parse(
                "info".to_owned(),
                "a level (off, error, warn, info, debug, trace) or target=level, separated by commas",
                |text| EnvFilter::builder().parse(text).ok().map(|_| text.to_owned()),
            )?,
            time_zone: self.first(&None, "TZ").parse(
                TimeZone::UTC,
                "a time zone of the IANA database, its file, or one in POSIX form",
                |text| time_zone::parse(text, self.variable("TZDIR").map(|(_, folder)| folder)),
            )?,
        })
    }

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

    fn is_disabled(&self) -> Result<bool, ConfigError> {
        self.first(&None, "OTEL_SDK_DISABLED")
            .parse(false, "true, false", boolean)
    }

    /// The collector that takes the spans. `None` when the export is off.
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
        let gzip = [
            "OTEL_EXPORTER_OTLP_COMPRESSION",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        ]
        .into_iter()
        .try_fold(false, |default, variable| {
            let given = self.first(&None, variable);
            given.parse(default, "gzip, none", |text| match text {
                "gzip" => Some(true),
                "none" => Some(false),
                _ => None,
            })
        })?;
        let headers = self.collector_headers()?;
        let endpoint = self.endpoint(flag)?;
        Ok(endpoint
            .filter(|_| exporter && !disabled)
            .map(|authority| Collector {
                endpoint: format!("http://{authority}"),
                timeout: Duration::from_millis(timeout),
                headers,
                gzip,
                user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")),
            }))
    }

    fn collector_headers(&self) -> Result<HeaderMap, ConfigError> {
        [
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
            // The value may hold a password, so the error leaves it out.
            read.map_err(|error| ConfigError {
                value: "…".to_owned(),
                ..error
            })
        })
    }

    /// Host and port of the collector; `None` when the setting is empty. The standard variables win over
    /// `OTLP_GRPC_ENDPOINT`. A variable that is set to an empty text counts, because that is how the
    /// export is turned off.
    fn endpoint(&self, flag: &'a Option<String>) -> Result<Option<Authority>, ConfigError> {
        let given = flag
            .as_deref()
            .map(|value| ("OTLP_GRPC_ENDPOINT", value))
            .or_else(|| self.variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
            .or_else(|| self.variable("OTEL_EXPORTER_OTLP_ENDPOINT"))
            .or_else(|| self.variable("OTLP_GRPC_ENDPOINT"))
            .unwrap_or(("OTLP_GRPC_ENDPOINT", "http://127.0.0.1:4317"));
        Given(Some(given)).parse(
            None,
            "http://host:port, host:port, or empty to turn the export off",
            |text| {
                if text.is_empty() {
                    Some(None)
                } else {
                    authority(text, 4317).map(Some)
                }
            },
        )
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
    /// Where spans wait that the collector does not take. `None` when no folder is named.
    fn spool(&self, args: &'a ServiceArgs) -> Result<Option<SpoolSettings>, ConfigError> {
        let folder = self.first(&args.span_spool_dir, "SPAN_SPOOL_DIR").parse(
            None,
            "a folder that no other instance uses",
            |text| (!text.is_empty()).then(|| Some(PathBuf::from(text))),
        )?;
        let mib = self.number(
            &args.span_spool_mib,
            "SPAN_SPOOL_MIB",
            USUAL_SPOOL,
            1..=MAX_SPOOL,
        )?;
        Ok(folder.map(|folder| SpoolSettings {
            folder,
            max_bytes: mib << 20,
        }))
    }
}
