//! Instant and range queries.

use serde_json::{Map, Value as Json, json};

use super::labels::check_length;
use super::params::{Params, Range};
use super::response::{ApiResponse, ApiResult, ResultBody, number, seconds};
use super::streams::streams;
use crate::logs::engine::{Labels, LogQuery, QueryError, Series, Steps, Value, evaluate};
use crate::logs::lang::{self, Expr, MetricExpr};
use crate::logs::store::Store;
use crate::wire::Stop;

/// `/loki/api/v1/query`
pub(super) fn instant(store: &Store, params: &Params, stop: &Stop) -> ApiResult {
    let time = params.time(store.now())?;
    params.limit()?;
    params.direction()?;
    let expr = lang::parse_bytes(params.bytes("query"))?;
    if matches!(expr, Expr::Metric(_)) {
        lang::check_names(&expr)?;
    }
    let expr = match expr {
        Expr::Metric(expr) => expr,
        Expr::Log(_) => return Err(QueryError::LogInstant.into()),
        Expr::Variants(..) => return Err(QueryError::VariantsDisabled.into()),
    };
    let at = seconds(time);
    let steps = Steps::instant(time);
    match evaluate(&expr, store, steps, stop.clone())? {
        Value::Scalar(value) => Ok(ApiResponse::data(Some(
            json!({"resultType": "scalar", "result": [at, number(value)]}),
        ))),
        Value::Vector(mut series) => {
            if !expr.sorts() {
                series.sort_by(|a, b| a.labels.cmp(&b.labels));
            }
            let rows = series.iter().filter_map(|one| {
                let value = one.values.first().copied().flatten()?;
                let value = json!([at, number(value)]);
                Some(format!(
                    "{{\"metric\":{},\"value\":{value}}}",
                    metric(&one.labels)
                ))
            });
            ApiResponse::rows("vector", rows, store.limits().max_query_bytes)
        }
    }
}

/// `/loki/api/v1/query_range`
pub(super) fn range(store: &Store, params: &Params, stop: &Stop) -> ApiResult {
    let Range {
        start,
        end,
        limit,
        direction,
        step,
        interval,
    } = params.range(store.now())?;
    let expr = lang::parse_bytes(params.bytes("query"))?;
    lang::check_names(&expr)?;
    check_length(store, start, end)?;
    match expr {
        Expr::Log(expr) => {
            let query = LogQuery {
                expr: &expr,
                start,
                end,
                limit,
                direction,
                interval,
                stop: stop.clone(),
            };
            lines(store, params, &query)
        }
        Expr::Metric(expr) => {
            let steps = aligned(start, end, step);
            matrix(store, &expr, steps, stop)
        }
        Expr::Variants(..) => Err(QueryError::VariantsDisabled.into()),
    }
}

/// Aligns a range to multiples of the step: the first step is at or before the start, the last at
/// or after the end.
fn aligned(start: i64, end: i64, step: i64) -> Steps {
    let over = end.rem_euclid(step);
    let end = match over {
        0 => end,
        over => end.saturating_add(step - over),
    };
    Steps {
        start: start.saturating_sub(start.rem_euclid(step)),
        end,
        step,
    }
}

fn lines(store: &Store, params: &Params, query: &LogQuery<'_>) -> ApiResult {
    let (limit, most) = (query.limit, store.limits().max_entries_per_query);
    if limit > most {
        return Err(ApiResponse::bad_request(format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {most})"
        )));
    }
    let lines = query.run(store)?;
    let flags = match params.categorize {
        true => ",\"encodingFlags\":[\"categorize-labels\"]",
        false => "",
    };
    let mut result = ResultBody::new("streams", flags, store.limits().max_query_bytes);
    for (at, stream) in streams(&lines, params.categorize).iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let labels = stream.labels();
        result.push(&format!("{comma}{{\"stream\":{labels},\"values\":["))?;
        for (at, value) in stream.values().enumerate() {
            if at > 0 {
                result.push(",")?;
            }
            result.push(&value.to_string())?;
        }
        result.push("]}")?;
    }
    Ok(result.end())
}

fn matrix(store: &Store, expr: &MetricExpr, steps: Steps, stop: &Stop) -> ApiResult {
    let series = match evaluate(expr, store, steps, stop.clone())? {
        Value::Scalar(value) => vec![Series {
            labels: Labels::default(),
            values: vec![Some(value); steps.count()],
        }],
        Value::Vector(mut series) => {
            series.sort_by(|a, b| a.labels.cmp(&b.labels));
            series
        }
    };
    let rows = series.iter().map(|one| {
        let mut row = format!("{{\"metric\":{},\"values\":[", metric(&one.labels));
        let mut comma = "";
        for (at, value) in one.values.iter().enumerate() {
            if let Some(value) = value {
                let point = json!([seconds(steps.at(at)), number(*value)]);
                row.push_str(&format!("{comma}{point}"));
                comma = ",";
            }
        }
        row + "]}"
    });
    ApiResponse::rows("matrix", rows, store.limits().max_query_bytes)
}

fn metric(labels: &Labels) -> Json {
    let labels: Map<String, Json> = labels
        .0
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    Json::Object(labels)
}
