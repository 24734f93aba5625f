//! Results of queries over the public APIs, as rows of fields.

use std::collections::BTreeMap;

use serde_json::Value;

use super::file::{Signal, Step};
use super::place::Place;
use crate::lab::verify::http::Server;
use crate::lab::verify::tempo;

/// Rows that a query may have.
const LIMIT: &str = "500";

/// Traces that a search may find, and spans of each.
const TRACES: &str = "100";

/// Younger traces may not be whole yet.
const SETTLING_S: f64 = 3.0;

/// The fields of one row: labels, attributes, and `value`, `time`, `line`, …
pub(super) type Row = BTreeMap<String, String>;

/// Time between two values of a query over time, in seconds.
const STEP: &str = "5";

/// The servers that are asked.
pub(super) struct Servers {
    prometheus: Server,
    loki: Server,
    tempo: Server,
}

/// Unix seconds between which something is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Servers {
    pub(super) fn new(place: &Place) -> Result<Self, String> {
        let server = |url: &str| Server::new(url).map_err(|error| error.to_string());
        Ok(Self {
            prometheus: server(&place.prometheus)?,
            loki: server(&place.loki)?,
            tempo: server(&place.tempo)?,
        })
    }

    /// The rows of a step whose query has no names left.
    pub(super) async fn ask(
        &self,
        step: &Step,
        query: &str,
        span: Span,
    ) -> Result<Vec<Row>, String> {
        match step.signal {
            Signal::Metrics if step.over_time => self.over_time(query, span).await,
            Signal::Metrics => self.instant(query, span).await,
            Signal::Exemplars => self.exemplars(query, span).await,
            Signal::Logs => self.logs(query, span).await,
            Signal::Traces => self.traces(query, span).await,
            Signal::Trace => self.trace(query).await,
        }
    }

    async fn instant(&self, query: &str, span: Span) -> Result<Vec<Row>, String> {
        let time = span.to.to_string();
        let params = [("query", query), ("time", &time)];
        let answer = json(&self.prometheus, "/api/v1/query", &params).await?;
        Ok(samples(&answer))
    }

    async fn over_time(&self, query: &str, span: Span) -> Result<Vec<Row>, String> {
        let (start, end) = (span.from.to_string(), span.to.to_string());
        let params = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", STEP),
        ];
        let answer = json(&self.prometheus, "/api/v1/query_range", &params).await?;
        Ok(samples(&answer))
    }

    async fn exemplars(&self, query: &str, span: Span) -> Result<Vec<Row>, String> {
        let (start, end) = (span.from.to_string(), span.to.to_string());
        let params = [("query", query), ("start", &start), ("end", &end)];
        let answer = json(&self.prometheus, "/api/v1/query_exemplars", &params).await?;
        let mut rows = Vec::new();
        for series in list(&answer["data"]) {
            for exemplar in list(&series["exemplars"]) {
                let mut row = labels(&series["seriesLabels"]);
                row.extend(labels(&exemplar["labels"]));
                row.insert("value".to_owned(), text(&exemplar["value"]));
                row.insert("time".to_owned(), text(&exemplar["timestamp"]));
                rows.push(row);
            }
        }
        Ok(rows)
    }

    async fn logs(&self, query: &str, span: Span) -> Result<Vec<Row>, String> {
        let lines = lab_backends::logs::lang::parse_log(query).is_ok();
        let nanos = |seconds: f64| format!("{:.0}", seconds * 1e9);
        let (start, end) = (nanos(span.from), nanos(span.to));
        if !lines {
            let params = [("query", query), ("time", end.as_str())];
            let answer = json(&self.loki, "/loki/api/v1/query", &params).await?;
            return Ok(samples(&answer));
        }
        let params = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("limit", LIMIT),
            ("direction", "forward"),
        ];
        let answer = json(&self.loki, "/loki/api/v1/query_range", &params).await?;
        let mut rows = Vec::new();
        for stream in list(&answer["data"]["result"]) {
            for value in list(&stream["values"]) {
                let mut row = labels(&stream["stream"]);
                let nanos: f64 = text(&value[0]).parse().unwrap_or_default();
                row.insert("time".to_owned(), format!("{:.3}", nanos / 1e9));
                row.insert("line".to_owned(), text(&value[1]));
                rows.push(row);
            }
        }
        Ok(rows)
    }

    async fn traces(&self, query: &str, span: Span) -> Result<Vec<Row>, String> {
        let to = span.to - SETTLING_S;
        if to <= span.from + 1.0 {
            return Ok(Vec::new());
        }
        let (start, end) = (
            format!("{:.0}", span.from.floor()),
            format!("{:.0}", to.floor()),
        );
        let params = [
            ("q", query),
            ("start", &start),
            ("end", &end),
            ("limit", TRACES),
            ("spss", TRACES),
        ];
        let answer = json(&self.tempo, "/api/search", &params).await?;
        let mut rows = Vec::new();
        for trace in list(&answer["traces"]) {
            for set in list(&trace["spanSets"]) {
                for found in list(&set["spans"]) {
                    let mut row = attributes(&set["attributes"]);
                    row.extend(attributes(&found["attributes"]));
                    for (field, value) in [
                        ("root_service", &trace["rootServiceName"]),
                        ("root_name", &trace["rootTraceName"]),
                        ("span_id", &found["spanID"]),
                        ("name", &found["name"]),
                        ("matched", &set["matched"]),
                    ] {
                        row.insert(field.to_owned(), text(value));
                    }
                    let id = tempo::whole_id(&text(&trace["traceID"]));
                    row.insert("trace_id".to_owned(), id);
                    let nanos = |value: &Value| text(value).parse::<f64>().unwrap_or_default();
                    let start = nanos(&found["startTimeUnixNano"]) / 1e9;
                    // Spans of a trace that began before are of no interest.
                    if start < span.from {
                        continue;
                    }
                    row.insert("time".to_owned(), format!("{start:.3}"));
                    let duration = nanos(&found["durationNanos"]) / 1e6;
                    row.insert("duration_ms".to_owned(), duration.to_string());
                    rows.push(row);
                }
            }
        }
        Ok(rows)
    }

    async fn trace(&self, id: &str) -> Result<Vec<Row>, String> {
        let trace = tempo::trace(&self.tempo, id).await.map_err(|it| it.came)?;
        let rows = trace.spans.iter().map(|span| {
            let mut row = span.attributes.clone();
            let parent = trace.spans.iter().find(|it| it.span_id == span.parent_id);
            let seconds = |nanos: u64| nanos as f64 / 1e9;
            if let Some(parent) = parent {
                let offset = seconds(span.start_ns) - seconds(parent.start_ns);
                row.insert("offset_s".to_owned(), format!("{offset:.3}"));
                row.insert("parent_service".to_owned(), parent.service().to_owned());
            }
            let duration = (seconds(span.end_ns) - seconds(span.start_ns)) * 1e3;
            row.insert("service.name".to_owned(), span.service().to_owned());
            row.insert("name".to_owned(), span.name.clone());
            row.insert("kind".to_owned(), span.kind.clone());
            row.insert("time".to_owned(), format!("{:.3}", seconds(span.start_ns)));
            row.insert("duration_ms".to_owned(), format!("{duration:.3}"));
            row
        });
        Ok(rows.collect())
    }
}

async fn json(server: &Server, path: &str, params: &[(&str, &str)]) -> Result<Value, String> {
    let answer = server.get(path, params).await.and_then(|it| it.json());
    answer.map_err(|finding| format!("{}: {}", finding.asked, finding.came))
}

/// Rows of a vector or a matrix of Prometheus or Loki.
fn samples(answer: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    for series in list(&answer["data"]["result"]) {
        let one = std::iter::once(&series["value"]).filter(|it| it.is_array());
        for sample in one.chain(list(&series["values"])) {
            let mut row = labels(&series["metric"]);
            row.insert("time".to_owned(), text(&sample[0]));
            row.insert("value".to_owned(), text(&sample[1]));
            rows.push(row);
        }
    }
    rows
}

fn labels(value: &Value) -> Row {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

/// Attributes in OTLP's JSON.
fn attributes(value: &Value) -> Row {
    let pairs = list(value).iter().map(|it| {
        let value = it["value"].as_object().and_then(|it| it.values().next());
        (text(&it["key"]), value.map(text).unwrap_or_default())
    });
    pairs.collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
