//! The grammar of metric queries.

use super::ast::{
    BinaryOp, BinaryOpKind, Expr, Group, Grouping, LabelFilter, LogExpr, LogRange, Matching,
    MetricExpr, RangeOp, Unwrap, UnwrapConversion, VectorOp,
};
use super::error::ParseError;
use super::grammar::{Parsed, Words, grouping, log_expr, names, selector};
use super::grammar_labels::only_label_filter;
use super::grammar_stages::{is_unwrap, stages};
use super::literal;
use super::operators::{binary_op, combine, range_op, vector_op};
use super::tokens::Tok;
use super::validate;
use crate::wire::regex::Expression;

/// Any query.
pub(crate) fn expression(words: &mut Words<'_, '_>) -> Parsed<Expr> {
    if words.is("variants") {
        return variants(words);
    }
    binary(words, 1)
}

/// Parses a metric query. A log query is unexpected where its range is missing.
fn metric_expr(words: &mut Words<'_, '_>) -> Parsed<MetricExpr> {
    match binary(words, 1)? {
        Expr::Metric(metric) => Ok(metric),
        _ => words.unexpected(&[]),
    }
}

/// Parses operators of at least the precedence `least`, by precedence climbing.
fn binary(words: &mut Words<'_, '_>, least: u8) -> Parsed<Expr> {
    let mut left = operand(words)?;
    loop {
        let Some(kind) = binary_op(words.peek()).filter(|kind| kind.precedence() >= least) else {
            return Ok(left);
        };
        words.advance();
        words.count_operator()?;
        let op = modifiers(words, kind)?;
        // Only the power associates to the right.
        let next = kind.precedence() + u8::from(kind != BinaryOpKind::Pow);
        let right = binary(words, next)?;
        left = Expr::Metric(combine(op, left, right));
    }
}

fn modifiers(words: &mut Words<'_, '_>, kind: BinaryOpKind) -> Parsed<BinaryOp> {
    let return_bool = words.take("bool");
    let on = words.is("on");
    if !on && !words.is("ignoring") {
        return Ok(BinaryOp {
            kind,
            return_bool,
            matching: None,
        });
    }
    words.advance();
    let labels = names(words)?;
    let right = words.is("group_right");
    let mut group = None;
    if right || words.is("group_left") {
        words.advance();
        // A parenthesis belongs to the modifier, even where a parenthesised expression could begin.
        let include = match words.is("(") {
            true => names(words)?,
            false => Vec::new(),
        };
        group = Some(Group { right, include });
    }
    Ok(BinaryOp {
        kind,
        return_bool,
        matching: Some(Matching { on, labels, group }),
    })
}

fn operand(words: &mut Words<'_, '_>) -> Parsed<Expr> {
    match *words.peek() {
        Tok::Word("{") => log_expr(words).map(Expr::Log),
        Tok::Word("(") => {
            words.advance();
            let inner = words.nested(|words| binary(words, 1))?;
            if !words.take(")") {
                // After a complete metric query a parenthesis or any operator could follow.
                return words.unexpected(&[]);
            }
            Ok(inner)
        }
        Tok::Word("+" | "-") | Tok::Number(_) => Ok(Expr::Metric(number(words)?)),
        Tok::Function(name) => call(words, name).map(Expr::Metric),
        _ => words.unexpected(&[]),
    }
}

/// A signed number. An invalid one is reported after the whole query was parsed.
fn number(words: &mut Words<'_, '_>) -> Parsed<MetricExpr> {
    let negative = words.is("-");
    if negative || words.is("+") {
        words.advance();
    }
    Ok(match literal::parse_float(words.number()?) {
        Ok(value) if negative => MetricExpr::Literal(-value),
        Ok(value) => MetricExpr::Literal(value),
        Err(reason) => MetricExpr::Refused(ParseError::plain(format!(
            "unable to parse literal as a float: {reason}"
        ))),
    })
}

fn call(words: &mut Words<'_, '_>, name: &'static str) -> Parsed<MetricExpr> {
    if let Some(op) = range_op(name) {
        words.advance();
        return range_call(words, op);
    }
    if let Some(op) = vector_op(name) {
        words.advance();
        return aggregation(words, op);
    }
    match name {
        "VECTOR" => {
            words.advance();
            words.expect("(")?;
            let value = literal::parse_float(words.number()?);
            words.expect(")")?;
            Ok(value.map_or_else(
                |reason| {
                    let reason = format!("unable to parse vectorExpr as a float: {reason}");
                    MetricExpr::Refused(ParseError::plain(reason))
                },
                MetricExpr::Vector,
            ))
        }
        "label_replace" => {
            words.advance();
            label_replace(words)
        }
        _ => words.unexpected(&[]),
    }
}

fn label_replace(words: &mut Words<'_, '_>) -> Parsed<MetricExpr> {
    words.expect("(")?;
    let inner = words.nested(metric_expr)?;
    if !words.is(",") {
        return words.unexpected(&[]);
    }
    let mut argument = || {
        words.expect(",")?;
        words.text()
    };
    let (dst, replacement, src, regex) = (argument()?, argument()?, argument()?, argument()?);
    words.expect(")")?;
    if let Err(reason) = Expression::new(&format!("^(?:{regex})$")) {
        let reason = format!("invalid regex in label_replace: {reason}");
        return Ok(MetricExpr::Refused(ParseError::plain(reason)));
    }
    Ok(MetricExpr::LabelReplace {
        inner: Box::new(inner),
        dst,
        replacement,
        src,
        regex,
    })
}

/// A number that is followed by a comma.
fn parameter<'i>(words: &mut Words<'_, 'i>) -> Option<&'i str> {
    match (words.peek(), words.peek_at(1)) {
        (&Tok::Number(number), Tok::Word(",")) => {
            words.advance();
            words.advance();
            Some(number)
        }
        _ => None,
    }
}

fn aggregation(words: &mut Words<'_, '_>, op: VectorOp) -> Parsed<MetricExpr> {
    let mut grouped = grouping(words)?;
    if !words.is("(") {
        return words.unexpected(match grouped {
            Some(_) => &["("],
            None => &["(", "by", "without"],
        });
    }
    words.advance();
    let param = parameter(words);
    let inner = words.nested(metric_expr)?;
    if !words.take(")") {
        return words.unexpected(&[]);
    }
    if grouped.is_none() {
        grouped = grouping(words)?;
    }
    Ok(match validate::aggregation(op, param, grouped.as_ref()) {
        Ok(param) => MetricExpr::Aggregation {
            op,
            param,
            inner: Box::new(inner),
            grouping: grouped,
        },
        Err(reason) => MetricExpr::Refused(reason),
    })
}

fn range_call(words: &mut Words<'_, '_>, op: RangeOp) -> Parsed<MetricExpr> {
    words.expect("(")?;
    if !matches!(words.peek(), Tok::Number(_) | Tok::Word("{" | "(")) {
        return words.unexpected(&["NUMBER", "{", "("]);
    }
    let param = match words.peek() {
        Tok::Number(_) => {
            let number = words.number()?;
            words.expect(",")?;
            Some(number)
        }
        _ => None,
    };
    let range = words.nested(log_range)?;
    words.expect(")")?;
    let grouping: Option<Grouping> = grouping(words)?;
    Ok(
        match validate::range(op, param, &range, grouping.as_ref()) {
            Ok(param) => MetricExpr::Range {
                op,
                param,
                range: Box::new(range),
                grouping,
            },
            Err(reason) => MetricExpr::Refused(reason),
        },
    )
}

fn variants(words: &mut Words<'_, '_>) -> Parsed<Expr> {
    words.expect("variants")?;
    words.expect("(")?;
    let mut all = vec![words.nested(metric_expr)?];
    while words.take(",") {
        all.push(words.nested(metric_expr)?);
    }
    if !words.take(")") {
        return words.unexpected(&[]);
    }
    words.expect("of")?;
    words.expect("(")?;
    let range = words.nested(log_range)?;
    words.expect(")")?;
    Ok(Expr::Variants(all, range))
}

/// Parses a log query with its range, which follows the selector or the stages. The selector or the
/// whole may be in parentheses.
fn log_range(words: &mut Words<'_, '_>) -> Parsed<LogRange> {
    if !words.take("(") {
        if !words.is("{") {
            return words.unexpected(&["{", "("]);
        }
        let matchers = selector(words)?;
        return rest_of_range(words, matchers);
    }
    if words.is("(") {
        let inner = words.nested(log_range)?;
        words.expect(")")?;
        return Ok(inner);
    }
    if !words.is("{") {
        return words.unexpected(&["{", "("]);
    }
    let matchers = selector(words)?;
    if matches!(words.peek(), Tok::Range(_)) {
        let range = rest_of_range(words, matchers)?;
        words.expect(")")?;
        return Ok(range);
    }
    let stages = stages(words)?;
    let unwrap = unwrap(words)?;
    let bare = stages.is_empty() && unwrap.is_none();
    let log = LogExpr { matchers, stages };
    if words.take(")") {
        let (range, offset) = range(words, &["RANGE"])?;
        let unwrap = match bare {
            true => self::unwrap(words)?,
            false => unwrap,
        };
        return Ok(LogRange {
            log,
            range,
            offset,
            unwrap,
        });
    }
    let (range, offset) = range(words, after(unwrap.as_ref()))?;
    words.expect(")")?;
    Ok(LogRange {
        log,
        range,
        offset,
        unwrap,
    })
}

/// Parses the rest after a selector, up to the end of the range.
fn rest_of_range(
    words: &mut Words<'_, '_>,
    matchers: Vec<super::ast::Matcher>,
) -> Parsed<LogRange> {
    let mut found = None;
    if matches!(words.peek(), Tok::Range(_)) {
        found = Some(range(words, &[])?);
    }
    let stages = stages(words)?;
    let unwrap = unwrap(words)?;
    let (range, offset) = match found {
        Some(found) => found,
        None => range(words, after(unwrap.as_ref()))?,
    };
    Ok(LogRange {
        log: LogExpr { matchers, stages },
        range,
        offset,
        unwrap,
    })
}

/// The tokens that could follow the log query of a range. After stages there are more than an error
/// names.
fn after(unwrap: Option<&Unwrap>) -> &'static [&'static str] {
    match unwrap {
        Some(_) => &["RANGE", "|"],
        None => &[],
    }
}

/// `[5m] offset 1h`
fn range(words: &mut Words<'_, '_>, expected: &[&str]) -> Parsed<(i64, i64)> {
    let Tok::Range(range) = *words.peek() else {
        return words.unexpected(expected);
    };
    words.advance();
    if !words.take("offset") {
        return Ok((range, 0));
    }
    let Tok::Duration(offset) = *words.peek() else {
        return words.unexpected(&["DURATION"]);
    };
    words.advance();
    Ok((range, offset))
}

fn unwrap(words: &mut Words<'_, '_>) -> Parsed<Option<Unwrap>> {
    if !is_unwrap(words) {
        return Ok(None);
    }
    words.expect("|")?;
    words.expect("unwrap")?;
    let conversion = match *words.peek() {
        Tok::Ident(_) => UnwrapConversion::None,
        Tok::Function("BYTES_CONV") => UnwrapConversion::Bytes,
        Tok::Function("DURATION_CONV") => UnwrapConversion::Duration,
        Tok::Function("DURATION_SECONDS_CONV") => UnwrapConversion::DurationSeconds,
        _ => {
            return words.unexpected(&[
                "IDENTIFIER",
                "BYTES_CONV",
                "DURATION_CONV",
                "DURATION_SECONDS_CONV",
            ]);
        }
    };
    let label = if conversion == UnwrapConversion::None {
        words.ident()?
    } else {
        words.advance();
        words.expect("(")?;
        let label = words.ident()?;
        words.expect(")")?;
        label
    };
    let mut filters: Vec<LabelFilter> = Vec::new();
    while words.take("|") {
        filters.push(only_label_filter(words)?);
    }
    Ok(Some(Unwrap {
        label,
        conversion,
        filters,
    }))
}
