//! Instant and range queries.

use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, Asked, number, seconds};
use super::params::Params;
use super::streams::streams;
use crate::embedded::logs::engine::{Labels, LogQuery, QueryError, Steps, Value, evaluate};
use crate::embedded::logs::logql::{self, Expr, LogExpr, MetricExpr};
use crate::embedded::logs::store::LogStore;

/// Points of a series.
const MAX_POINTS: i64 = 11_000;

/// What Loki says of too many points.
pub(super) const STEP_TOO_SMALL: &str = "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter";

/// `/loki/api/v1/query`
pub(super) fn instant(store: &LogStore, params: &Params) -> Asked {
    let time = params.time(store.now())?;
    params.limit()?;
    params.direction()?;
    let Expr::Metric(expr) = logql::parse(params.get("query"))? else {
        return Err(QueryError::LogInstant.into());
    };
    let at = seconds(time);
    let data = match evaluate(&expr, store, Steps::instant(time))? {
        Value::Scalar(value) => json!({"resultType": "scalar", "result": [at, number(value)]}),
        Value::Vector(series) => {
            let result: Vec<Json> = series
                .iter()
                .filter_map(|one| {
                    let value = one.values.first().copied().flatten()?;
                    let metric = metric(&one.labels);
                    Some(json!({"metric": metric, "value": [at, number(value)]}))
                })
                .collect();
            json!({"resultType": "vector", "result": result})
        }
    };
    Ok(Answer::data(Some(data)))
}

/// `/loki/api/v1/query_range`
pub(super) fn range(store: &LogStore, params: &Params) -> Asked {
    let (start, end) = params.bounds(store.now())?;
    if end < start {
        let text = "end timestamp must not be before or equal to start time";
        return Err(Answer::bad_request(text));
    }
    let limit = params.limit()?;
    let step = params.step(start, end)?;
    if step <= 0 {
        return Err(Answer::bad_request(
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if end.saturating_sub(start) / step > MAX_POINTS {
        return Err(Answer::bad_request(STEP_TOO_SMALL));
    }
    match logql::parse(params.get("query"))? {
        Expr::Log(expr) => lines(store, params, &expr, (start, end), limit),
        Expr::Metric(expr) => matrix(store, &expr, aligned(start, end, step)),
    }
}

/// Steps at multiples of the step: the first at or before the start, the last at or after the end.
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

fn lines(
    store: &LogStore,
    params: &Params,
    expr: &LogExpr,
    (start, end): (i64, i64),
    limit: usize,
) -> Asked {
    let most = store.limits().max_entries_per_query;
    if limit > most {
        return Err(Answer::bad_request(format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {most})"
        )));
    }
    let query = LogQuery {
        expr,
        start,
        end,
        limit,
        direction: params.direction()?,
        interval: params.interval()?,
    };
    let lines = query.run(store)?;
    let mut data = json!({
        "resultType": "streams",
        "result": streams(&lines, params.categorize),
    });
    if let (true, Some(data)) = (params.categorize, data.as_object_mut()) {
        data.insert("encodingFlags".to_owned(), json!(["categorize-labels"]));
    }
    Ok(Answer::data(Some(data)))
}

fn matrix(store: &LogStore, expr: &MetricExpr, steps: Steps) -> Asked {
    let point = |at: usize, value: f64| json!([seconds(steps.at(at)), number(value)]);
    let result: Vec<Json> = match evaluate(expr, store, steps)? {
        Value::Scalar(value) => {
            let values: Vec<Json> = (0..steps.count()).map(|at| point(at, value)).collect();
            vec![json!({"metric": {}, "values": values})]
        }
        Value::Vector(mut series) => {
            series.sort_by(|a, b| a.labels.cmp(&b.labels));
            let row = |(at, value): (usize, &Option<f64>)| value.map(|value| point(at, value));
            series
                .iter()
                .map(|one| {
                    let values: Vec<Json> = one.values.iter().enumerate().filter_map(row).collect();
                    json!({"metric": metric(&one.labels), "values": values})
                })
                .collect()
        }
    };
    Ok(Answer::data(Some(
        json!({"resultType": "matrix", "result": result}),
    )))
}

fn metric(labels: &Labels) -> Json {
    let labels: Map<String, Json> = labels
        .0
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    Json::Object(labels)
}
