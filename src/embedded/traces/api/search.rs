//! `GET /api/search`.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::json::key_value;
use super::params::{Params, logfmt};
use crate::embedded::traces::Store;
use crate::embedded::traces::search::{self, Request, SpansetHit, TraceHit, Wanted};
use crate::embedded::traces::traceql;

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: i64 = 256 * 1024;
const DEFAULT_SPANS_PER_SPANSET: usize = 3;
const MAX_SPANS_PER_SPANSET: usize = 100;

/// The longest window, seconds.
const MAX_WINDOW: u64 = 168 * 3600;

/// What Tempo says instead of a root that has not arrived.
const NO_ROOT: &str = "<root span not yet received>";

pub(super) fn traces(store: &Store, params: &Params) -> Answer {
    let request = match request(params) {
        Ok(request) => request,
        Err(message) => return Answer::bad_request(message),
    };
    match search::search(store, &request) {
        Ok(hits) => {
            let traces: Vec<Value> = hits.iter().map(trace).collect();
            Answer::json(&json!({ "traces": traces }))
        }
        Err(error) => error.into(),
    }
}

/// Reads the parameters in Tempo's order, so that the first wrong one is named.
fn request(params: &Params) -> Result<Request, String> {
    let (start, end) = params.window()?;
    let query = params.get("q");
    let tags = match params.get("tags") {
        Some(_) if query.is_some() => {
            return Err("invalid request: can't specify tags and q in the same query".into());
        }
        Some(tags) => logfmt(tags)?,
        None => Vec::new(),
    };
    let min_duration_ms = milliseconds(params, "minDuration")?;
    let max_duration_ms = milliseconds(params, "maxDuration")?;
    if max_duration_ms != 0 && min_duration_ms > max_duration_ms {
        return Err("invalid maxDuration: must be greater than minDuration".into());
    }
    let limit = match params.count("limit")? {
        None => DEFAULT_LIMIT,
        Some(limit) if limit > MAX_LIMIT => {
            return Err(format!("limit {limit} exceeds max limit {MAX_LIMIT}"));
        }
        Some(limit) => match usize::try_from(limit) {
            Ok(limit) if limit > 0 => limit,
            _ => return Err("invalid limit: must be a positive number".into()),
        },
    };
    let spans_per_spanset = match params.count("spss")? {
        None | Some(0) => DEFAULT_SPANS_PER_SPANSET,
        Some(spans) => usize::try_from(spans)
            .map_err(|_| "invalid spss: must be a non-negative number".to_owned())?,
    };
    if (start, end) != (0, 0) && end <= start {
        return Err(format!(
            "http parameter start must be before end. received start={start} end={end}"
        ));
    }
    let wanted = match query {
        Some(query) => Wanted::Query(
            traceql::parse(query).map_err(|error| format!("invalid TraceQL query: {error}"))?,
        ),
        None => Wanted::Tags {
            tags,
            min_duration_ms,
            max_duration_ms,
        },
    };
    if end.saturating_sub(start) > MAX_WINDOW {
        return Err(format!(
            "range specified by start and end exceeds 168h0m0s. received start={start} end={end}"
        ));
    }
    if spans_per_spanset > MAX_SPANS_PER_SPANSET {
        return Err(format!(
            "spans per span set exceeds {MAX_SPANS_PER_SPANSET}. received {spans_per_spanset}"
        ));
    }
    Ok(Request {
        wanted,
        start,
        end,
        limit,
        spans_per_spanset,
    })
}

fn milliseconds(params: &Params, name: &str) -> Result<u64, String> {
    let Some(text) = params.get(name) else {
        return Ok(0);
    };
    match traceql::parse_duration(text) {
        Some(nanos) => Ok(nanos.unsigned_abs() / 1_000_000),
        None => Err(format!("invalid {name}: time: invalid duration {text:?}")),
    }
}

fn trace(hit: &TraceHit) -> Value {
    let root_service = hit.root_service.as_deref().unwrap_or(NO_ROOT);
    let root_name = hit.root_name.as_deref().unwrap_or(NO_ROOT);
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
    // Without leading zeros, as Tempo writes ids here.
    set("traceID", format!("{:x}", hit.id).into());
    set("rootServiceName", root_service.into());
    set("rootTraceName", root_name.into());
    set("startTimeUnixNano", hit.start.to_string().into());
    if hit.duration_ms > 0 {
        set("durationMs", hit.duration_ms.into());
    }
    let spansets: Vec<Value> = hit.spansets.iter().map(spanset).collect();
    if let Some(first) = spansets.first() {
        set("spanSet", first.clone());
        set("spanSets", spansets.into());
        let services = hit.services.iter().map(|(name, stats)| {
            let mut object = Map::new();
            object.insert("spanCount".into(), stats.spans.into());
            if stats.errors > 0 {
                object.insert("errorCount".into(), stats.errors.into());
            }
            (name.clone(), Value::Object(object))
        });
        set("serviceStats", Value::Object(services.collect()));
    }
    Value::Object(object)
}

fn spanset(set: &SpansetHit) -> Value {
    let spans = set.spans.iter().map(|span| {
        let mut object = Map::new();
        object.insert("spanID".into(), format!("{:016x}", span.id).into());
        if let Some(name) = &span.name {
            object.insert("name".into(), name.as_str().into());
        }
        object.insert("startTimeUnixNano".into(), span.start.to_string().into());
        if span.duration > 0 {
            object.insert("durationNanos".into(), span.duration.to_string().into());
        }
        insert_attributes(&mut object, &span.attributes);
        Value::Object(object)
    });
    let mut object = Map::new();
    object.insert("spans".into(), spans.collect());
    object.insert("matched".into(), set.matched.into());
    insert_attributes(&mut object, &set.attributes);
    Value::Object(object)
}

fn insert_attributes(
    object: &mut Map<String, Value>,
    attributes: &[(String, opentelemetry_proto::tonic::common::v1::AnyValue)],
) {
    if !attributes.is_empty() {
        let list = attributes.iter().map(|(key, value)| key_value(key, value));
        object.insert("attributes".into(), list.collect());
    }
}
