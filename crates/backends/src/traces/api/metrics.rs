//! `GET /api/metrics/query_range` and `/api/metrics/query`: spans as time series.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::params::Params;
use super::response::ApiResponse;
use super::time::stamp;
use super::writer::{Json, Object};
use crate::traces::Store;
use crate::traces::engine::search::{Answer, Grid, Most, TimeSeries, time_series};
use crate::traces::lang::{self, QueryError};
use crate::wire::Stop;
use crate::wire::duration::go;

/// Default range of a query without a start.
const DEFAULT_SINCE: u64 = 3_600_000_000_000;

/// Intervals that a range may be cut into.
const MAX_INTERVALS: u64 = 10_000;

/// The longest range, its first interval included.
const MAX_LENGTH: Duration = Duration::from_secs(3 * 3600);

/// Exemplars of a response, unless the request wants fewer.
const MAX_EXEMPLARS: usize = 100;

/// Series of a response, as in Tempo by default.
const MAX_SERIES: usize = 1_000;

/// `GET /api/metrics/query_range`.
pub(super) fn range(store: &Arc<Store>, params: &Params, stop: &Stop) -> ApiResponse {
    respond(|| {
        let (start, end) = bounds(params)?;
        let step = match params.get("step") {
            Some(text) => seconds_or_duration(text)?,
            None => default_step(end.saturating_sub(start)),
        };
        if end < start {
            return Err("end must be greater than start".to_owned().into());
        }
        if step == 0 || (end - start) / step > MAX_INTERVALS {
            let text = |nanos: u64| go::format(i64::try_from(nanos).unwrap_or(i64::MAX));
            return Err(format!(
                "step of {} is too small, minimum step for given range is {}",
                text(step),
                text((end - start) / MAX_INTERVALS)
            )
            .into());
        }
        let query = parsed(params, "")?;
        let grid = match params.get("instant").is_some_and(is_true) {
            true => Grid::instant(start, end, step),
            false => Grid::range(start, end, step),
        };
        if grid.start() == 0 {
            return Err("start required".to_owned().into());
        }
        let exemplars = match params.get("instant").is_some_and(is_true) {
            true => 0,
            false => exemplars(&query, params),
        };
        let answer = series_of(store, &query, &grid, params, exemplars, stop)?;
        Ok(written(answer.as_ref(), true, |object, series| {
            let values = series.values.iter().enumerate();
            let numbers = values.filter(|(_, value)| !value.is_nan());
            object.key("samples").list(numbers, |json, (at, value)| {
                json.object(|object| {
                    object.long("timestampMs", grid.stamp_ms(at));
                    float(object, "value", *value);
                });
            });
            object.list("exemplars", &series.exemplars, |json, exemplar| {
                json.object(|object| {
                    object.list("labels", &exemplar.labels, |json, (name, value)| {
                        json.key_value(name, value);
                    });
                    float(object, "value", exemplar.value);
                    object.long("timestampMs", exemplar.time / 1_000_000);
                });
            });
        }))
    })
}

/// `GET /api/metrics/query`: the whole range as one interval.
pub(super) fn instant(store: &Arc<Store>, params: &Params, stop: &Stop) -> ApiResponse {
    respond(|| {
        let (start, end) = bounds(params)?;
        if end <= start {
            return Err("end must be greater than start".to_owned().into());
        }
        let query = parsed(params, "compiling query: ")?;
        let grid = Grid::instant(start, end, end - start);
        let answer = series_of(store, &query, &grid, params, 0, stop)?;
        Ok(written(answer.as_ref(), false, |object, series| {
            let mut values = series.values.iter().filter(|value| !value.is_nan());
            float(object, "value", values.next().copied().unwrap_or_default());
        }))
    })
}

/// Reasons for a request without series: a ready response, or a problem of the request.
enum Failure {
    Wrong(String),
    Response(ApiResponse),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Wrong(message)
    }
}

fn respond(evaluate: impl FnOnce() -> Result<ApiResponse, Failure>) -> ApiResponse {
    match evaluate() {
        Ok(response) | Err(Failure::Response(response)) => response,
        Err(Failure::Wrong(message)) => ApiResponse::bad_request(message),
    }
}

/// The query. What is wrong with its syntax is said after `prefix`, as Tempo does.
fn parsed(params: &Params, prefix: &str) -> Result<lang::Query, String> {
    // Grafana says `query`, all other paths of this API say `q`.
    let Some(text) = params.bytes("q").or_else(|| params.bytes("query")) else {
        // Tempo knows no place in an empty text.
        return Err(format!(
            "{prefix}parse error : syntax error: unexpected $end"
        ));
    };
    lang::parse_bytes(text).map_err(|error| match error {
        QueryError::Syntax { .. } => format!("{prefix}{error}"),
        QueryError::Invalid(_) => format!("compiling query: {error}"),
    })
}

/// How many exemplars are wanted: what the query says counts more than what the request says.
fn exemplars(query: &lang::Query, params: &Params) -> usize {
    let wanted = params.count("exemplars").ok().flatten().unwrap_or(0);
    let wanted = match (query.hints.exemplars, usize::try_from(wanted)) {
        (Some(hinted), _) => hinted,
        (None, Ok(0) | Err(_)) => MAX_EXEMPLARS,
        (None, Ok(wanted)) => wanted,
    };
    wanted.min(MAX_EXEMPLARS)
}

/// The series of a query, or nothing if it asks for none.
fn series_of(
    store: &Store,
    query: &lang::Query,
    grid: &Grid,
    params: &Params,
    exemplars: usize,
    stop: &Stop,
) -> Result<Option<(Answer, usize)>, Failure> {
    let Some(metrics) = &query.metrics else {
        return Err("not a metrics query".to_owned().into());
    };
    if query.selects_nothing() {
        return Ok(None);
    }
    if grid.length() > MAX_LENGTH {
        return Err(format!(
            "metrics query time range exceeds the maximum allowed duration of {}",
            go::format(MAX_LENGTH.as_nanos() as i64)
        )
        .into());
    }
    let wanted = params.count("maxSeries").ok().flatten().unwrap_or(0);
    let series = match usize::try_from(wanted) {
        Ok(wanted) if wanted > 0 => wanted.min(MAX_SERIES),
        _ => MAX_SERIES,
    };
    let most = Most { series, exemplars };
    match time_series(store, query, metrics, grid, most, stop) {
        Ok(answer) => Ok(Some((answer, series))),
        Err(error) => Err(Failure::Response(error.into())),
    }
}

/// Writes series, each with its labels and its values. An empty list is written only if that is asked for, as in
/// Tempo.
fn written(
    answer: Option<&(Answer, usize)>,
    empty: bool,
    mut values: impl FnMut(&mut Object<'_>, &TimeSeries),
) -> ApiResponse {
    let series = answer.map_or(&[][..], |(answer, _)| &answer.series);
    let mut json = Json::default();
    json.object(|object| {
        if empty || !series.is_empty() {
            object.key("series").list(series, |json, series| {
                json.object(|object| {
                    object.list("labels", &series.labels, |json, (name, value)| {
                        json.key_value(name, value);
                    });
                    values(object, series);
                });
            });
        }
        // One job did it all, and it is done; Grafana shows these as its progress.
        object.key("metrics").raw(match answer {
            Some(_) => r#"{"completedJobs":1,"totalJobs":1}"#,
            None => "{}",
        });
        if let Some((Answer { partial: true, .. }, most)) = answer {
            object.text("status", "PARTIAL");
            object.text(
                "message",
                &format!(
                    "Response exceeds maximum series limit of {most}, a partial response is returned. \
                     Warning: the accuracy of each individual value is not guaranteed."
                ),
            );
        }
    });
    ApiResponse::written(json)
}

/// True for what Go reads as true.
fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True")
}

fn float(object: &mut Object<'_>, name: &str, value: f64) {
    if value != 0.0 {
        object.key(name).float(value);
    }
}

/// Start and end, nanoseconds since the Unix epoch; the last hour if nothing is said.
fn bounds(params: &Params) -> Result<(u64, u64), String> {
    let since = match params.get("since") {
        None => DEFAULT_SINCE,
        Some(text) => lang::parse_duration(text)
            .and_then(|nanos| u64::try_from(nanos).ok())
            .ok_or_else(|| {
                format!("could not parse 'since' parameter: not a valid duration string: {text:?}")
            })?,
    };
    let read = |name: &str| match params.get(name) {
        None => Ok(None),
        Some(text) => match stamp(text) {
            Some(nanos) => Ok(Some(nanos)),
            None => Err(format!(
                "could not parse '{name}' parameter: {text:?} is not a time"
            )),
        },
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
    let end = read("end")?.unwrap_or(now);
    let start = read("start")?.unwrap_or_else(|| end.min(now).saturating_sub(since));
    Ok((start, end))
}

fn seconds_or_duration(text: &str) -> Result<u64, String> {
    let nanos = match text.parse::<f64>() {
        Ok(seconds) => Some(seconds * 1e9),
        Err(_) => go::parse(text).ok().map(|nanos| nanos as f64),
    };
    match nanos {
        // The nearest number below 2^63.
        Some(nanos) if (0.0..9.2e18).contains(&nanos) => Ok(nanos as u64),
        _ => Err(format!(
            "rpc error: code = Code(400) desc = cannot parse {text:?} to a valid duration"
        )),
    }
}

/// About 240 points, in steps of whole seconds, and of five seconds from five on.
fn default_step(length: u64) -> u64 {
    const SECOND: u64 = 1_000_000_000;
    let wanted = length / 240;
    let fives = wanted / (5 * SECOND) * (5 * SECOND);
    let step = if fives < 5 * SECOND {
        wanted / SECOND * SECOND
    } else {
        fives
    };
    step.max(SECOND)
}
