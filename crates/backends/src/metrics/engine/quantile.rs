//! Quantiles and fractions of native histograms, by the rules of `HistogramQuantile` and `HistogramFraction` of
//! Prometheus 3.

use super::annotations::Note;
use crate::metrics::histogram::{Bucket, Histogram};

/// The value below which the share `q` of the observations lies. Inside of exponential buckets it goes by a straight
/// line on a logarithmic scale, inside of custom ones and of the zero bucket by one on the usual scale.
pub(super) fn of(q: f64, histogram: &Histogram) -> (f64, Option<Note>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if histogram.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    // Observations that are not a number are counted and lie in no bucket: then only the way from below is right.
    let has_nan = histogram.sum.is_nan();
    let from_below = has_nan || q < 0.5;
    let mut buckets = histogram.all_buckets();
    let mut rank = q * histogram.count;
    if !from_below {
        buckets.reverse();
        rank = (1.0 - q) * histogram.count;
    }
    let mut count = 0.0;
    let mut found: Option<Bucket> = None;
    let mut rest = buckets.iter();
    for bucket in rest.by_ref() {
        found = Some(*bucket);
        count += bucket.count;
        if bucket.count != 0.0 && count >= rank {
            break;
        }
    }
    let mut bucket = found.unwrap_or(Bucket {
        lower: 0.0,
        upper: 0.0,
        lower_inclusive: false,
        upper_inclusive: false,
        count: 0.0,
    });
    let custom = histogram.is_custom();
    if custom {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return (bucket.upper, None);
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return (bucket.lower, None);
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        end_at_zero(&mut bucket, histogram);
    }
    count = if count > histogram.count {
        histogram.count
    } else {
        count
    };
    if count < rank {
        return match has_nan {
            true => (f64::NAN, Some(Note::quantile_is_nan())),
            false => (bucket.upper, None),
        };
    }
    rank = if from_below {
        rank - (count - bucket.count)
    } else {
        count - rank
    };
    let mut note = None;
    if has_nan {
        // As Prometheus, which goes on from the bucket after the one with the rank.
        for other in rest {
            bucket = *other;
            count += other.count;
        }
        note = (count < histogram.count).then(Note::quantile_is_skewed);
    }
    let share = rank / bucket.count;
    if custom || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return (bucket.lower + (bucket.upper - bucket.lower) * share, note);
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    let value = if bucket.lower > 0.0 {
        (lower + (upper - lower) * share).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - share)).exp2()
    };
    (value, note)
}

/// The zero bucket of a histogram that has buckets on one side only ends at zero.
fn end_at_zero(bucket: &mut Bucket, histogram: &Histogram) {
    match (histogram.negative.is_empty(), histogram.positive.is_empty()) {
        (true, false) => bucket.lower = 0.0,
        (false, true) => bucket.upper = 0.0,
        _ => {}
    }
}

/// The share of observations between two values.
pub(super) fn fraction(lower: f64, upper: f64, histogram: &Histogram) -> (f64, Option<Note>) {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let mut ranks = [(lower, None), (upper, None)];
    let mut rank = 0.0;
    let buckets = histogram.all_buckets();
    for mut bucket in buckets.iter().copied() {
        let around_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        if around_zero {
            end_at_zero(&mut bucket, histogram);
        }
        let linear = histogram.is_custom() || around_zero;
        for (value, found) in &mut ranks {
            if found.is_none() && bucket.lower >= *value {
                *found = Some(rank);
            }
        }
        if ranks.iter().all(|it| it.1.is_some()) {
            break;
        }
        for (value, found) in &mut ranks {
            if found.is_none() && bucket.lower < *value && bucket.upper > *value {
                *found = Some(match linear && bucket.lower == f64::NEG_INFINITY {
                    true => bucket.count,
                    false => rank + bucket.count * bucket.share_below(*value, linear),
                });
            }
        }
        if ranks.iter().all(|it| it.1.is_some()) {
            break;
        }
        rank += bucket.count;
    }
    let (mut count, mut note) = (histogram.count, None);
    if histogram.sum.is_nan() {
        count = buckets.iter().map(|bucket| bucket.count).sum();
        note = (count < histogram.count).then(Note::fraction_leaves_out_nan);
    }
    let [lower, upper] = ranks.map(|(_, rank)| match rank {
        Some(rank) if rank <= count => rank,
        _ => count,
    });
    ((upper - lower) / histogram.count, note)
}
