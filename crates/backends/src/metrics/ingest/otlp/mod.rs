//! Data points from OTLP: the requests of the [receivers](crate::otlp), and of Prometheus' own path.

mod exponential;
mod json;
mod labels;
mod measure;
mod names;
mod report;
mod route;
mod series;
mod sinks;

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, ExponentialHistogramDataPoint, Metric};

use crate::metrics::now_ms;
use crate::metrics::store::Store;
use crate::otlp::body::{Encoding, Unreadable};
use crate::otlp::budget::Budget;
use crate::otlp::signal::{Kind, Partial, Rejected, Signal};
use crate::otlp::status::Failure;
use report::Reason;
pub(crate) use route::OtlpWrite;
use sinks::Storing;

/// Takes data points into a store.
pub(crate) struct DataPoints {
    store: Arc<Store>,
}

impl DataPoints {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store }
    }
}

static KIND: Kind = Kind {
    path: "v1/metrics",
    method: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    elements: "data points",
    rejected: "rejectedDataPoints",
    shape: &measure::REQUEST,
    largest: size_of::<ExponentialHistogramDataPoint>(),
};

impl Signal for DataPoints {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn store(&self, body: &[u8], encoding: Encoding, budget: Budget) -> Result<Partial, Rejected> {
        let request = decode(body, encoding, budget)?;
        charge(&self.store, body)?;
        let total: usize = metrics(&request).map(series::points_of).sum();
        let mut storing = Storing {
            store: &self.store,
            now: now_ms(),
        };
        let report = series::translate(&request, &mut storing);
        if total > 0 && report.points == total as u64 {
            return Err(match report.has(Reason::Full) {
                true => Failure::exhausted(report.text(), None),
                false => Failure::invalid(report.text()),
            }
            .into());
        }
        Ok(Partial {
            rejected: report.points,
            message: report.text(),
        })
    }

    fn count_malformed(&self) {
        self.store.count_refused_request();
    }

    fn count_too_large(&self) {
        self.store.count_refused_request();
    }
}

/// Counts a request against the ingest rate.
fn charge(store: &Store, body: &[u8]) -> Result<(), Failure> {
    store
        .charge(body.len(), now_ms())
        .map_err(|limit| Failure::exhausted(limit.to_string(), limit.retry_after))
}

fn metrics(request: &ExportMetricsServiceRequest) -> impl Iterator<Item = &Metric> {
    let scopes = request
        .resource_metrics
        .iter()
        .flat_map(|it| &it.scope_metrics);
    scopes.flat_map(|it| &it.metrics)
}

/// Reads a request. Ids of exemplars have their length or are missing.
fn decode(
    body: &[u8],
    encoding: Encoding,
    budget: Budget,
) -> Result<ExportMetricsServiceRequest, Unreadable> {
    let request: ExportMetricsServiceRequest = encoding.decode(body, budget, json::request)?;
    for metric in metrics(&request) {
        match &metric.data {
            Some(Data::Gauge(it)) => it
                .data_points
                .iter()
                .try_for_each(|it| check(&it.exemplars)),
            Some(Data::Sum(it)) => it
                .data_points
                .iter()
                .try_for_each(|it| check(&it.exemplars)),
            Some(Data::Histogram(it)) => it
                .data_points
                .iter()
                .try_for_each(|it| check(&it.exemplars)),
            Some(Data::ExponentialHistogram(it)) => it
                .data_points
                .iter()
                .try_for_each(|it| check(&it.exemplars)),
            Some(Data::Summary(_)) | None => Ok(()),
        }?;
    }
    Ok(request)
}

fn check(exemplars: &[Exemplar]) -> Result<(), Unreadable> {
    for exemplar in exemplars {
        for (name, id, length) in [
            ("TraceID", &exemplar.trace_id, 16),
            ("SpanID", &exemplar.span_id, 8),
        ] {
            if !id.is_empty() && id.len() != length {
                return Err(Unreadable::Malformed(format!("invalid length for {name}")));
            }
        }
    }
    Ok(())
}
