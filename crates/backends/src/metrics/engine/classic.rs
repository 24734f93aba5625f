//! Quantiles and fractions of classic histograms, whose buckets are series with the label `le`.

use super::annotations::Forced;

/// Counts of neighbouring buckets that differ by less than this share are equal but for rounding.
const TOLERANCE: f64 = 1e-12;

/// A cumulative bucket: observations up to and with the bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    pub(super) bound: f64,
    pub(super) count: f64,
}

/// The share of observations between two values, by straight lines inside of buckets.
pub(super) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    let infinite = |bucket: &Bucket| bucket.bound == f64::INFINITY;
    if !buckets.last().is_some_and(infinite) {
        return f64::NAN;
    }
    coalesce(buckets);
    let count = buckets.last().map_or(0.0, |last| last.count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let (mut lower_rank, mut upper_rank) = (None, None);
    let mut rank = 0.0;
    // With positive buckets alone the first starts at zero.
    let positive = buckets.first().is_some_and(|first| first.bound > 0.0);
    let mut start = if positive { 0.0 } else { f64::NEG_INFINITY };
    for bucket in buckets.iter() {
        let end = bucket.bound;
        let inside = |value: f64| {
            if start == f64::NEG_INFINITY {
                bucket.count
            } else {
                rank + (bucket.count - rank) * (value - start) / (end - start)
            }
        };
        for (value, slot) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
            if slot.is_none() && start >= value {
                *slot = Some(rank);
            }
        }
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        for (value, slot) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
            if slot.is_none() && start < value && end > value {
                *slot = Some(inside(value));
            }
        }
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        rank = bucket.count;
        start = end;
    }
    let lower_rank = lower_rank.map_or(count, |rank: f64| if rank > count { count } else { rank });
    let upper_rank = upper_rank.map_or(count, |rank: f64| if rank > count { count } else { rank });
    (upper_rank - lower_rank) / count
}

/// Adds up buckets of the same bound.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|next, kept| {
        let same = next.bound == kept.bound;
        if same {
            kept.count += next.count;
        }
        same
    });
}

/// Quantile of buckets sorted by their bound.
pub(super) fn quantile(q: f64, buckets: &mut Vec<Bucket>, forced: &mut Forced, time: i64) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if buckets
        .last()
        .is_none_or(|last| last.bound != f64::INFINITY)
    {
        return f64::NAN;
    }
    coalesce(buckets);
    make_monotonic(buckets, forced, time);
    let [.., before_last, last] = buckets.as_slice() else {
        return f64::NAN;
    };
    let observations = last.count;
    if observations == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * observations;
    let hit = binary_search(&buckets[..buckets.len() - 1], rank);
    if hit == buckets.len() - 1 {
        return before_last.bound;
    }
    let end = buckets[hit].bound;
    if hit == 0 && end <= 0.0 {
        return end;
    }
    let (mut start, mut count) = (0.0, buckets[hit].count);
    if hit > 0 {
        start = buckets[hit - 1].bound;
        count -= buckets[hit - 1].count;
        rank -= buckets[hit - 1].count;
    }
    start + (end - start) * (rank / count)
}

/// The first bucket that holds the rank. With NaN among the counts the answer depends on which
/// positions are looked at, so this halves as Go's `sort.Search` does.
fn binary_search(buckets: &[Bucket], rank: f64) -> usize {
    let (mut low, mut high) = (0, buckets.len());
    while low < high {
        let middle = (low + high) / 2;
        if buckets[middle].count >= rank {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Buckets scraped or rated apart may fall where they must only grow: hold them at the last height.
fn make_monotonic(buckets: &mut [Bucket], forced: &mut Forced, time: i64) {
    let Some((first, rest)) = buckets.split_first_mut() else {
        return;
    };
    let mut height = first.count;
    for bucket in rest {
        if bucket.count == height {
            continue;
        }
        if nearly_equal(height, bucket.count) {
            bucket.count = height;
        } else if bucket.count < height {
            forced.bucket(bucket.bound, height - bucket.count);
            bucket.count = height;
        } else {
            height = bucket.count;
        }
    }
    forced.end_of_histogram(time);
}

fn nearly_equal(left: f64, right: f64) -> bool {
    if left == right || (left.is_nan() && right.is_nan()) {
        return true;
    }
    let (sum, difference) = (left.abs() + right.abs(), (left - right).abs());
    if left == 0.0 || right == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}
