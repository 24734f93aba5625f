//! `/format_query` and `/parse_query`: what a query is, without asking for data.

use serde_json::{Value, json};

use super::Api;
use super::params::Params;
use super::response::{ApiError, ApiResponse, push_string};
use crate::metrics::engine;
use crate::metrics::lang::ast::{At, Card, DurationExpr, Expr, Moved, Type, VectorSelector};
use crate::metrics::lang::print::number;

/// The query, formatted.
pub(super) fn format(_api: &Api, params: &Params) -> Result<ApiResponse, ApiError> {
    let mut json = String::new();
    push_string(&mut json, &parsed(params)?.pretty());
    Ok(ApiResponse::data(json))
}

/// The query as a tree.
pub(super) fn parse(_api: &Api, params: &Params) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::data(tree(&parsed(params)?).to_string()))
}

fn parsed(params: &Params) -> Result<Expr, ApiError> {
    let parsed = engine::parse_any(params.get("query"));
    parsed.map_err(|error| ApiError::of_query("query", error))
}

/// Adds the trees of parts to that of the whole. The macro `json!` would copy each part, at each level anew.
fn with<const N: usize>(mut whole: Value, parts: [(&str, Value); N]) -> Value {
    for (name, part) in parts {
        whole[name] = part;
    }
    whole
}

fn tree(expr: &Expr) -> Value {
    match expr {
        Expr::Aggregate(aggregate) => {
            let whole = json!({
                "type": "aggregation",
                "op": aggregate.op.text(),
                "grouping": aggregate.grouping,
                "without": aggregate.without,
            });
            let param = aggregate.param.as_deref().map(tree);
            with(
                whole,
                [("expr", tree(&aggregate.expr)), ("param", param.into())],
            )
        }
        Expr::Binary(binary) => {
            let vectors = [&binary.left, &binary.right].map(|side| side.kind() == Type::Vector);
            let matching = &binary.matching;
            let card = match matching.card {
                _ if binary.op.is_set() => "many-to-many",
                Card::OneToOne => "one-to-one",
                Card::ManyToOne => "many-to-one",
                Card::OneToMany => "one-to-many",
            };
            let matching = json!({
                "card": card,
                "labels": matching.labels,
                "on": matching.on,
                "include": matching.include,
                "fillValues": {"lhs": null, "rhs": null},
            });
            let whole = json!({
                "type": "binaryExpr",
                "op": binary.op.text(),
                "matching": (vectors == [true, true]).then_some(matching),
                "bool": binary.return_bool,
            });
            with(
                whole,
                [("lhs", tree(&binary.left)), ("rhs", tree(&binary.right))],
            )
        }
        Expr::Call(call) => {
            let function = call.function;
            let whole = json!({
                "type": "call",
                "func": {
                    "name": function.name,
                    "argTypes": function.args.iter().copied().map(word).collect::<Vec<_>>(),
                    "variadic": function.variadic,
                    "returnType": word(function.returns),
                },
            });
            with(whole, [("args", call.args.iter().map(tree).collect())])
        }
        Expr::Matrix(matrix) => {
            let mut tree = selector("matrixSelector", &matrix.vector);
            tree["range"] = json!(unless_written(matrix.range, matrix.range_expr.as_ref()));
            tree["rangeExpr"] = matrix.range_expr.as_ref().map(duration).into();
            tree
        }
        Expr::Number(literal) => json!({
            "type": "numberLiteral",
            "val": number(literal.value, false),
        }),
        Expr::Paren(inner, _) => with(json!({"type": "parenExpr"}), [("expr", tree(inner))]),
        Expr::Subquery(subquery) => {
            let step = subquery.step.unwrap_or(0);
            let mut tree = json!({
                "type": "subquery",
                "range": unless_written(subquery.range, subquery.range_expr.as_ref()),
                "rangeExpr": subquery.range_expr.as_ref().map(duration),
                "step": unless_written(step, subquery.step_expr.as_ref()),
                "stepExpr": subquery.step_expr.as_ref().map(duration),
            });
            add_time(&mut tree, &subquery.moved);
            with(tree, [("expr", self::tree(&subquery.expr))])
        }
        Expr::Text(text) => json!({"type": "stringLiteral", "val": text.value}),
        Expr::Unary(unary) => {
            let whole = json!({"type": "unaryExpr", "op": unary.sign()});
            with(whole, [("expr", tree(&unary.expr))])
        }
        Expr::Vector(vector) => selector("vectorSelector", vector),
    }
}

fn selector(kind: &str, vector: &VectorSelector) -> Value {
    let matchers = vector.selector.matchers().iter();
    let matchers: Vec<Value> = matchers
        .map(|it| json!({"name": it.name(), "value": it.text(), "type": it.operator()}))
        .collect();
    let mut tree = json!({
        "type": kind,
        "name": vector.name,
        "matchers": matchers,
        // Behind a flag of Prometheus that is off.
        "anchored": false,
        "smoothed": false,
    });
    add_time(&mut tree, &vector.moved);
    tree
}

fn add_time(tree: &mut Value, moved: &Moved) {
    tree["offset"] = json!(unless_written(moved.offset, moved.offset_expr.as_ref()));
    tree["offsetExpr"] = moved.offset_expr.as_ref().map(duration).into();
    let (time, word) = match moved.at {
        Some(At::Time(millis)) => (Some(millis), None),
        Some(At::Start) => (None, Some("start")),
        Some(At::End) => (None, Some("end")),
        None => (None, None),
    };
    tree["timestamp"] = json!(time);
    tree["startOrEnd"] = json!(word);
}

/// Prometheus computes what is written as arithmetic when the query runs.
fn unless_written(millis: i64, written: Option<&DurationExpr>) -> i64 {
    if written.is_some() { 0 } else { millis }
}

fn duration(written: &DurationExpr) -> Value {
    match written {
        DurationExpr::Number { value, is_duration } => json!({
            "type": "numberLiteral",
            "val": number(*value, false),
            "duration": is_duration,
        }),
        DurationExpr::Operation {
            op,
            left,
            right,
            wrapped,
        } => json!({
            "type": "durationExpr",
            "op": op,
            "lhs": left.as_deref().map(duration),
            "rhs": right.as_deref().map(duration),
            "wrapped": wrapped,
        }),
    }
}

/// A type in one word.
fn word(kind: Type) -> &'static str {
    match kind {
        Type::Scalar => "scalar",
        Type::Vector => "vector",
        Type::Matrix => "matrix",
        Type::Text => "string",
    }
}
