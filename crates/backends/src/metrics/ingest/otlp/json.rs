//! Requests for metrics in OTLP/JSON.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge,
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    Summary, SummaryDataPoint, exemplar, exponential_histogram_data_point::Buckets, metric::Data,
    number_data_point, summary_data_point::ValueAtQuantile,
};

use crate::otlp::json::{Read, Reader, key_value, resource, scope};

/// Reads a request.
pub(super) fn request(reader: &mut Reader<'_>) -> Read<ExportMetricsServiceRequest> {
    let mut read = ExportMetricsServiceRequest::default();
    reader.object(|reader, name| match name {
        "resourceMetrics" | "resource_metrics" => {
            reader.list(&mut read.resource_metrics, resource_metrics)
        }
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn resource_metrics(reader: &mut Reader<'_>) -> Read<ResourceMetrics> {
    let mut read = ResourceMetrics::default();
    reader.object(|reader, name| match name {
        "resource" => resource(reader, read.resource.get_or_insert_default()),
        "scopeMetrics" | "scope_metrics" => reader.list(&mut read.scope_metrics, scope_metrics),
        "schemaUrl" | "schema_url" => reader.set_text(&mut read.schema_url),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn scope_metrics(reader: &mut Reader<'_>) -> Read<ScopeMetrics> {
    let mut read = ScopeMetrics::default();
    reader.object(|reader, name| match name {
        "scope" => scope(reader, read.scope.get_or_insert_default()),
        "metrics" => reader.list(&mut read.metrics, metric),
        "schemaUrl" | "schema_url" => reader.set_text(&mut read.schema_url),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn metric(reader: &mut Reader<'_>) -> Read<Metric> {
    let mut read = Metric::default();
    reader.object(|reader, name| {
        let data = match name {
            "name" => return reader.set_text(&mut read.name),
            "description" => return reader.set_text(&mut read.description),
            "unit" => return reader.set_text(&mut read.unit),
            "metadata" => return reader.list(&mut read.metadata, key_value),
            // Null leaves no choice made.
            _ if reader.null() => return Ok(()),
            "gauge" => Data::Gauge(gauge(reader)?),
            "sum" => Data::Sum(sum(reader)?),
            "histogram" => Data::Histogram(histogram(reader)?),
            "exponentialHistogram" | "exponential_histogram" => {
                Data::ExponentialHistogram(exponential_histogram(reader)?)
            }
            "summary" => Data::Summary(summary(reader)?),
            _ => return reader.skip(),
        };
        read.data = Some(data);
        Ok(())
    })?;
    Ok(read)
}

fn gauge(reader: &mut Reader<'_>) -> Read<Gauge> {
    let mut read = Gauge::default();
    reader.object(|reader, name| match name {
        "dataPoints" | "data_points" => reader.list(&mut read.data_points, number_point),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn sum(reader: &mut Reader<'_>) -> Read<Sum> {
    let mut read = Sum::default();
    reader.object(|reader, name| match name {
        "dataPoints" | "data_points" => reader.list(&mut read.data_points, number_point),
        "aggregationTemporality" | "aggregation_temporality" => {
            temporality(reader, &mut read.aggregation_temporality)
        }
        "isMonotonic" | "is_monotonic" => {
            read.is_monotonic = !reader.null() && reader.boolean()?;
            Ok(())
        }
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn histogram(reader: &mut Reader<'_>) -> Read<Histogram> {
    let mut read = Histogram::default();
    reader.object(|reader, name| match name {
        "dataPoints" | "data_points" => reader.list(&mut read.data_points, histogram_point),
        "aggregationTemporality" | "aggregation_temporality" => {
            temporality(reader, &mut read.aggregation_temporality)
        }
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn exponential_histogram(reader: &mut Reader<'_>) -> Read<ExponentialHistogram> {
    let mut read = ExponentialHistogram::default();
    reader.object(|reader, name| match name {
        "dataPoints" | "data_points" => reader.list(&mut read.data_points, exponential_point),
        "aggregationTemporality" | "aggregation_temporality" => {
            temporality(reader, &mut read.aggregation_temporality)
        }
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn summary(reader: &mut Reader<'_>) -> Read<Summary> {
    let mut read = Summary::default();
    reader.object(|reader, name| match name {
        "dataPoints" | "data_points" => reader.list(&mut read.data_points, summary_point),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn temporality(reader: &mut Reader<'_>, to: &mut i32) -> Read<()> {
    reader.set_enum(to, |name| {
        AggregationTemporality::from_str_name(name).map(i32::from)
    })
}

fn number_point(reader: &mut Reader<'_>) -> Read<NumberDataPoint> {
    use number_data_point::Value;
    let mut read = NumberDataPoint::default();
    reader.object(|reader, name| match name {
        "attributes" => reader.list(&mut read.attributes, key_value),
        "startTimeUnixNano" | "start_time_unix_nano" => {
            reader.set_unsigned(&mut read.start_time_unix_nano)
        }
        "timeUnixNano" | "time_unix_nano" => reader.set_unsigned(&mut read.time_unix_nano),
        "asInt" | "as_int" if !reader.null() => {
            read.value = Some(Value::AsInt(reader.signed()?));
            Ok(())
        }
        "asDouble" | "as_double" if !reader.null() => {
            read.value = Some(Value::AsDouble(reader.float()?));
            Ok(())
        }
        "exemplars" => reader.list(&mut read.exemplars, exemplar),
        "flags" => reader.set_unsigned(&mut read.flags),
        "asInt" | "as_int" | "asDouble" | "as_double" => Ok(()),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn histogram_point(reader: &mut Reader<'_>) -> Read<HistogramDataPoint> {
    let mut read = HistogramDataPoint::default();
    reader.object(|reader, name| match name {
        "attributes" => reader.list(&mut read.attributes, key_value),
        "startTimeUnixNano" | "start_time_unix_nano" => {
            reader.set_unsigned(&mut read.start_time_unix_nano)
        }
        "timeUnixNano" | "time_unix_nano" => reader.set_unsigned(&mut read.time_unix_nano),
        "count" => reader.set_unsigned(&mut read.count),
        "sum" => optional(reader, &mut read.sum),
        "bucketCounts" | "bucket_counts" => reader.list(&mut read.bucket_counts, unsigned),
        "explicitBounds" | "explicit_bounds" => {
            reader.list(&mut read.explicit_bounds, Reader::float)
        }
        "exemplars" => reader.list(&mut read.exemplars, exemplar),
        "flags" => reader.set_unsigned(&mut read.flags),
        "min" => optional(reader, &mut read.min),
        "max" => optional(reader, &mut read.max),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn exponential_point(reader: &mut Reader<'_>) -> Read<ExponentialHistogramDataPoint> {
    let mut read = ExponentialHistogramDataPoint::default();
    reader.object(|reader, name| match name {
        "attributes" => reader.list(&mut read.attributes, key_value),
        "startTimeUnixNano" | "start_time_unix_nano" => {
            reader.set_unsigned(&mut read.start_time_unix_nano)
        }
        "timeUnixNano" | "time_unix_nano" => reader.set_unsigned(&mut read.time_unix_nano),
        "count" => reader.set_unsigned(&mut read.count),
        "sum" => optional(reader, &mut read.sum),
        "scale" => reader.set_unsigned(&mut read.scale),
        "zeroCount" | "zero_count" => reader.set_unsigned(&mut read.zero_count),
        "positive" => buckets(reader, read.positive.get_or_insert_default()),
        "negative" => buckets(reader, read.negative.get_or_insert_default()),
        "exemplars" => reader.list(&mut read.exemplars, exemplar),
        "flags" => reader.set_unsigned(&mut read.flags),
        "min" => optional(reader, &mut read.min),
        "max" => optional(reader, &mut read.max),
        "zeroThreshold" | "zero_threshold" => float(reader, &mut read.zero_threshold),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn buckets(reader: &mut Reader<'_>, read: &mut Buckets) -> Read<()> {
    reader.object(|reader, name| match name {
        "offset" => reader.set_unsigned(&mut read.offset),
        "bucketCounts" | "bucket_counts" => reader.list(&mut read.bucket_counts, unsigned),
        _ => reader.skip(),
    })
}

fn summary_point(reader: &mut Reader<'_>) -> Read<SummaryDataPoint> {
    let mut read = SummaryDataPoint::default();
    reader.object(|reader, name| match name {
        "attributes" => reader.list(&mut read.attributes, key_value),
        "startTimeUnixNano" | "start_time_unix_nano" => {
            reader.set_unsigned(&mut read.start_time_unix_nano)
        }
        "timeUnixNano" | "time_unix_nano" => reader.set_unsigned(&mut read.time_unix_nano),
        "count" => reader.set_unsigned(&mut read.count),
        "sum" => float(reader, &mut read.sum),
        "quantileValues" | "quantile_values" => reader.list(&mut read.quantile_values, quantile),
        "flags" => reader.set_unsigned(&mut read.flags),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn quantile(reader: &mut Reader<'_>) -> Read<ValueAtQuantile> {
    let mut read = ValueAtQuantile::default();
    reader.object(|reader, name| match name {
        "quantile" => float(reader, &mut read.quantile),
        "value" => float(reader, &mut read.value),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn exemplar(reader: &mut Reader<'_>) -> Read<Exemplar> {
    let mut read = Exemplar::default();
    reader.object(|reader, name| match name {
        "filteredAttributes" | "filtered_attributes" => {
            reader.list(&mut read.filtered_attributes, key_value)
        }
        "timeUnixNano" | "time_unix_nano" => reader.set_unsigned(&mut read.time_unix_nano),
        "asInt" | "as_int" if !reader.null() => {
            read.value = Some(exemplar::Value::AsInt(reader.signed()?));
            Ok(())
        }
        "asDouble" | "as_double" if !reader.null() => {
            read.value = Some(exemplar::Value::AsDouble(reader.float()?));
            Ok(())
        }
        "asInt" | "as_int" | "asDouble" | "as_double" => Ok(()),
        "traceId" | "trace_id" => reader.set_id(&mut read.trace_id, 16),
        "spanId" | "span_id" => reader.set_id(&mut read.span_id, 8),
        _ => reader.skip(),
    })?;
    Ok(read)
}

/// A number that may be missing.
fn optional(reader: &mut Reader<'_>, to: &mut Option<f64>) -> Read<()> {
    *to = match reader.null() {
        true => None,
        false => Some(reader.float()?),
    };
    Ok(())
}

/// A number that is 0 when it is missing.
fn float(reader: &mut Reader<'_>, to: &mut f64) -> Read<()> {
    *to = match reader.null() {
        true => 0.0,
        false => reader.float()?,
    };
    Ok(())
}

fn unsigned(reader: &mut Reader<'_>) -> Read<u64> {
    let mut number = 0;
    reader.set_unsigned(&mut number)?;
    Ok(number)
}
