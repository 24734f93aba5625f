//! Functions of the unwrapped values of a window, with Loki's arithmetic.

use crate::logs::lang::RangeOp;

/// A value and its time in Unix nanoseconds.
type Point = (i64, f64);

/// Computes a function of a window; `None` for an empty one.
pub(crate) fn reduce(
    op: RangeOp,
    param: Option<f64>,
    window: &[Point],
    seconds: f64,
) -> Option<f64> {
    let (first, last) = (window.first()?.1, window.last()?.1);
    let values = || window.iter().map(|(_, value)| *value);
    Some(match op {
        RangeOp::SumOverTime => values().sum(),
        RangeOp::Rate => values().sum::<f64>() / seconds,
        RangeOp::RateCounter => rate_counter(window, seconds),
        RangeOp::AvgOverTime => mean(values()),
        RangeOp::MinOverTime => extreme(values(), |value, least| value < least),
        RangeOp::MaxOverTime => extreme(values(), |value, most| value > most),
        RangeOp::FirstOverTime => first,
        RangeOp::LastOverTime => last,
        RangeOp::StdvarOverTime => variance(values()),
        RangeOp::StddevOverTime => variance(values()).sqrt(),
        RangeOp::QuantileOverTime => quantile(param?, values().collect()),
        // The other functions take no unwrapped values; the grammar has refused them.
        _ => return None,
    })
}

/// The mean, updated value by value, so that infinities do not become NaN.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut mean, mut count) = (0.0_f64, 0.0);
    for value in values {
        count += 1.0;
        let same_infinity = value.is_infinite() && (mean > 0.0) == (value > 0.0);
        if mean.is_infinite() && (same_infinity || value.is_finite()) {
            continue;
        }
        mean += value / count - mean / count;
    }
    mean
}

/// The minimum or maximum; NaN only if all values are NaN.
pub(crate) fn extreme(values: impl Iterator<Item = f64>, beats: impl Fn(f64, f64) -> bool) -> f64 {
    values.fold(f64::NAN, |best, value| {
        if beats(value, best) || best.is_nan() {
            value
        } else {
            best
        }
    })
}

/// The population variance by Welford's algorithm.
pub(crate) fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut squares, mut count, mut mean) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        let delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }
    squares / count
}

/// The quantile with linear interpolation between neighbours, as in Prometheus. NaN comes before all numbers.
fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (false, false) => a.total_cmp(b),
        (a, b) => b.cmp(&a),
    });
    let rank = q * (values.len() as f64 - 1.0);
    let lower = rank.floor().max(0.0) as usize;
    let weight = rank - rank.floor();
    let at = |index: usize| {
        let value = values.get(index).or(values.last());
        value.copied().unwrap_or(f64::NAN)
    };
    at(lower) * (1.0 - weight) + at(lower + 1) * weight
}

/// The rate of a counter with resets. Loki treats nanoseconds as milliseconds here, so that it
/// extrapolates almost nothing; so does this.
fn rate_counter(window: &[Point], seconds: f64) -> f64 {
    let ([first, .., last], Some(steps)) = (window, window.len().checked_sub(1)) else {
        return 0.0;
    };
    let mut increase = last.1 - first.1;
    let mut before = 0.0;
    for (_, value) in window {
        if *value < before {
            increase += before;
        }
        before = *value;
    }
    let sampled = (last.0 - first.0) as f64 / 1000.0;
    let between = sampled / steps as f64;
    let mut to_start = (seconds * 1000.0).trunc() / 1000.0;
    if increase > 0.0 && first.1 >= 0.0 {
        to_start = to_start.min(sampled * (first.1 / increase));
    }
    let threshold = between * 1.1;
    let mut covered = sampled;
    covered += if to_start < threshold {
        to_start
    } else {
        between / 2.0
    };
    // The range ends at the last sample.
    covered += if 0.0 < threshold { 0.0 } else { between / 2.0 };
    increase * (covered / sampled) / seconds
}
