//! The functions of Prometheus 3.14: what they take and what they give.

use super::ast::Type;
use super::ast::Type::{Matrix as M, Scalar as S, Text as T, Vector as V};

/// What a function takes and gives.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// Of a function that takes a varying number, the last type stands for all further arguments.
    pub(super) args: &'static [Type],
    /// How many arguments more than all but the last of `args` it takes; negative for any number, zero for none.
    pub(super) variadic: isize,
    pub(crate) returns: Type,
    /// Prometheus has it behind a feature flag that is off.
    pub(super) experimental: bool,
}

const fn function(
    name: &'static str,
    args: &'static [Type],
    variadic: isize,
    returns: Type,
    experimental: bool,
) -> Function {
    Function {
        name,
        args,
        variadic,
        returns,
        experimental,
    }
}

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    let place = FUNCTIONS.binary_search_by(|one| one.name.cmp(name)).ok()?;
    FUNCTIONS.get(place)
}

/// Sorted by name.
#[rustfmt::skip]
const FUNCTIONS: &[Function] = &[
    function("abs", &[V], 0, V, false),
    function("absent", &[V], 0, V, false),
    function("absent_over_time", &[M], 0, V, false),
    function("acos", &[V], 0, V, false),
    function("acosh", &[V], 0, V, false),
    function("asin", &[V], 0, V, false),
    function("asinh", &[V], 0, V, false),
    function("atan", &[V], 0, V, false),
    function("atanh", &[V], 0, V, false),
    function("avg_over_time", &[M], 0, V, false),
    function("ceil", &[V], 0, V, false),
    function("changes", &[M], 0, V, false),
    function("clamp", &[V, S, S], 0, V, false),
    function("clamp_max", &[V, S], 0, V, false),
    function("clamp_min", &[V, S], 0, V, false),
    function("cos", &[V], 0, V, false),
    function("cosh", &[V], 0, V, false),
    function("count_over_time", &[M], 0, V, false),
    function("day_of_month", &[V], 1, V, false),
    function("day_of_week", &[V], 1, V, false),
    function("day_of_year", &[V], 1, V, false),
    function("days_in_month", &[V], 1, V, false),
    function("deg", &[V], 0, V, false),
    function("delta", &[M], 0, V, false),
    function("deriv", &[M], 0, V, false),
    function("double_exponential_smoothing", &[M, S, S], 0, V, true),
    function("end", &[], 0, S, true),
    function("exp", &[V], 0, V, false),
    function("first_over_time", &[M], 0, V, false),
    function("floor", &[V], 0, V, false),
    function("histogram_avg", &[V], 0, V, false),
    function("histogram_count", &[V], 0, V, false),
    function("histogram_fraction", &[S, S, V], 0, V, false),
    function("histogram_quantile", &[S, V], 0, V, false),
    function("histogram_quantiles", &[V, T, S, S], 9, V, true),
    function("histogram_stddev", &[V], 0, V, false),
    function("histogram_stdvar", &[V], 0, V, false),
    function("histogram_sum", &[V], 0, V, false),
    function("hour", &[V], 1, V, false),
    function("idelta", &[M], 0, V, false),
    function("increase", &[M], 0, V, false),
    function("info", &[V, V], 1, V, true),
    function("irate", &[M], 0, V, false),
    function("label_join", &[V, T, T, T], -1, V, false),
    function("label_replace", &[V, T, T, T, T], 0, V, false),
    function("last_over_time", &[M], 0, V, false),
    function("ln", &[V], 0, V, false),
    function("log10", &[V], 0, V, false),
    function("log2", &[V], 0, V, false),
    function("mad_over_time", &[M], 0, V, true),
    function("max_of", &[S, S], 0, S, true),
    function("max_over_time", &[M], 0, V, false),
    function("min_of", &[S, S], 0, S, true),
    function("min_over_time", &[M], 0, V, false),
    function("minute", &[V], 1, V, false),
    function("month", &[V], 1, V, false),
    function("pi", &[], 0, S, false),
    function("predict_linear", &[M, S], 0, V, false),
    function("present_over_time", &[M], 0, V, false),
    function("quantile_over_time", &[S, M], 0, V, false),
    function("rad", &[V], 0, V, false),
    function("range", &[], 0, S, true),
    function("rate", &[M], 0, V, false),
    function("resets", &[M], 0, V, false),
    function("round", &[V, S], 1, V, false),
    function("scalar", &[V], 0, S, false),
    function("sgn", &[V], 0, V, false),
    function("sin", &[V], 0, V, false),
    function("sinh", &[V], 0, V, false),
    function("sort", &[V], 0, V, false),
    function("sort_by_label", &[V, T], -1, V, true),
    function("sort_by_label_desc", &[V, T], -1, V, true),
    function("sort_desc", &[V], 0, V, false),
    function("sqrt", &[V], 0, V, false),
    function("start", &[], 0, S, true),
    function("start_timestamp", &[V], 0, V, true),
    function("stddev_over_time", &[M], 0, V, false),
    function("stdvar_over_time", &[M], 0, V, false),
    function("step", &[], 0, S, true),
    function("sum_over_time", &[M], 0, V, false),
    function("tan", &[V], 0, V, false),
    function("tanh", &[V], 0, V, false),
    function("time", &[], 0, S, false),
    function("timestamp", &[V], 0, V, false),
    function("ts_of_first_over_time", &[M], 0, V, true),
    function("ts_of_last_over_time", &[M], 0, V, true),
    function("ts_of_max_over_time", &[M], 0, V, true),
    function("ts_of_min_over_time", &[M], 0, V, true),
    function("vector", &[S], 0, V, false),
    function("year", &[V], 1, V, false),
];
