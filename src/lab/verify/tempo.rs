//! Queries to Tempo (<https://grafana.com/docs/tempo/latest/api_docs/>).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::finding::Finding;
use super::http::Server;

/// A span of a trace with its resource.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Attributes of the resource, as text.
    pub resource: BTreeMap<String, String>,
    /// Attributes of the span, as text.
    pub attributes: BTreeMap<String, String>,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits, empty without a parent.
    pub parent_id: String,
    /// Its name.
    pub name: String,
    /// As OTLP/JSON has it: `SPAN_KIND_SERVER`.
    pub kind: String,
    /// As OTLP/JSON has it: `STATUS_CODE_ERROR`; empty when unset.
    pub status: String,
    /// Unix nanoseconds.
    pub start_ns: u64,
    /// Unix nanoseconds.
    pub end_ns: u64,
    /// Its events: name and attributes.
    pub events: Vec<(String, BTreeMap<String, String>)>,
}

impl Span {
    /// `service.name` of the resource.
    #[must_use]
    pub fn service(&self) -> &str {
        self.resource.get("service.name").map_or("", String::as_str)
    }

    /// True if it was made for a request that came in.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.kind == "SPAN_KIND_SERVER"
    }

    /// True if it was made for a request that went out.
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.kind == "SPAN_KIND_CLIENT"
    }
}

/// A trace as it is now, with the request that brought it.
#[derive(Debug)]
pub struct Trace {
    /// The request.
    pub asked: String,
    /// All spans that have arrived.
    pub spans: Vec<Span>,
}

/// The trace with an id.
///
/// # Errors
/// A finding when there is none yet.
pub async fn trace(tempo: &Server, id: &str) -> Result<Trace, Finding> {
    let answer = tempo.get(&format!("/api/v2/traces/{id}"), &[]).await?;
    if answer.status == 404 {
        return Err(answer.finding("HTTP 404: Tempo does not know the trace"));
    }
    let json = answer.json()?;
    let spans: Vec<Span> = list(&json["trace"], "resourceSpans")
        .flat_map(|batch| {
            let resource = attributes(&batch["resource"]);
            list(batch, "scopeSpans")
                .flat_map(|scope| list(scope, "spans"))
                .map(move |value| span(value, resource.clone()))
        })
        .collect();
    if spans.is_empty() {
        return Err(answer.finding("a trace without spans"));
    }
    Ok(Trace {
        asked: answer.asked,
        spans,
    })
}

/// Searches between two times (Unix seconds) and finds out whether a trace is among the hits.
///
/// # Errors
/// A finding when the query was refused or the trace is not among them.
pub async fn search(
    tempo: &Server,
    query: &str,
    (start, end): (i64, i64),
    id: &str,
) -> Result<String, Finding> {
    let (start, end) = (start.to_string(), end.to_string());
    let params = [
        ("q", query),
        ("start", &start),
        ("end", &end),
        ("limit", "1000"),
    ];
    let answer = tempo.get("/api/search", &params).await?;
    let json = answer.json()?;
    let hits: Vec<&str> = list(&json, "traces")
        .filter_map(|hit| hit["traceID"].as_str())
        .collect();
    match hits.iter().any(|hit| whole_id(hit) == whole_id(id)) {
        true => Ok(query.to_owned()),
        false => Err(answer.finding(format!(
            "{} traces for {query}, {id} not among them",
            hits.len()
        ))),
    }
}

/// The series of a metrics query between two times (Unix seconds): the value of the one label that it
/// groups by, and the greatest sample.
///
/// # Errors
/// A finding when the query was refused.
pub async fn metrics(
    tempo: &Server,
    query: &str,
    (start, end): (i64, i64),
) -> Result<(String, Vec<(String, f64)>), Finding> {
    let (start, end) = (start.to_string(), end.to_string());
    let params = [
        ("q", query),
        ("start", &start),
        ("end", &end),
        ("step", "5s"),
    ];
    let answer = tempo.get("/api/metrics/query_range", &params).await?;
    let json = answer.json()?;
    let series = list(&json, "series").map(|series| {
        let labels = &series["labels"][0]["value"];
        let name = labels["stringValue"].as_str().unwrap_or_default();
        let values = list(series, "samples").filter_map(|sample| sample["value"].as_f64());
        (name.to_owned(), values.fold(0.0, f64::max))
    });
    let series = series.collect();
    Ok((answer.asked, series))
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value[name]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

fn span(value: &Value, resource: BTreeMap<String, String>) -> Span {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let nanos = |name: &str| value[name].as_str().and_then(|it| it.parse().ok());
    Span {
        resource,
        attributes: attributes(value),
        span_id: hex_id(&text("spanId")),
        parent_id: hex_id(&text("parentSpanId")),
        name: text("name"),
        kind: text("kind"),
        status: value["status"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        start_ns: nanos("startTimeUnixNano").unwrap_or(0),
        end_ns: nanos("endTimeUnixNano").unwrap_or(0),
        events: list(value, "events")
            .map(|event| {
                let name = event["name"].as_str().unwrap_or_default();
                (name.to_owned(), attributes(event))
            })
            .collect(),
    }
}

fn attributes(value: &Value) -> BTreeMap<String, String> {
    list(value, "attributes")
        .filter_map(|pair| {
            let key = pair["key"].as_str()?;
            let (_, value) = pair["value"].as_object()?.iter().next()?;
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            Some((key.to_owned(), text))
        })
        .collect()
}

/// Tempo writes ids in base64, OTLP itself in hex.
fn hex_id(text: &str) -> String {
    let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match STANDARD.decode(text) {
        Ok(bytes) if !is_hex => bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
        _ => text.to_owned(),
    }
}

/// The id of a trace with its leading zeros, which Tempo leaves out in the results of a search.
pub(in crate::lab) fn whole_id(id: &str) -> String {
    format!("{id:0>32}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_in_both_notations() {
        assert_eq!(hex_id("t61rcWkgMzE="), "b7ad6b7169203331");
        assert_eq!(hex_id("b7ad6b7169203331"), "b7ad6b7169203331");
        assert_eq!(hex_id(""), "");
    }
}
