//! The part of a query that turns spans into time series, such as `rate() by (name) | topk(3)`: as a
//! tree, as text, and what must hold of it.

use winnow::Parser;
use winnow::combinator::opt;

use super::QueryError;
use super::ast::{Expr, Field, Spansets};
use super::check;
use super::cursor::{Cursor, Fault, Parsed, advance, expect, keyword, next, symbol};
use super::expression;
use super::lexer::Token;
use super::parse;

/// Labels that a time series may have, as in Tempo.
const MAX_LABELS: usize = 5;

/// Values of an attribute that `compare` shows unless it says another number.
const DEFAULT_TOP: i64 = 10;

/// `rate() by (name) | topk(3)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metrics {
    pub(crate) function: MetricsFunction,
    /// Spans that differ in these belong to different series.
    pub(crate) by: Vec<Field>,
    /// Which of the series stay.
    pub(crate) ranked: Option<Ranked>,
}

/// Function that makes a number of the spans of each interval.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MetricsFunction {
    Rate,
    CountOverTime,
    MinOverTime(Field),
    MaxOverTime(Field),
    SumOverTime(Field),
    AvgOverTime(Field),
    /// A series for each of the quantiles.
    QuantileOverTime(Field, Vec<f64>),
    /// A series for each bucket.
    HistogramOverTime(Field),
    Compare(Box<Compare>),
}

/// `compare({ status = error }, 10, 1, 2)`: which attributes do the selected spans have, and which the
/// others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Compare {
    pub(crate) selection: Expr,
    /// Values that are shown of an attribute.
    pub(crate) top: i64,
    /// Spans outside of this time are not selected, nanoseconds since the Unix epoch; zeros for any time.
    pub(crate) window: (i64, i64),
}

/// `topk(3)`, `bottomk(3)`: the series that stay, at each time on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranked {
    pub(crate) top: bool,
    pub(crate) limit: i64,
}

impl MetricsFunction {
    /// The name in a query.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::CountOverTime => "count_over_time",
            Self::MinOverTime(_) => "min_over_time",
            Self::MaxOverTime(_) => "max_over_time",
            Self::SumOverTime(_) => "sum_over_time",
            Self::AvgOverTime(_) => "avg_over_time",
            Self::QuantileOverTime(..) => "quantile_over_time",
            Self::HistogramOverTime(_) => "histogram_over_time",
            Self::Compare(_) => "compare",
        }
    }

    /// What it computes with.
    pub(crate) fn of(&self) -> Option<&Field> {
        match self {
            Self::Rate | Self::CountOverTime | Self::Compare(_) => None,
            Self::MinOverTime(of)
            | Self::MaxOverTime(of)
            | Self::SumOverTime(of)
            | Self::AvgOverTime(of)
            | Self::QuantileOverTime(of, _)
            | Self::HistogramOverTime(of) => Some(of),
        }
    }
}

/// True if a word begins such a part.
pub(super) fn begins(word: &str) -> bool {
    matches!(
        word,
        "rate"
            | "count_over_time"
            | "min_over_time"
            | "max_over_time"
            | "sum_over_time"
            | "avg_over_time"
            | "quantile_over_time"
            | "histogram_over_time"
            | "compare"
    )
}

/// Reads a function, perhaps with `by (…)`, perhaps with `| topk(…)`.
pub(super) fn metrics(input: &mut Cursor<'_>, word: &str) -> Parsed<Metrics> {
    advance(input);
    expect(input, "(")?;
    let function = match word {
        "rate" => MetricsFunction::Rate,
        "count_over_time" => MetricsFunction::CountOverTime,
        "compare" => MetricsFunction::Compare(Box::new(compare(input)?)),
        "quantile_over_time" => {
            let of = field(input)?;
            if *next(input) != Token::Symbol(",") {
                return Err(Fault::unexpected(input, ","));
            }
            let mut quantiles = Vec::new();
            while *next(input) == Token::Symbol(",") {
                advance(input);
                quantiles.push(number(input)?);
            }
            MetricsFunction::QuantileOverTime(of, quantiles)
        }
        of_field => {
            let of = field(input)?;
            match of_field {
                "min_over_time" => MetricsFunction::MinOverTime(of),
                "max_over_time" => MetricsFunction::MaxOverTime(of),
                "sum_over_time" => MetricsFunction::SumOverTime(of),
                "avg_over_time" => MetricsFunction::AvgOverTime(of),
                _ => MetricsFunction::HistogramOverTime(of),
            }
        }
    };
    let more = match &function {
        MetricsFunction::QuantileOverTime(..) => ") or ,",
        MetricsFunction::Compare(compare) if compare.window == (0, 0) => ") or ,",
        _ => ")",
    };
    close(input, more)?;
    let mut by = Vec::new();
    let groups = !matches!(function, MetricsFunction::Compare(_));
    if groups && opt(keyword("by")).parse_next(input)?.is_some() {
        expect(input, "(")?;
        by.push(field(input)?);
        while opt(symbol(",")).parse_next(input)?.is_some() {
            by.push(field(input)?);
        }
        close(input, ") or ,")?;
    }
    let ranked = match opt(symbol("|")).parse_next(input)? {
        Some(()) => Some(ranked(input)?),
        None => None,
    };
    Ok(Metrics {
        function,
        by,
        ranked,
    })
}

fn field(input: &mut Cursor<'_>) -> Parsed<Field> {
    match expression::opt_field(input)? {
        Some(field) => Ok(field),
        None => Err(Fault::unexpected(input, "")),
    }
}

fn close(input: &mut Cursor<'_>, expecting: &str) -> Parsed<()> {
    match symbol(")").parse_next(input) {
        Ok(()) => Ok(()),
        Err(_) => Err(Fault::unexpected(input, expecting)),
    }
}

fn number(input: &mut Cursor<'_>) -> Parsed<f64> {
    let number = match next(input) {
        Token::Float(n) => *n,
        Token::Int(n) => *n as f64,
        _ => return Err(Fault::unexpected(input, "INTEGER or FLOAT")),
    };
    advance(input);
    Ok(number)
}

fn integer(input: &mut Cursor<'_>) -> Parsed<i64> {
    let Token::Int(n) = next(input) else {
        return Err(Fault::unexpected(input, "INTEGER"));
    };
    advance(input);
    Ok(*n)
}

/// Reads what stands in the parentheses of `compare`: a filter, perhaps a number, perhaps two times.
fn compare(input: &mut Cursor<'_>) -> Parsed<Compare> {
    if *next(input) != Token::Symbol("{") {
        return Err(Fault::unexpected(input, "{"));
    }
    let mut compare = Compare {
        selection: parse::filter(input)?,
        top: DEFAULT_TOP,
        window: (0, 0),
    };
    if opt(symbol(",")).parse_next(input)?.is_some() {
        compare.top = integer(input)?;
        if opt(symbol(",")).parse_next(input)?.is_some() {
            let start = integer(input)?;
            expect(input, ",")?;
            compare.window = (start, integer(input)?);
            if *next(input) != Token::Symbol(")") {
                return Err(Fault::unexpected(input, ")"));
            }
        }
    }
    Ok(compare)
}

fn ranked(input: &mut Cursor<'_>) -> Parsed<Ranked> {
    let top = match next(input) {
        Token::Word(word) if word == "topk" => true,
        Token::Word(word) if word == "bottomk" => false,
        _ => return Err(Fault::unexpected(input, "topk or bottomk")),
    };
    advance(input);
    expect(input, "(")?;
    let limit = integer(input)?;
    expect(input, ")")?;
    Ok(Ranked { top, limit })
}

/// Checks what the grammar does not say.
pub(super) fn check(metrics: &Metrics) -> Result<(), QueryError> {
    let invalid = |message: String| Err(QueryError::Invalid(message));
    // A bucket takes the place of a label, and so does the number of the spans behind an average.
    let labels = match &metrics.function {
        MetricsFunction::AvgOverTime(_)
        | MetricsFunction::QuantileOverTime(..)
        | MetricsFunction::HistogramOverTime(_) => MAX_LABELS - 1,
        _ => MAX_LABELS,
    };
    let by = metrics.by.len();
    if by > labels {
        return invalid(format!("metrics group by {by} values not yet supported"));
    }
    match &metrics.function {
        MetricsFunction::QuantileOverTime(_, quantiles) => {
            if let Some(wrong) = quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
                return invalid(format!("quantile must be between 0 and 1: {wrong}"));
            }
        }
        MetricsFunction::Compare(compare) => {
            check::spansets(&Spansets::Filter(compare.selection.clone()))?;
            let (start, end) = compare.window;
            let wrong = match () {
                () if compare.top <= 0 => "top number of values must be integer greater than 0",
                () if (start, end) == (0, 0) => "",
                () if start <= 0 || end <= 0 => {
                    "timestamps must be positive integer unix nanoseconds"
                }
                () if end <= start => "end timestamp must be greater than start timestamp",
                () => "",
            };
            if !wrong.is_empty() {
                return invalid(format!("compare() {wrong}"));
            }
        }
        _ => {}
    }
    match (&metrics.function, metrics.ranked) {
        (_, Some(Ranked { limit: ..=0, .. })) => invalid("limit must be greater than 0".to_owned()),
        (MetricsFunction::Compare(_), Some(_)) => {
            invalid("`compare()` cannot be used with second stage functions".to_owned())
        }
        _ => Ok(()),
    }
}
