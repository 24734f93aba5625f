//! The buckets of a histogram with their bounds, and lists of buckets in another resolution.

use super::{Buckets, Histogram, Number};

/// A bucket with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) lower_inclusive: bool,
    pub(crate) upper_inclusive: bool,
    pub(crate) count: f64,
}

impl Bucket {
    /// The share of the bucket that lies below a value between its bounds: by a straight line, or by one on a
    /// logarithmic scale, on which exponential buckets are equally wide.
    pub(crate) fn share_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let [lower, upper, at] = [self.lower, self.upper, value].map(|it| it.abs().log2());
        if value > 0.0 {
            (at - lower) / (upper - lower)
        } else {
            1.0 - (at - upper) / (lower - upper)
        }
    }
}

/// The count of the bucket with this index.
pub(super) fn count_of<N: Number>(buckets: &[(i32, N)], index: i32) -> Option<N> {
    let place = buckets
        .binary_search_by_key(&index, |bucket| bucket.0)
        .ok()?;
    buckets.get(place).map(|bucket| bucket.1)
}

/// The buckets in a coarser schema: those that fall into one are added up.
pub(super) fn reduced<N: Number, M: Number>(buckets: &[(i32, N)], by: u32) -> Buckets<M> {
    let mut reduced: Buckets<M> = Vec::with_capacity(buckets.len());
    for (index, count) in buckets {
        let index = (index.wrapping_sub(1) >> by.min(31)).wrapping_add(1);
        match reduced.last_mut() {
            Some(last) if last.0 == index => last.1.join(*count),
            _ => reduced.push((index, count.convert())),
        }
    }
    reduced
}

impl Histogram {
    /// From the one next to zero upwards.
    pub(crate) fn positive_buckets(&self) -> impl Iterator<Item = Bucket> {
        let custom = self.is_custom();
        self.positive.iter().map(move |(index, count)| {
            let (lower, upper) = self.limits(*index);
            Bucket {
                lower,
                upper,
                lower_inclusive: if custom { *index == 0 } else { lower < 0.0 },
                upper_inclusive: custom || upper > 0.0,
                count: *count,
            }
        })
    }

    /// From the one next to zero downwards.
    pub(crate) fn negative_buckets(&self) -> impl Iterator<Item = Bucket> {
        self.negative.iter().map(|(index, count)| {
            let (lower, upper) = self.limits(*index);
            Bucket {
                lower: -upper,
                upper: -lower,
                lower_inclusive: -upper < 0.0,
                upper_inclusive: -lower > 0.0,
                count: *count,
            }
        })
    }

    pub(crate) fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// All buckets from the lowest to the highest. Those that reach into the zero bucket end at it.
    pub(crate) fn all_buckets(&self) -> Vec<Bucket> {
        let mut all: Vec<Bucket> = Vec::with_capacity(self.len() + 1);
        all.extend(self.negative_buckets().map(|mut bucket| {
            if bucket.upper < 0.0 && bucket.upper > -self.zero_threshold {
                bucket.upper = -self.zero_threshold;
            }
            bucket
        }));
        all.reverse();
        if self.zero_count > 0.0 {
            all.push(self.zero_bucket());
        }
        all.extend(self.positive_buckets().map(|mut bucket| {
            if bucket.lower > 0.0 && bucket.lower < self.zero_threshold {
                bucket.lower = self.zero_threshold;
            }
            bucket
        }));
        all
    }
}
