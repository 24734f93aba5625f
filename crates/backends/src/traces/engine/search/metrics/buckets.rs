//! Buckets whose bounds are powers of two, and quantiles of them.

use crate::traces::engine::Computed;
use crate::traces::lang::{Field, Intrinsic};

const SECOND: f64 = 1e9;

/// The value of a span that a function computes with, if it is a number: the duration of a span in seconds,
/// all other durations in nanoseconds, as in Tempo.
pub(super) fn value(of: &Field, value: &Computed<'_>) -> Option<f64> {
    let number = value.number().filter(|number| !number.is_nan())?;
    match of {
        Field::Intrinsic(Intrinsic::Duration) => Some(number / SECOND),
        _ => Some(number),
    }
}

/// The upper bound of a value's bucket, that of a duration in seconds. Whole numbers and durations from 2 on
/// have one.
pub(super) fn bucket(value: &Computed<'_>) -> Option<f64> {
    let (number, unit) = match *value {
        Computed::Int(number) => (number, 1.0),
        Computed::Duration(nanos) => (nanos, SECOND),
        _ => return None,
    };
    let number = u64::try_from(number).ok().filter(|number| *number >= 2)?;
    Some(number.next_power_of_two() as f64 / unit)
}

/// A quantile of values of which only the number in each bucket is known; buckets are in order.
/// Between the bounds of a bucket it grows exponentially.
pub(super) fn quantile(quantile: f64, buckets: &[(f64, u64)]) -> f64 {
    let all: u64 = buckets.iter().map(|(_, count)| count).sum();
    if all == 0 {
        return 0.0;
    }
    let wanted = ((quantile * all as f64).ceil() as u64).max(1);
    let mut below = 0;
    let mut lower = None;
    for (bound, count) in buckets {
        if below + count > wanted {
            let upper = bound.log2();
            // Without a bucket below, this one begins at half its bound.
            let lower = lower.map_or(upper - 1.0, f64::log2);
            let share = (wanted - below) as f64 / *count as f64;
            return (lower + (upper - lower) * share).exp2();
        }
        below += count;
        if below == wanted {
            return *bound;
        }
        lower = Some(*bound);
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_ends_at_the_next_power_of_two() {
        let int = |n| bucket(&Computed::Int(n));
        assert_eq!(
            [int(-1), int(1), int(2), int(3), int(1024), int(1025)],
            [None, None, Some(2.0), Some(4.0), Some(1024.0), Some(2048.0)]
        );
        let second = bucket(&Computed::Duration(1_000_000_000));
        assert_eq!(second, Some(1.073741824));
        assert_eq!(bucket(&Computed::Float(8.0)), None);
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let buckets = [(2.0, 1), (4.0, 1), (16.0, 2)];
        let at = |q| quantile(q, &buckets);
        assert_eq!([at(0.0), at(0.25), at(0.5)], [2.0, 2.0, 4.0]);
        assert_eq!([at(0.75), at(1.0)], [8.0, 16.0]);
        assert_eq!(quantile(0.5, &[(8.0, 4)]), 32f64.sqrt());
        assert_eq!(quantile(0.5, &[]), 0.0);
    }
}
