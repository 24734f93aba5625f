//! `GET /api/metrics/query_range` and `/api/metrics/query`: spans counted over time.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::params::Params;
use super::response::ApiResponse;
use super::time::stamp;
use super::writer::{Json, Object};
use crate::traces::Store;
use crate::traces::engine::search::{Grid, TimeSeries, time_series};
use crate::traces::lang;
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

/// `GET /api/metrics/query_range`.
pub(super) fn range(store: &Arc<Store>, params: &Params, stop: &Stop) -> ApiResponse {
    respond(params, "", |query, (start, end)| {
        let step = match params.get("step") {
            Some(text) => seconds_or_duration(text)?,
            None => default_step(end - start),
        };
        if step == 0 || (end - start) / step > MAX_INTERVALS {
            let text = |nanos: u64| go::format(i64::try_from(nanos).unwrap_or(i64::MAX));
            return Err(format!(
                "step of {} is too small, minimum step for given range is {}",
                text(step),
                text((end - start) / MAX_INTERVALS)
            )
            .into());
        }
        let wanted = params.count("exemplars").ok().flatten().unwrap_or(0);
        let exemplars = match (query.hints.exemplars, usize::try_from(wanted)) {
            (Some(hinted), _) => hinted,
            (None, Ok(0) | Err(_)) => MAX_EXEMPLARS,
            (None, Ok(wanted)) => wanted,
        };
        let grid = Grid::range(start, end, step);
        let series = counted(store, query, &grid, exemplars.min(MAX_EXEMPLARS), stop)?;
        Ok(written(&series, |object, series| {
            object
                .key("samples")
                .list(series.values.iter().enumerate(), |json, (at, value)| {
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
    respond(params, "compiling query: ", |query, (start, end)| {
        if start == end {
            return Err("end must be greater than start".to_owned().into());
        }
        let series = counted(store, query, &Grid::instant(start, end), 0, stop)?;
        Ok(written(&series, |object, series| {
            float(
                object,
                "value",
                series.values.first().copied().unwrap_or_default(),
            );
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

/// Reads the parameters and lets `evaluate` make the response. What is wrong with a query is said after `prefix`,
/// as Tempo does.
fn respond(
    params: &Params,
    prefix: &str,
    evaluate: impl FnOnce(&lang::Query, (u64, u64)) -> Result<ApiResponse, Failure>,
) -> ApiResponse {
    let evaluated = || {
        let window = bounds(params)?;
        // Grafana says `query`, all other paths of this API say `q`.
        let text = params
            .get("q")
            .or_else(|| params.get("query"))
            .unwrap_or_default();
        let query = lang::parse(text).map_err(|error| format!("{prefix}{error}"))?;
        if window.1 < window.0 {
            return Err("end must be greater than start".to_owned().into());
        }
        evaluate(&query, window)
    };
    match evaluated() {
        Ok(response) | Err(Failure::Response(response)) => response,
        Err(Failure::Wrong(message)) => ApiResponse::bad_request(message),
    }
}

fn counted(
    store: &Store,
    query: &lang::Query,
    grid: &Grid,
    exemplars: usize,
    stop: &Stop,
) -> Result<Vec<TimeSeries>, Failure> {
    let Some(metrics) = &query.metrics else {
        return Err("not a metrics query".to_owned().into());
    };
    if query.selects_nothing() {
        return Ok(Vec::new());
    }
    if grid.length() > MAX_LENGTH {
        return Err(format!(
            "metrics query time range exceeds the maximum allowed duration of {}",
            go::format(MAX_LENGTH.as_nanos() as i64)
        )
        .into());
    }
    time_series(store, query, metrics, grid, exemplars, stop)
        .map_err(|error| Failure::Response(error.into()))
}

fn written(
    series: &[TimeSeries],
    mut values: impl FnMut(&mut Object<'_>, &TimeSeries),
) -> ApiResponse {
    let mut json = Json::default();
    json.object(|object| {
        object.key("series").list(series, |json, series| {
            json.object(|object| {
                object.list("labels", &series.labels, |json, (name, value)| {
                    json.key_value(name, value);
                });
                values(object, series);
            });
        });
        // One job did it all, and it is done; Grafana shows these as its progress.
        object
            .key("metrics")
            .raw(r#"{"completedJobs":1,"totalJobs":1}"#);
    });
    ApiResponse::written(json)
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
        _ => Err(format!("cannot parse {text:?} to a valid duration")),
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
