//! `/query`, `/query_range` and `/query_exemplars`.

use std::time::Duration;

use super::Api;
use super::params::Params;
use super::response::{
    ApiError, ApiResponse, push_histogram, push_labels, push_list, push_sample, push_string,
    push_time, push_value,
};
use crate::metrics::engine::{self, Points, QueryData, QueryLimits, Sample};
use crate::metrics::now_ms;
use crate::wire::Stop;

/// Points that a range query may ask for in each series.
const MAX_POINTS: i64 = 11_000;

/// The server's limits, lowered by the request's own `timeout` and changed by its `lookback_delta`.
fn limits(api: &Api, params: &Params) -> Result<QueryLimits, ApiError> {
    let mut limits = api.limits.clone();
    let time = |nanos: i64| Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
    if !params.get("timeout").is_empty() {
        let given = params.duration("timeout");
        let given = given.map_err(|problem| ApiError::invalid("timeout", problem))?;
        limits.timeout = limits.timeout.min(time(given));
    }
    if !params.get("lookback_delta").is_empty() {
        let given = params.duration("lookback_delta").map_err(|problem| {
            ApiError::bad_data(format!("error parsing lookback delta duration: {problem}"))
        })?;
        if given > 0 {
            limits.lookback = time(given);
        }
    }
    Ok(limits)
}

/// Evaluates at one time.
pub(super) fn instant(api: &Api, params: &Params, stop: &Stop) -> Result<ApiResponse, ApiError> {
    let limit = params.limit()?;
    let time = params.time("time", Some(now_ms()))?;
    let limits = limits(api, params)?;
    let result = engine::instant(&api.store, params.get("query"), time, &limits, stop)
        .map_err(|error| ApiError::of_query("query", error))?;
    let mut truncated = false;
    let mut json = String::new();
    match result.data {
        QueryData::Scalar(value) => {
            json.push_str(r#"{"resultType":"scalar","result":"#);
            push_sample(&mut json, time, value);
        }
        QueryData::Text(text) => {
            json.push_str(r#"{"resultType":"string","result":["#);
            push_time(&mut json, time);
            json.push(',');
            push_string(&mut json, &text);
            json.push(']');
        }
        QueryData::Vector(mut vector) => {
            truncated = vector.len() > limit;
            vector.truncate(limit);
            json.push_str(r#"{"resultType":"vector","result":"#);
            push_list(&mut json, &vector, |json, (labels, sample)| {
                json.push_str(r#"{"metric":"#);
                push_labels(json, labels);
                match sample {
                    Sample::Number(value) => {
                        json.push_str(r#","value":"#);
                        push_sample(json, time, *value);
                    }
                    Sample::Histogram(histogram) => {
                        json.push_str(r#","histogram":"#);
                        push_histogram(json, time, histogram);
                    }
                }
                json.push('}');
            });
        }
        QueryData::Matrix(mut matrix) => {
            truncated = matrix.len() > limit;
            matrix.truncate(limit);
            push_matrix(&mut json, &matrix);
        }
    }
    json.push('}');
    Ok(finish(json, result.warnings, result.infos, truncated))
}

/// Evaluates at each step between two times.
pub(super) fn range(api: &Api, params: &Params, stop: &Stop) -> Result<ApiResponse, ApiError> {
    let limit = params.limit()?;
    let start = params.time("start", None)?;
    let end = params.time("end", None)?;
    if end < start {
        return Err(ApiError::invalid(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let step = params.duration("step");
    let step = step.map_err(|problem| ApiError::invalid("step", problem))?;
    if step <= 0 {
        return Err(ApiError::invalid(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    let length = i128::from(end) - i128::from(start);
    if length * 1_000_000 / i128::from(step) > i128::from(MAX_POINTS) {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. \
             Try decreasing the query resolution (?step=XX)",
        ));
    }
    // The evaluation counts in milliseconds.
    let step = (step / 1_000_000).max(1);
    let limits = limits(api, params)?;
    let result = engine::range(
        &api.store,
        params.get("query"),
        start,
        end,
        step,
        &limits,
        stop,
    )
    .map_err(|error| ApiError::of_query("query", error))?;
    let mut matrix = match result.data {
        QueryData::Matrix(matrix) => matrix,
        _ => Vec::new(),
    };
    let truncated = matrix.len() > limit;
    matrix.truncate(limit);
    let mut json = String::new();
    push_matrix(&mut json, &matrix);
    json.push('}');
    Ok(finish(json, result.warnings, result.infos, truncated))
}

type Matrix = [(crate::metrics::labels::Labels, Points)];

fn push_matrix(json: &mut String, matrix: &Matrix) {
    json.push_str(r#"{"resultType":"matrix","result":"#);
    push_list(json, matrix, |json, (labels, points)| {
        json.push_str(r#"{"metric":"#);
        push_labels(json, labels);
        if !points.numbers.is_empty() {
            json.push_str(r#","values":"#);
            push_list(json, &points.numbers, |json, (time, value)| {
                push_sample(json, *time, *value);
            });
        }
        if !points.histograms.is_empty() {
            json.push_str(r#","histograms":"#);
            push_list(json, &points.histograms, |json, (time, histogram)| {
                push_histogram(json, *time, histogram);
            });
        }
        json.push('}');
    });
}

fn finish(json: String, warnings: Vec<String>, infos: Vec<String>, truncated: bool) -> ApiResponse {
    let notice = truncated.then(|| "results truncated due to limit".to_owned());
    ApiResponse::data(json)
        .with_warnings(warnings)
        .with_warnings(notice)
        .with_infos(infos)
}

/// The exemplars of every series that a selector in the query names.
pub(super) fn exemplars(api: &Api, params: &Params, _stop: &Stop) -> Result<ApiResponse, ApiError> {
    let start = params.time("start", Some(i64::MIN))?;
    let end = params.time("end", Some(i64::MAX))?;
    if end < start {
        return Err(ApiError::bad_data(
            "end timestamp must not be before start timestamp",
        ));
    }
    let selectors = engine::selectors(params.get("query"))
        .map_err(|error| ApiError::bad_data(error.to_string()))?;
    if selectors.is_empty() {
        return Ok(ApiResponse::empty());
    }
    let found = api.store.select_exemplars(&selectors, start, end);
    let mut json = String::new();
    push_list(&mut json, &found, |json, (labels, exemplars)| {
        json.push_str(r#"{"seriesLabels":"#);
        push_labels(json, labels);
        json.push_str(r#","exemplars":"#);
        push_list(json, exemplars, |json, exemplar| {
            json.push_str(r#"{"labels":"#);
            push_labels(json, &exemplar.labels);
            json.push_str(r#","value":"#);
            push_value(json, exemplar.value);
            json.push_str(r#","timestamp":"#);
            push_time(json, exemplar.timestamp);
            json.push('}');
        });
        json.push('}');
    });
    Ok(ApiResponse::data(json))
}
