//! The functions of Prometheus 3.14: one row a function, with its types and its evaluation.
//!
//! To add a function, add its row here. The parser takes the types from this table ([`signature`]), the
//! evaluator the evaluation ([`find`]).

use super::calendar::Field;
use super::eval::Evaluator;
use super::grid::{Column, Grid, Sample};
use super::range;
use super::{QueryError, call, elementwise, histogram, mixed, over_time, rate, regression};
use crate::metrics::histogram::Histogram;
use crate::metrics::lang::ast::Call;
use crate::metrics::lang::ast::Type::{self, Matrix as M, Scalar as S, Text as T, Vector as V};
use crate::metrics::lang::signature::Signature;

/// A function: the types for the parser, the computation for the evaluator.
pub(super) struct Function {
    signature: Signature,
    pub(super) evaluation: Evaluation,
}

/// A computation on one range of samples; `None` leaves out the step.
type OverWindow = fn(&range::Window<'_>) -> Option<f64>;

/// The same where there are histograms in the range.
type OverMixed = fn(&range::Mixed<'_>) -> Option<Sample>;

/// The computation of a function. The first seven are shapes that many functions share.
#[derive(Clone, Copy)]
pub(super) enum Evaluation {
    /// Computes one value from each window of a range vector; the result has no metric name.
    Window(OverWindow, OverMixed),
    /// As `Window`, but picks one sample of the series, so the result keeps the metric name.
    Pick(OverWindow, OverMixed),
    /// As `Window`, for counters: a metric whose name is no counter's gives an info annotation.
    Counter(OverWindow, OverMixed),
    /// Computes each number of an instant vector by itself.
    Value(fn(f64) -> f64),
    /// Computes a number from each histogram of an instant vector.
    Native(fn(&Histogram) -> f64),
    /// Takes one field of the date from Unix seconds: of the argument, or of the evaluation time.
    Date(Field),
    /// Orders an instant vector by value.
    Sort {
        /// From the highest value to the lowest.
        descending: bool,
    },
    /// Gives one number a step.
    Scalar(fn(&Evaluator<'_>, &Call, &Grid) -> Result<Vec<f64>, QueryError>),
    /// Gives an instant vector.
    Vector(fn(&Evaluator<'_>, &Call, &Grid) -> Result<Vec<Column>, QueryError>),
    /// Experimental: Prometheus has it behind a feature flag that is off, and the parser refuses it.
    Off,
}

use Evaluation::{Counter, Date, Native, Off, Pick, Scalar, Sort, Value, Vector, Window};

const fn row(
    name: &'static str,
    args: &'static [Type],
    variadic: isize,
    returns: Type,
    evaluation: Evaluation,
) -> Function {
    Function {
        signature: Signature {
            name,
            args,
            variadic,
            returns,
            experimental: matches!(evaluation, Off),
        },
        evaluation,
    }
}

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    let place = FUNCTIONS
        .binary_search_by(|function| function.signature.name.cmp(name))
        .ok()?;
    FUNCTIONS.get(place)
}

/// The types of the function of this name.
pub(crate) fn signature(name: &str) -> Option<&'static Signature> {
    find(name).map(|function| &function.signature)
}

/// Sorted by name. The columns are those of [`Signature`], then the evaluation.
#[rustfmt::skip]
static FUNCTIONS: &[Function] = &[
    row("abs", &[V], 0, V, Value(f64::abs)),
    row("absent", &[V], 0, V, Vector(call::absent)),
    row("absent_over_time", &[M], 0, V, Vector(call::absent_over_time)),
    row("acos", &[V], 0, V, Value(f64::acos)),
    row("acosh", &[V], 0, V, Value(f64::acosh)),
    row("asin", &[V], 0, V, Value(f64::asin)),
    row("asinh", &[V], 0, V, Value(f64::asinh)),
    row("atan", &[V], 0, V, Value(f64::atan)),
    row("atanh", &[V], 0, V, Value(f64::atanh)),
    row("avg_over_time", &[M], 0, V, Window(over_time::average, mixed::average)),
    row("ceil", &[V], 0, V, Value(f64::ceil)),
    row("changes", &[M], 0, V, Window(|window| Some(rate::changes(window)), mixed::changes)),
    row("clamp", &[V, S, S], 0, V, Vector(call::clamp)),
    row("clamp_max", &[V, S], 0, V, Vector(call::clamp_max)),
    row("clamp_min", &[V, S], 0, V, Vector(call::clamp_min)),
    row("cos", &[V], 0, V, Value(f64::cos)),
    row("cosh", &[V], 0, V, Value(f64::cosh)),
    row("count_over_time", &[M], 0, V, Window(|window| Some(window.values.len() as f64), mixed::count)),
    row("day_of_month", &[V], 1, V, Date(Field::DayOfMonth)),
    row("day_of_week", &[V], 1, V, Date(Field::DayOfWeek)),
    row("day_of_year", &[V], 1, V, Date(Field::DayOfYear)),
    row("days_in_month", &[V], 1, V, Date(Field::DaysInMonth)),
    row("deg", &[V], 0, V, Value(elementwise::deg)),
    row("delta", &[M], 0, V, Window(|window| rate::extrapolated(window, false, false), |it| mixed::extrapolated(it, false, false))),
    row("deriv", &[M], 0, V, Window(regression::deriv, mixed::deriv)),
    row("double_exponential_smoothing", &[M, S, S], 0, V, Off),
    row("end", &[], 0, S, Off),
    row("exp", &[V], 0, V, Value(f64::exp)),
    row("first_over_time", &[M], 0, V, Pick(|window| window.values.first().copied(), mixed::first)),
    row("floor", &[V], 0, V, Value(f64::floor)),
    row("histogram_avg", &[V], 0, V, Native(|histogram| histogram.sum / histogram.count)),
    row("histogram_count", &[V], 0, V, Native(|histogram| histogram.count)),
    row("histogram_fraction", &[S, S, V], 0, V, Vector(call::histogram_fraction)),
    row("histogram_quantile", &[S, V], 0, V, Vector(call::histogram_quantile)),
    row("histogram_quantiles", &[V, T, S, S], 9, V, Off),
    row("histogram_stddev", &[V], 0, V, Native(|it| histogram::variance(it).sqrt())),
    row("histogram_stdvar", &[V], 0, V, Native(histogram::variance)),
    row("histogram_sum", &[V], 0, V, Native(|histogram| histogram.sum)),
    row("hour", &[V], 1, V, Date(Field::Hour)),
    row("idelta", &[M], 0, V, Window(|window| rate::instant(window, false), |it| mixed::instant(it, false))),
    row("increase", &[M], 0, V, Counter(|window| rate::extrapolated(window, true, false), |it| mixed::extrapolated(it, true, false))),
    row("info", &[V, V], 1, V, Off),
    row("irate", &[M], 0, V, Window(|window| rate::instant(window, true), |it| mixed::instant(it, true))),
    row("label_join", &[V, T, T, T], -1, V, Vector(|evaluator, call, grid| evaluator.label_join(call, grid))),
    row("label_replace", &[V, T, T, T, T], 0, V, Vector(|evaluator, call, grid| evaluator.label_replace(call, grid))),
    row("last_over_time", &[M], 0, V, Pick(|window| window.values.last().copied(), mixed::last)),
    row("ln", &[V], 0, V, Value(f64::ln)),
    row("log10", &[V], 0, V, Value(f64::log10)),
    row("log2", &[V], 0, V, Value(f64::log2)),
    row("mad_over_time", &[M], 0, V, Off),
    row("max_of", &[S, S], 0, S, Off),
    row("max_over_time", &[M], 0, V, Window(over_time::max, mixed::max)),
    row("min_of", &[S, S], 0, S, Off),
    row("min_over_time", &[M], 0, V, Window(over_time::min, mixed::min)),
    row("minute", &[V], 1, V, Date(Field::Minute)),
    row("month", &[V], 1, V, Date(Field::Month)),
    row("pi", &[], 0, S, Scalar(call::pi)),
    row("predict_linear", &[M, S], 0, V, Vector(call::predict_linear)),
    row("present_over_time", &[M], 0, V, Window(|_| Some(1.0), mixed::present)),
    row("quantile_over_time", &[S, M], 0, V, Vector(call::quantile_over_time)),
    row("rad", &[V], 0, V, Value(elementwise::rad)),
    row("range", &[], 0, S, Off),
    row("rate", &[M], 0, V, Counter(|window| rate::extrapolated(window, true, true), |it| mixed::extrapolated(it, true, true))),
    row("resets", &[M], 0, V, Window(|window| Some(rate::resets(window)), mixed::resets)),
    row("round", &[V, S], 1, V, Vector(call::round)),
    row("scalar", &[V], 0, S, Scalar(call::scalar)),
    row("sgn", &[V], 0, V, Value(elementwise::sgn)),
    row("sin", &[V], 0, V, Value(f64::sin)),
    row("sinh", &[V], 0, V, Value(f64::sinh)),
    row("sort", &[V], 0, V, Sort { descending: false }),
    row("sort_by_label", &[V, T], -1, V, Off),
    row("sort_by_label_desc", &[V, T], -1, V, Off),
    row("sort_desc", &[V], 0, V, Sort { descending: true }),
    row("sqrt", &[V], 0, V, Value(f64::sqrt)),
    row("start", &[], 0, S, Off),
    row("start_timestamp", &[V], 0, V, Off),
    row("stddev_over_time", &[M], 0, V, Window(|window| Some(over_time::variance(window).sqrt()), mixed::deviation)),
    row("stdvar_over_time", &[M], 0, V, Window(|window| Some(over_time::variance(window)), mixed::variance)),
    row("step", &[], 0, S, Off),
    row("sum_over_time", &[M], 0, V, Window(|window| Some(over_time::sum(window)), mixed::sum)),
    row("tan", &[V], 0, V, Value(f64::tan)),
    row("tanh", &[V], 0, V, Value(f64::tanh)),
    row("time", &[], 0, S, Scalar(call::time)),
    row("timestamp", &[V], 0, V, Vector(call::timestamp)),
    row("ts_of_first_over_time", &[M], 0, V, Off),
    row("ts_of_last_over_time", &[M], 0, V, Off),
    row("ts_of_max_over_time", &[M], 0, V, Off),
    row("ts_of_min_over_time", &[M], 0, V, Off),
    row("vector", &[S], 0, V, Vector(call::vector)),
    row("year", &[V], 1, V, Date(Field::Year)),
];

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn the_table_is_sorted_so_that_every_function_is_found() {
        assert!(FUNCTIONS.is_sorted_by(|left, right| left.signature.name < right.signature.name));
    }
}
