//! Rates and differences over a window, as `extrapolatedRate` and `instantValue` of Prometheus 3 compute them.

use super::range::{Spacing, Window};

/// `rate`, `increase` (counters) and `delta` (gauges): the change between the first and the last sample,
/// extrapolated to the whole window.
pub(super) fn extrapolated(window: &Window<'_>, is_counter: bool, per_second: bool) -> Option<f64> {
    let values = window.values;
    let [first, .., last] = values else {
        return None;
    };
    let mut change = last - first;
    if is_counter && window.falls {
        let mut previous = *first;
        for value in &values[1..] {
            if *value < previous {
                change += previous;
            }
            previous = *value;
        }
    }
    let share = (is_counter && change > 0.0 && *first >= 0.0).then(|| first / change);
    Some(change * factor(window, share, per_second))
}

/// What the change between the first and the last sample is multiplied with. `share` is what a counter had at its first
/// sample, compared with the change.
pub(super) fn factor(window: &Window<'_>, share: Option<f64>, per_second: bool) -> f64 {
    let spacing = spacing(window);
    if let Some(share) = share {
        // A counter is never negative, so it cannot have started before it would have been zero.
        let to_zero = spacing.sampled * share;
        if to_zero < spacing.to_start {
            let factor = (spacing.sampled + to_zero + spacing.to_end) / spacing.sampled;
            return match per_second {
                true => factor / window.seconds(),
                false => factor,
            };
        }
    }
    match per_second {
        true => spacing.per_second,
        false => spacing.factor,
    }
}

fn spacing(window: &Window<'_>) -> Spacing {
    window.spacing(|[mut to_start, sampled, mut to_end]| {
        let average = sampled / (window.times.len() - 1) as f64;
        // Samples further from the edge than they usually are from each other: the series starts or ends
        // inside the window, by a guess half an interval away.
        let threshold = average * 1.1;
        if to_start >= threshold {
            to_start = average / 2.0;
        }
        if to_end >= threshold {
            to_end = average / 2.0;
        }
        let factor = (sampled + to_start + to_end) / sampled;
        Spacing {
            sampled,
            to_start,
            to_end,
            factor,
            per_second: factor / window.seconds(),
            ..Spacing::default()
        }
    })
}

/// `irate` and `idelta`: from the last two samples.
pub(super) fn instant(window: &Window<'_>, per_second: bool) -> Option<f64> {
    let ([.., before_time, last_time], [.., before, last]) = (window.times, window.values) else {
        return None;
    };
    if last_time == before_time {
        return None;
    }
    if !per_second {
        return Some(last - before);
    }
    let change = if last < before { *last } else { last - before };
    Some(change / ((last_time - before_time) as f64 / 1000.0))
}

/// Number of falls of the value; a counter falls when it restarts.
pub(super) fn resets(window: &Window<'_>) -> f64 {
    if !window.falls {
        return 0.0;
    }
    window
        .values
        .windows(2)
        .filter(|pair| pair[1] < pair[0])
        .count() as f64
}

/// Number of changes of the value; NaN after NaN is no change.
pub(super) fn changes(window: &Window<'_>) -> f64 {
    window
        .values
        .windows(2)
        .filter(|pair| pair[1] != pair[0] && !(pair[1].is_nan() && pair[0].is_nan()))
        .count() as f64
}
