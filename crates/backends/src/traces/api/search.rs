//! `GET /api/search`.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::AnyValue;

use super::params::{Params, logfmt};
use super::response::ApiResponse;
use super::writer::{Json, Object};
use crate::traces::Store;
use crate::traces::engine::search::{self, Request, SpansetHit, TraceHit, Wanted};
use crate::traces::lang;
use crate::wire::Stop;
use crate::wire::duration::go;
use crate::wire::quote;

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: i64 = 256 * 1024;
const DEFAULT_SPANS_PER_SPANSET: usize = 3;
const MAX_SPANS_PER_SPANSET: usize = 100;

/// The longest window, seconds.
const MAX_WINDOW: u64 = 168 * 3600;

/// Name that Tempo gives to a root that has not arrived.
const NO_ROOT: &str = "<root span not yet received>";

pub(super) fn traces(store: &Arc<Store>, params: &Params, stop: &Stop) -> ApiResponse {
    let request = match request(params) {
        Ok(request) => request,
        Err(message) => return ApiResponse::bad_request(message),
    };
    match search::search(store, &request, stop) {
        Ok(hits) => {
            let mut json = Json::default();
            json.object(|object| {
                object.key("traces").list(&hits, trace);
                object
                    .key("metrics")
                    .raw(r#"{"completedJobs":1,"totalJobs":1}"#);
            });
            ApiResponse::written(json)
        }
        Err(error) => error.into(),
    }
}

/// Reads the parameters in Tempo's order, so that the first wrong one is named.
fn request(params: &Params) -> Result<Request, String> {
    let (start, end) = params.window()?;
    let query = params.bytes("q");
    let tags = match params.bytes("tags").map(quote::valid) {
        Some(_) if query.is_some() => {
            return Err("invalid request: can't specify tags and q in the same query".into());
        }
        Some(tags) => logfmt(&tags)?,
        // The oldest form of a search: every parameter that has no meaning is a tag.
        None if query.is_none() && (start, end) == (0, 0) => {
            let others = params.queries.iter();
            let others = others.filter(|(name, value)| !is_known(name) && !value.is_empty());
            others
                .map(|(name, value)| (name.clone(), quote::valid(value)))
                .collect()
        }
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
    params.both_or_neither()?;
    let wanted = match query {
        Some(query) => Wanted::Query(
            lang::parse_bytes(query).map_err(|error| format!("invalid TraceQL query: {error}"))?,
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

fn is_known(name: &str) -> bool {
    matches!(
        name,
        "q" | "tags" | "minDuration" | "maxDuration" | "limit" | "spss" | "start" | "end"
    )
}

fn milliseconds(params: &Params, name: &str) -> Result<u64, String> {
    let Some(text) = params.get(name) else {
        return Ok(0);
    };
    go::parse(text)
        .map(|nanos| nanos.max(0).unsigned_abs() / 1_000_000)
        .map_err(|error| format!("invalid {name}: {error}"))
}

fn trace(json: &mut Json, hit: &TraceHit) {
    json.object(|object| {
        // Without leading zeros, as Tempo writes ids here.
        object.text("traceID", &format!("{:x}", hit.id));
        object.text(
            "rootServiceName",
            hit.root_service.as_deref().unwrap_or(NO_ROOT),
        );
        // Of a trace whose root has not arrived only this one is said.
        object.text(
            "rootTraceName",
            hit.root_name.as_deref().unwrap_or_default(),
        );
        object.long("startTimeUnixNano", hit.start);
        if hit.duration_ms > 0 {
            object.key("durationMs").raw(&hit.duration_ms.to_string());
        }
        if let Some(first) = hit.spansets.first() {
            spanset(object.key("spanSet"), first);
            object.list("spanSets", &hit.spansets, spanset);
            object.key("serviceStats").object(|object| {
                for (name, stats) in &hit.services {
                    object.key(name).object(|object| {
                        object.key("spanCount").raw(&stats.spans.to_string());
                        if stats.errors > 0 {
                            object.key("errorCount").raw(&stats.errors.to_string());
                        }
                    });
                }
            });
        }
    });
}

fn spanset(json: &mut Json, set: &SpansetHit) {
    json.object(|object| {
        object.key("spans").list(&set.spans, |json, span| {
            json.object(|object| {
                object.text("spanID", &format!("{:016x}", span.id));
                object.text("name", span.name.as_deref().unwrap_or_default());
                object.long("startTimeUnixNano", span.start);
                object.long("durationNanos", span.duration);
                attributes(object, &span.attributes);
            });
        });
        object.key("matched").raw(&set.matched.to_string());
        attributes(object, &set.attributes);
    });
}

fn attributes(object: &mut Object<'_>, attributes: &[(String, AnyValue)]) {
    object.list("attributes", attributes, |json, (key, value)| {
        json.key_value(key, value)
    });
}
