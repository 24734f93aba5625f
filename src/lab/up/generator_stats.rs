//! Numbers of the generator of span metrics, by the names that Tempo's own have.

use prometheus::Registry;

use super::stats::{counters, gauges};
use lab_backends::generator::Stats;

/// The value of Tempo's label `tenant` where there is only one.
const TENANT: &str = "single-tenant";

/// Adds the numbers to a page.
pub(super) fn register(registry: &Registry, stats: &Stats) -> prometheus::Result<()> {
    let discarded = counters(
        registry,
        "tempo_metrics_generator_spans_discarded_total",
        "The total number of discarded spans received per tenant",
        &["tenant", "reason", "processor"],
    )?;
    discarded
        .get_metric_with_label_values(&[TENANT, "outside_metrics_ingestion_slack", "all"])?
        .inc_by(stats.spans_outside_slack);
    for (name, help, number) in [
        (
            "registry_active_series",
            "The active series per tenant",
            stats.active_series,
        ),
        (
            "registry_max_active_series",
            "The maximum active series per tenant",
            stats.max_active_series,
        ),
    ] {
        let name = format!("tempo_metrics_generator_{name}");
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        gauges(registry, &name, help, &["tenant"])?
            .get_metric_with_label_values(&[TENANT])?
            .set(number);
    }
    for (name, help, number) in [
        (
            "spans_received_total",
            "The total number of spans received per tenant",
            stats.spans_received,
        ),
        (
            "bytes_received_total",
            "The total number of proto bytes received per tenant",
            stats.bytes_received,
        ),
        (
            "registry_series_added_total",
            "The total amount of series created per tenant",
            stats.series_added,
        ),
        (
            "registry_series_removed_total",
            "The total amount of series removed after they have become stale per tenant",
            stats.series_removed,
        ),
        (
            "registry_series_limited_total",
            "The total amount of series not created because of limits per tenant",
            stats.series_limited,
        ),
        (
            "registry_collections_total",
            "The total amount of metrics collections per tenant",
            stats.collections,
        ),
        (
            "registry_collections_failed_total",
            "The total amount of failed metrics collections per tenant",
            stats.collections_failed,
        ),
        (
            "processor_service_graphs_edges",
            "Total number of unique edges",
            stats.edges,
        ),
        (
            "processor_service_graphs_expired_edges",
            "Number of edges that expired before finding its matching span",
            stats.edges_expired,
        ),
        (
            "processor_service_graphs_dropped_spans",
            "Number of spans dropped when trying to add edges",
            stats.spans_dropped_by_edges,
        ),
    ] {
        let name = format!("tempo_metrics_generator_{name}");
        counters(registry, &name, help, &["tenant"])?
            .get_metric_with_label_values(&[TENANT])?
            .inc_by(number);
    }
    Ok(())
}
