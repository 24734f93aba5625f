//! The settings of OpenTelemetry's SDKs
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).

use super::place::Place;

/// Resource attribute that tells one run from another.
pub(super) const RUN: &str = "lab.run";

/// What was attributed to resources before.
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// Names and values. `service` is the name of the service, `run` the mark of this run.
pub(super) fn of(
    place: &Place,
    service: Option<&str>,
    run: Option<&str>,
) -> Vec<(&'static str, String)> {
    let before = std::env::var_os(ATTRIBUTES).unwrap_or_default();
    let (endpoint, protocol) = match &place.otlp_http {
        Some(http) => (http, "http/protobuf"),
        None => (&place.otlp_grpc, "grpc"),
    };
    let mut variables = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.clone()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
    ];
    for (name, value) in [
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        // Half a second instead of five, a minute and one: what happens is seen at once.
        ("OTEL_BSP_SCHEDULE_DELAY", "500"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "500"),
        // Prometheus keeps no deltas.
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "cumulative",
        ),
        // Python's automatic instrumentation exports the log only when it is told to.
        ("OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", "true"),
    ] {
        variables.push((name, value.to_owned()));
    }
    if let Some(service) = service {
        variables.push(("OTEL_SERVICE_NAME", service.to_owned()));
    }
    if let Some(run) = run {
        let before = before.to_string_lossy();
        let before = before.trim_end_matches([',', ' ']);
        let comma = if before.is_empty() { "" } else { "," };
        variables.push((ATTRIBUTES, format!("{before}{comma}{RUN}={run}")));
    }
    variables
}
