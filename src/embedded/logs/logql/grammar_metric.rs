//! The grammar of metric queries.

use winnow::combinator::{alt, cut_err, delimited, opt, preceded};
use winnow::prelude::*;

use super::ast::{
    BinaryOp, BinaryOpKind, Grouping, LabelFilter, LogExpr, LogRange, Matching, MetricExpr,
    RangeOp, Unwrap, UnwrapConversion, VectorOp,
};
use super::error::ParseError;
use super::grammar::{
    Parsed, Words, count_operator, grouping, ident, keyword, names, nested, next_is, pick, refuse,
    selector, sym, text,
};
use super::grammar_stages::{is_unwrap, label_filter, stages};
use super::tokens::Tok;

impl BinaryOpKind {
    /// How strongly it binds; higher is stronger.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::Less
            | Self::LessOrEqual => 3,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div | Self::Mod => 5,
            Self::Pow => 6,
        }
    }
}

impl RangeOp {
    /// All functions by name.
    pub(crate) const ALL: [(&'static str, Self); 15] = [
        ("rate", Self::Rate),
        ("rate_counter", Self::RateCounter),
        ("count_over_time", Self::CountOverTime),
        ("bytes_rate", Self::BytesRate),
        ("bytes_over_time", Self::BytesOverTime),
        ("absent_over_time", Self::AbsentOverTime),
        ("sum_over_time", Self::SumOverTime),
        ("avg_over_time", Self::AvgOverTime),
        ("min_over_time", Self::MinOverTime),
        ("max_over_time", Self::MaxOverTime),
        ("first_over_time", Self::FirstOverTime),
        ("last_over_time", Self::LastOverTime),
        ("stddev_over_time", Self::StddevOverTime),
        ("stdvar_over_time", Self::StdvarOverTime),
        ("quantile_over_time", Self::QuantileOverTime),
    ];
}

impl VectorOp {
    /// All aggregations by name.
    pub(crate) const ALL: [(&'static str, Self); 11] = [
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("count", Self::Count),
        ("stddev", Self::Stddev),
        ("stdvar", Self::Stdvar),
        ("topk", Self::TopK),
        ("bottomk", Self::BottomK),
        ("sort", Self::Sort),
        ("sort_desc", Self::SortDesc),
    ];

    /// Whether it takes a number first.
    pub(crate) fn takes_number(self) -> bool {
        matches!(self, Self::TopK | Self::BottomK)
    }
}

/// Any metric query.
pub(crate) fn metric_expr(input: &mut Words<'_, '_>) -> Parsed<MetricExpr> {
    binary(input, 1)
}

/// Operators that bind at least as strongly as `least`, by precedence climbing.
fn binary(input: &mut Words<'_, '_>, least: u8) -> Parsed<MetricExpr> {
    let mut left = operand(input)?;
    loop {
        let start = *input;
        let Some(kind) = opt(binary_op).parse_next(input)? else {
            return Ok(left);
        };
        if kind.precedence() < least {
            *input = start;
            return Ok(left);
        }
        count_operator(input)?;
        let op = modifiers(input, kind)?;
        // Only the power associates to the right.
        let next = kind.precedence() + u8::from(kind != BinaryOpKind::Pow);
        let right = nested(|input: &mut Words<'_, '_>| binary(input, next))(input)?;
        left = MetricExpr::Binary {
            op,
            left: Box::new(left),
            right: Box::new(right),
        };
    }
}

fn binary_op(input: &mut Words<'_, '_>) -> Parsed<BinaryOpKind> {
    alt((
        alt((
            keyword("or").value(BinaryOpKind::Or),
            keyword("and").value(BinaryOpKind::And),
            keyword("unless").value(BinaryOpKind::Unless),
        )),
        sym("+").value(BinaryOpKind::Add),
        sym("-").value(BinaryOpKind::Sub),
        sym("*").value(BinaryOpKind::Mul),
        sym("/").value(BinaryOpKind::Div),
        sym("%").value(BinaryOpKind::Mod),
        sym("^").value(BinaryOpKind::Pow),
        sym("==").value(BinaryOpKind::Equal),
        alt((
            sym("!=").value(BinaryOpKind::NotEqual),
            sym(">=").value(BinaryOpKind::GreaterOrEqual),
            sym("<=").value(BinaryOpKind::LessOrEqual),
            sym(">").value(BinaryOpKind::Greater),
            sym("<").value(BinaryOpKind::Less),
        )),
    ))
    .parse_next(input)
}

fn modifiers(input: &mut Words<'_, '_>, kind: BinaryOpKind) -> Parsed<BinaryOp> {
    let return_bool = opt(keyword("bool")).parse_next(input)?.is_some();
    if return_bool && kind.precedence() != 3 {
        let reason = ParseError::plain("bool modifier can only be used on comparison operators");
        return refuse(input, reason);
    }
    let on = opt(alt((
        keyword("on").value(true),
        keyword("ignoring").value(false),
    )))
    .parse_next(input)?;
    let matching = match on {
        Some(on) => Some(Matching {
            on,
            labels: names(input)?,
        }),
        None => None,
    };
    let grouped = opt(alt((keyword("group_left"), keyword("group_right")))).parse_next(input)?;
    if let Some(name) = grouped {
        let reason = format!("`{name}` is not supported by the embedded backend");
        return refuse(input, ParseError::plain(reason));
    }
    Ok(BinaryOp {
        kind,
        return_bool,
        matching,
    })
}

fn operand(input: &mut Words<'_, '_>) -> Parsed<MetricExpr> {
    if next_is(input, "(") {
        return delimited(sym("("), nested(metric_expr), cut_err(sym(")"))).parse_next(input);
    }
    alt((literal, call)).parse_next(input)
}

fn number(input: &mut Words<'_, '_>) -> Parsed<f64> {
    pick("NUMBER", |tok| match tok {
        Tok::Number(value) => Some(*value),
        _ => None,
    })(input)
}

fn literal(input: &mut Words<'_, '_>) -> Parsed<MetricExpr> {
    let sign = opt(alt((sym("-").value(-1.0), sym("+").value(1.0)))).parse_next(input)?;
    if let Some(sign) = sign {
        return cut_err(number)
            .map(|value| MetricExpr::Literal(sign * value))
            .parse_next(input);
    }
    number.map(MetricExpr::Literal).parse_next(input)
}

fn call(input: &mut Words<'_, '_>) -> Parsed<MetricExpr> {
    let name = ident(input)?.to_ascii_lowercase();
    if let Some((_, op)) = RangeOp::ALL.iter().find(|(known, _)| *known == name) {
        return cut_err(|input: &mut Words<'_, '_>| range_call(input, *op)).parse_next(input);
    }
    if let Some((_, op)) = VectorOp::ALL.iter().find(|(known, _)| *known == name) {
        return cut_err(|input: &mut Words<'_, '_>| aggregation(input, *op)).parse_next(input);
    }
    match name.as_str() {
        "vector" => delimited(cut_err(sym("(")), cut_err(number), cut_err(sym(")")))
            .map(MetricExpr::Vector)
            .parse_next(input),
        "label_replace" => cut_err(label_replace).parse_next(input),
        _ if next_is(input, "(") => {
            let reason = format!("the function `{name}` is not supported by the embedded backend");
            refuse(input, ParseError::plain(reason))
        }
        _ => pick("(", |_| None)(input),
    }
}

fn label_replace(input: &mut Words<'_, '_>) -> Parsed<MetricExpr> {
    let argument = || preceded(sym(","), text);
    let (_, inner, dst, replacement, src, regex, _) = (
        sym("("),
        nested(metric_expr),
        argument(),
        argument(),
        argument(),
        argument(),
        sym(")"),
    )
        .parse_next(input)?;
    Ok(MetricExpr::LabelReplace {
        inner: Box::new(inner),
        dst,
        replacement,
        src,
        regex,
    })
}

fn aggregation(input: &mut Words<'_, '_>, op: VectorOp) -> Parsed<MetricExpr> {
    let before = grouping(input)?;
    sym("(").parse_next(input)?;
    let param = if op.takes_number() {
        let k = number(input)?;
        sym(",").parse_next(input)?;
        if k < 1.0 {
            let reason = format!("invalid parameter (must be greater than 0) {op}({k}");
            return refuse(input, ParseError::plain(reason));
        }
        Some(k.min(f64::from(u32::MAX)) as u32)
    } else {
        None
    };
    let inner = nested(metric_expr)(input)?;
    sym(")").parse_next(input)?;
    let grouping = either(input, before)?;
    let sorts = matches!(op, VectorOp::Sort | VectorOp::SortDesc);
    if sorts && grouping.as_ref().is_some_and(|g| !g.labels.is_empty()) {
        let reason = ParseError::plain("sort and sort_desc doesn't allow grouping by ");
        return refuse(input, reason);
    }
    Ok(MetricExpr::Aggregation {
        op,
        param,
        inner: Box::new(inner),
        grouping,
    })
}

/// A grouping stands before or after the arguments, not on both sides.
fn either(input: &mut Words<'_, '_>, before: Option<Grouping>) -> Parsed<Option<Grouping>> {
    if before.is_some() {
        return Ok(before);
    }
    grouping(input)
}

fn range_call(input: &mut Words<'_, '_>, op: RangeOp) -> Parsed<MetricExpr> {
    sym("(").parse_next(input)?;
    let param = if op == RangeOp::QuantileOverTime {
        let quantile = number(input)?;
        sym(",").parse_next(input)?;
        Some(quantile)
    } else {
        None
    };
    let range = log_range(input)?;
    sym(")").parse_next(input)?;
    let grouping = grouping(input)?;
    if let Err(reason) = check_range(op, &range, grouping.as_ref()) {
        return refuse(input, ParseError::plain(reason));
    }
    Ok(MetricExpr::Range {
        op,
        param,
        range: Box::new(range),
        grouping,
    })
}

fn check_range(op: RangeOp, range: &LogRange, grouping: Option<&Grouping>) -> Result<(), String> {
    use RangeOp as Op;
    let of_lines = matches!(op, Op::CountOverTime | Op::BytesRate | Op::BytesOverTime);
    let of_both = matches!(op, Op::Rate | Op::AbsentOverTime);
    if op == Op::RateCounter {
        return Err(format!("`{op}` is not supported by the embedded backend"));
    }
    if range.unwrap.is_some() && of_lines {
        return Err(format!("invalid aggregation {op} with unwrap"));
    }
    if range.unwrap.is_none() && !of_lines && !of_both {
        return Err(format!("invalid aggregation {op} without unwrap"));
    }
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
        return Err(format!("grouping not allowed for {op} aggregation"));
    }
    Ok(())
}

/// A log query with its range; the range stands after the selector or after the stages.
fn log_range(input: &mut Words<'_, '_>) -> Parsed<LogRange> {
    if next_is(input, "(") {
        sym("(").parse_next(input)?;
        let inner = nested(parenthesised)(input)?;
        return match inner {
            Inner::Range(range) => Ok(range),
            Inner::Log(log, unwrap) => {
                let (range, offset) = range(input)?;
                Ok(LogRange {
                    log,
                    range,
                    offset,
                    unwrap,
                })
            }
        };
    }
    match log_or_range(input)? {
        Inner::Range(range) => Ok(range),
        Inner::Log(..) => pick("RANGE", |_| None)(input),
    }
}

/// What stands in parentheses inside of a range function.
enum Inner {
    Range(LogRange),
    Log(LogExpr, Option<Unwrap>),
}

fn parenthesised(input: &mut Words<'_, '_>) -> Parsed<Inner> {
    let inner = if next_is(input, "(") {
        sym("(").parse_next(input)?;
        nested(parenthesised)(input)?
    } else {
        log_or_range(input)?
    };
    sym(")").parse_next(input)?;
    Ok(inner)
}

fn log_or_range(input: &mut Words<'_, '_>) -> Parsed<Inner> {
    let matchers = cut_err(selector).parse_next(input)?;
    let mut found = opt(range).parse_next(input)?;
    let stages = stages(input)?;
    let unwrap = unwrap(input)?;
    if found.is_none() {
        found = opt(range).parse_next(input)?;
    }
    let log = LogExpr { matchers, stages };
    Ok(match found {
        Some((range, offset)) => Inner::Range(LogRange {
            log,
            range,
            offset,
            unwrap,
        }),
        None => Inner::Log(log, unwrap),
    })
}

fn range(input: &mut Words<'_, '_>) -> Parsed<(i64, i64)> {
    let range = pick("RANGE", |tok| match tok {
        Tok::Range(nanos) => Some(*nanos),
        _ => None,
    })(input)?;
    let duration = pick("DURATION", |tok| match tok {
        Tok::Duration(nanos) => Some(*nanos),
        _ => None,
    });
    let offset = opt(preceded(keyword("offset"), cut_err(duration))).parse_next(input)?;
    Ok((range, offset.unwrap_or(0)))
}

fn unwrap(input: &mut Words<'_, '_>) -> Parsed<Option<Unwrap>> {
    if !is_unwrap(input) {
        return Ok(None);
    }
    (sym("|"), keyword("unwrap")).parse_next(input)?;
    let name = cut_err(ident).parse_next(input)?;
    let conversion = match name.as_str() {
        "bytes" => UnwrapConversion::Bytes,
        "duration" => UnwrapConversion::Duration,
        "duration_seconds" => UnwrapConversion::DurationSeconds,
        _ => UnwrapConversion::None,
    };
    let (label, conversion) = if conversion != UnwrapConversion::None && next_is(input, "(") {
        let label = delimited(sym("("), cut_err(ident), cut_err(sym(")"))).parse_next(input)?;
        (label, conversion)
    } else {
        (name, UnwrapConversion::None)
    };
    let mut filters: Vec<LabelFilter> = Vec::new();
    while next_is(input, "|") {
        let filter = preceded(sym("|"), cut_err(label_filter)).parse_next(input)?;
        filters.push(filter);
    }
    Ok(Some(Unwrap {
        label,
        conversion,
        filters,
    }))
}
