//! Counter resets: a histogram that counts fewer observations than the one before it.

use super::arithmetic::after;
use super::buckets::{count_of, reduced};
use super::{Buckets, Hint, Histogram, bounds};

impl Histogram {
    /// True if the counter was reset between the previous histogram and this one: a count is lower, a bucket is gone,
    /// the resolution is higher, or the zero bucket is narrower.
    pub(crate) fn is_reset_since(&self, previous: &Self) -> bool {
        match self.hint {
            Hint::Reset => true,
            Hint::NotReset => false,
            Hint::Unknown | Hint::Gauge => self.counts_less_than(previous),
        }
    }

    /// As [`Self::is_reset_since`], whatever the hint says.
    pub(crate) fn counts_less_than(&self, previous: &Self) -> bool {
        if self.count < previous.count {
            return true;
        }
        if self.is_custom() {
            if !previous.is_custom() {
                return true;
            }
            if self.own_bounds() != previous.own_bounds() {
                return self.falls_at_common_bound(previous);
            }
            return falls(&self.positive, &previous.positive);
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let (zero, threshold) = previous.zero_count_within::<f64>(self.zero_threshold);
        if threshold != self.zero_threshold || self.zero_count < zero {
            return true;
        }
        let coarser = previous.schema.abs_diff(self.schema);
        let inside = |index: i32| {
            self.zero_threshold > 0.0
                && bounds::exponential(index, self.schema) <= self.zero_threshold
        };
        let sides = [
            (&self.positive, &previous.positive),
            (&self.negative, &previous.negative),
        ];
        sides.into_iter().any(|(own, before)| {
            let own = after(own, inside);
            if coarser == 0 {
                return falls(own, after(before, inside));
            }
            let before: Buckets = reduced(before, coarser);
            falls(own, after(&before, inside))
        })
    }

    /// True if the observations up to a bound that both have became fewer, counted from the bound before.
    fn falls_at_common_bound(&self, previous: &Self) -> bool {
        let (own, before) = (self.own_bounds(), previous.own_bounds());
        let mut common: Vec<f64> = own.to_vec();
        common.retain(|bound| before.binary_search_by(|it| it.total_cmp(bound)).is_ok());
        common.push(f64::INFINITY);
        let counts = |histogram: &Self| {
            let mut counts = vec![0.0; common.len()];
            for bucket in histogram.positive_buckets() {
                let place = common.partition_point(|bound| *bound < bucket.upper);
                if let Some(count) = counts.get_mut(place) {
                    *count += bucket.count;
                }
            }
            counts
        };
        let (own, before) = (counts(self), counts(previous));
        own.iter().zip(&before).any(|(own, before)| own < before)
    }
}

/// True if a bucket counts less than before, or is gone.
fn falls(own: &[(i32, f64)], before: &[(i32, f64)]) -> bool {
    let mut before = before.iter().enumerate();
    before.any(|(place, (index, count))| {
        // Mostly both have the same buckets.
        let here = own.get(place).filter(|bucket| bucket.0 == *index);
        let own = here
            .map(|bucket| bucket.1)
            .or_else(|| count_of(own, *index));
        own.map_or(*count != 0.0, |own| own < *count)
    })
}
