//! Semantic checks beyond the grammar.

use super::ast::{
    Expr, Grouping, LabelFilter, LogExpr, LogRange, Matcher, MetricExpr, RangeOp, Stage, VectorOp,
};
use super::error::ParseError;
use super::format::quoted_name;
use crate::logs::lines::pattern::Pattern;
use crate::logs::store::is_label_name;
use crate::wire::regex::Expression;

type Checked = Result<(), ParseError>;

/// Checks the expression of a `regexp` stage.
pub(crate) fn regexp(expression: &str) -> Checked {
    let refused = |reason: &str| ParseError::plain(format!("invalid regexp parser: {reason}"));
    let regex = Expression::new(expression).map_err(|error| refused(&error.to_string()))?;
    let mut names: Vec<&str> = regex.names().flatten().collect();
    if names.is_empty() {
        return Err(refused("at least one named capture must be supplied"));
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(refused(&format!(
            "duplicate extracted label name '{}'",
            pair[0]
        ))),
        None => Ok(()),
    }
}

/// Checks the expression of a `pattern` stage.
pub(crate) fn pattern(expression: &str) -> Checked {
    let checked = Pattern::parser(expression).map(drop);
    checked.map_err(|reason| ParseError::plain(format!("invalid pattern parser: {reason}")))
}

/// A function of a range with its arguments.
pub(crate) fn range(
    op: RangeOp,
    param: Option<&str>,
    range: &LogRange,
    grouping: Option<&Grouping>,
) -> Result<Option<f64>, ParseError> {
    let refused = |reason: String| Err(ParseError::plain(reason));
    let param = match param {
        Some(param) if op != RangeOp::QuantileOverTime => {
            return refused(format!(
                "parameter {param} not supported for operation {op}"
            ));
        }
        Some(param) => Some(super::literal::parse_float(param).map_err(|reason| {
            ParseError::plain(format!("invalid parameter for operation {op}: {reason}"))
        })?),
        None if op == RangeOp::QuantileOverTime => {
            return refused(format!("parameter required for operation {op}"));
        }
        None => None,
    };
    use RangeOp as Op;
    let groups = matches!(
        op,
        Op::AvgOverTime
            | Op::StddevOverTime
            | Op::StdvarOverTime
            | Op::QuantileOverTime
            | Op::MaxOverTime
            | Op::MinOverTime
            | Op::FirstOverTime
            | Op::LastOverTime
    );
    if grouping.is_some() && !groups {
        return refused(format!("grouping not allowed for {op} aggregation"));
    }
    let of_lines = matches!(op, Op::CountOverTime | Op::BytesRate | Op::BytesOverTime);
    let of_both = matches!(op, Op::Rate | Op::AbsentOverTime);
    if range.unwrap.is_some() && of_lines {
        return refused(format!("invalid aggregation {op} with unwrap"));
    }
    if range.unwrap.is_none() && !of_lines && !of_both {
        return refused(format!("invalid aggregation {op} without unwrap"));
    }
    Ok(param)
}

/// The first argument of an aggregation.
pub(crate) fn aggregation(
    op: VectorOp,
    param: Option<&str>,
    grouping: Option<&Grouping>,
) -> Result<Option<u32>, ParseError> {
    let refused = |reason: String| Err(ParseError::plain(reason));
    let Some(param) = param else {
        return match op.takes_number() {
            true => refused(format!("parameter required for operation {op}")),
            false => Ok(None),
        };
    };
    if !op.takes_number() {
        return refused(format!("unsupported parameter for operation {op}({param},"));
    }
    let Ok(number) = param.parse::<i64>() else {
        return refused(format!("invalid parameter {op}({param},"));
    };
    if number <= 0 {
        let reason = format!("invalid parameter (must be greater than 0) {op}({param}");
        return refused(reason);
    }
    if op == VectorOp::ApproxTopK && grouping.is_some() {
        return refused(format!("grouping not allowed for {op} aggregation"));
    }
    Ok(Some(u32::try_from(number).unwrap_or(u32::MAX)))
}

/// Every selector needs a matcher that does not accept an absent label. Semantic errors found
/// during parsing are reported now.
pub(crate) fn expr(expr: &Expr) -> Checked {
    match expr {
        Expr::Log(log) => matchers(&log.matchers),
        Expr::Metric(metric) => metric_expr(metric),
        Expr::Variants(variants, range) => {
            matchers(&range.log.matchers)?;
            variants.iter().try_for_each(metric_expr)
        }
    }
}

/// Checks the names of the matchers. Loki's grammar takes letters of every script, but its querier
/// reads the query anew after it was printed with such names in quotes, which no selector takes.
pub(crate) fn names(expr: &Expr) -> Checked {
    match expr {
        Expr::Log(log) => matcher_names(log),
        Expr::Metric(metric) => metric_names(metric),
        Expr::Variants(_, range) => matcher_names(&range.log),
    }
}

fn metric_names(expr: &MetricExpr) -> Checked {
    match expr {
        MetricExpr::Range { range, .. } => matcher_names(&range.log),
        MetricExpr::Aggregation { inner, .. } | MetricExpr::LabelReplace { inner, .. } => {
            metric_names(inner)
        }
        MetricExpr::Binary { left, right, .. } => {
            metric_names(left)?;
            metric_names(right)
        }
        MetricExpr::Literal(_) | MetricExpr::Vector(_) | MetricExpr::Refused(_) => Ok(()),
    }
}

fn matcher_names(log: &LogExpr) -> Checked {
    let needs_quotes = |name: &&str| !is_label_name(name);
    let mut names = log.matchers.iter().map(|matcher| matcher.name.as_str());
    let (name, expected) = match names.position(|name| needs_quotes(&name)) {
        Some(at) => {
            let expected = match at {
                0 => ", expecting IDENTIFIER or }",
                _ => ", expecting IDENTIFIER",
            };
            (log.matchers[at].name.as_str(), expected)
        }
        None => {
            let filters = log.stages.iter().filter_map(|stage| match stage {
                Stage::LabelFilter(filter) => Some(filter),
                _ => None,
            });
            let found = filters.flat_map(compared_names).find(needs_quotes);
            match found {
                Some(name) => (name, ""),
                None => return Ok(()),
            }
        }
    };
    let printed = log.to_string();
    let before = printed
        .split(&*quoted_name(name))
        .next()
        .unwrap_or_default();
    Err(ParseError::At {
        line: 1,
        col: before.chars().count() + 1,
        message: format!("syntax error: unexpected STRING{expected}"),
    })
}

/// The names of the labels that a filter compares as text.
fn compared_names(filter: &LabelFilter) -> Vec<&str> {
    match filter {
        LabelFilter::Match(matcher) => vec![&matcher.name],
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => {
            let mut names = compared_names(left);
            names.extend(compared_names(right));
            names
        }
        _ => Vec::new(),
    }
}

fn metric_expr(expr: &MetricExpr) -> Checked {
    match expr {
        MetricExpr::Range { range, .. } => matchers(&range.log.matchers),
        MetricExpr::Aggregation {
            op,
            inner,
            grouping,
            ..
        } => {
            let sorts = matches!(op, VectorOp::Sort | VectorOp::SortDesc);
            if sorts && grouping.as_ref().is_some_and(|g| !g.labels.is_empty()) {
                let reason = "sort and sort_desc doesn't allow grouping by ";
                return Err(ParseError::plain(reason));
            }
            metric_expr(inner)
        }
        MetricExpr::LabelReplace { inner, .. } => metric_expr(inner),
        MetricExpr::Binary { left, right, .. } => {
            metric_expr(left)?;
            metric_expr(right)
        }
        MetricExpr::Refused(reason) => Err(reason.clone()),
        MetricExpr::Literal(_) | MetricExpr::Vector(_) => Ok(()),
    }
}

fn matchers(matchers: &[Matcher]) -> Checked {
    for matcher in matchers {
        if !matcher.compile()?.comparison.accepts("") {
            return Ok(());
        }
    }
    Err(ParseError::plain(
        "queries require at least one regexp or equality matcher that does not have an \
         empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but \
         app=~\".+\" will",
    ))
}
