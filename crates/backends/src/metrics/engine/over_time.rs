//! Aggregations over the samples of one window.

use super::kahan::{Kahan, Mean, quantile};
use super::range::Window;

/// `sum_over_time`
pub(super) fn sum(window: &Window<'_>) -> f64 {
    let mut sum = Kahan::default();
    window.values.iter().for_each(|value| sum.add(*value));
    sum.total()
}

/// `avg_over_time`
pub(super) fn average(window: &Window<'_>) -> Option<f64> {
    let (first, rest) = window.values.split_first()?;
    let mut mean = Mean::new(*first);
    rest.iter().for_each(|value| mean.add(*value));
    Some(mean.value())
}

/// `min_over_time`: NaN only when there is nothing else.
pub(super) fn min(window: &Window<'_>) -> Option<f64> {
    extreme(window.values, |value, known| value < known)
}

/// `max_over_time`: NaN only when there is nothing else.
pub(super) fn max(window: &Window<'_>) -> Option<f64> {
    extreme(window.values, |value, known| value > known)
}

fn extreme(values: &[f64], better: impl Fn(f64, f64) -> bool) -> Option<f64> {
    let (first, rest) = values.split_first()?;
    let pick = |known: f64, value: &f64| {
        if better(*value, known) || known.is_nan() {
            *value
        } else {
            known
        }
    };
    Some(rest.iter().fold(*first, pick))
}

/// `stdvar_over_time`: population variance, by Welford's method with compensated sums.
pub(super) fn variance(window: &Window<'_>) -> f64 {
    let (mut mean, mut squares) = (Kahan::default(), Kahan::default());
    let mut count = 0.0;
    for value in window.values {
        count += 1.0;
        let delta = value - (mean.sum + mean.lost);
        mean.add(delta / count);
        squares.add(delta * (value - (mean.sum + mean.lost)));
    }
    (squares.sum + squares.lost) / count
}

/// `quantile_over_time`
pub(super) fn quantile_of(q: f64, window: &Window<'_>) -> f64 {
    quantile(q, &mut window.values.to_vec())
}
