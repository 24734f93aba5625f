//! Addition and subtraction of histograms, also of different resolution, as Prometheus has them.

use std::sync::Arc;

use super::buckets::reduced;
use super::{Buckets, Hint, Histogram, Number, bounds};

/// One histogram has exponential buckets and the other has custom ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incompatible;

/// What may surprise about a sum or a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Joined {
    /// One came after a counter reset and the other did not.
    pub(crate) resets_collide: bool,
    /// The bounds of custom buckets were not the same: only those that both have are left.
    pub(crate) bounds_differ: bool,
}

impl<N: Number> Histogram<N> {
    /// Adds a histogram.
    ///
    /// # Errors
    /// See [`Incompatible`].
    pub(crate) fn add(&mut self, other: &Histogram) -> Result<Joined, Incompatible> {
        self.combine(other, 1.0)
    }

    /// Subtracts a histogram.
    ///
    /// # Errors
    /// See [`Incompatible`].
    pub(crate) fn subtract(&mut self, other: &Histogram) -> Result<Joined, Incompatible> {
        self.combine(other, -1.0)
    }

    fn combine(&mut self, other: &Histogram, sign: f64) -> Result<Joined, Incompatible> {
        if self.is_custom() != other.is_custom() {
            return Err(Incompatible);
        }
        let mut joined = Joined {
            resets_collide: self.join_hint(other.hint),
            bounds_differ: false,
        };
        if !self.is_custom() {
            let zero: N = self.reconcile_zero(other);
            self.zero_count.join(scaled(zero, sign));
        }
        self.count.increase(sign * other.count);
        self.sum.increase(sign * other.sum);
        if self.is_custom() {
            if self.own_bounds() == other.own_bounds() {
                merge(&mut self.positive, &other.positive, sign);
            } else {
                joined.bounds_differ = true;
                self.merge_by_bound(other, sign);
            }
            return Ok(joined);
        }
        if other.schema < self.schema {
            self.reduce(other.schema);
        }
        let finer = other.schema.abs_diff(self.schema);
        for (own, others) in [
            (&mut self.positive, &other.positive),
            (&mut self.negative, &other.negative),
        ] {
            let inside =
                |index: i32| bounds::exponential(index, self.schema) <= self.zero_threshold;
            if finer > 0 {
                let others: Buckets<N> = reduced(others, finer);
                merge(own, after(&others, inside), sign);
            } else {
                merge(own, after(others, inside), sign);
            }
        }
        Ok(joined)
    }

    /// Brings the buckets into a coarser schema.
    pub(crate) fn reduce(&mut self, schema: i32) {
        let by = self.schema.abs_diff(schema);
        self.positive = reduced(&self.positive, by);
        self.negative = reduced(&self.negative, by);
        self.schema = schema;
    }

    /// The hint of a sum. Says also whether the two contradict each other.
    fn join_hint(&mut self, other: Hint) -> bool {
        let (hint, collide) = match (self.hint, other) {
            (own, other) if own == other => (own, false),
            (Hint::Gauge, _) | (_, Hint::Gauge) => (Hint::Gauge, false),
            (Hint::Unknown, _) | (_, Hint::Unknown) => (Hint::Unknown, false),
            _ => (Hint::Unknown, true),
        };
        self.hint = hint;
        collide
    }

    /// Widens the own zero bucket until it holds that of the other one and cuts no bucket of either. Returns the count
    /// that the zero bucket of the other one then has.
    fn reconcile_zero(&mut self, other: &Histogram) -> N {
        let mut count = N::from_parts(other.zero_count, 0.0);
        let mut threshold = other.zero_threshold;
        while threshold != self.zero_threshold {
            if self.zero_threshold > threshold {
                (count, threshold) = other.zero_count_within(self.zero_threshold);
            }
            if threshold > self.zero_threshold {
                (self.zero_count, self.zero_threshold) = self.zero_count_within(threshold);
                let end = self.zero_threshold;
                let (schema, outside) = (self.schema, |index: i32, schema: i32| {
                    bounds::exponential(index.wrapping_sub(1), schema) >= end
                });
                for buckets in [&mut self.positive, &mut self.negative] {
                    buckets.retain(|(index, count)| outside(*index, schema) && !count.is_zero());
                }
            }
        }
        count
    }

    /// The count of the zero bucket if it were wider, and how wide it then is: a bucket with observations is
    /// not cut.
    pub(super) fn zero_count_within<M: Number>(&self, wanted: f64) -> (M, f64) {
        let mut threshold = wanted;
        if threshold == self.zero_threshold {
            return (self.zero_count.convert(), threshold);
        }
        'wider: loop {
            let mut total: M = self.zero_count.convert();
            for (buckets, repeats) in [(&self.positive, false), (&self.negative, true)] {
                for (index, count) in buckets {
                    let (lower, upper) = self.limits(*index);
                    if lower >= threshold {
                        break;
                    }
                    total.join(*count);
                    if upper > threshold {
                        if count.main() != 0.0 {
                            threshold = upper;
                            if repeats {
                                continue 'wider;
                            }
                        }
                        break;
                    }
                }
            }
            return (total, threshold);
        }
    }

    /// Adds custom buckets of other bounds: both go to the bounds that both have.
    fn merge_by_bound(&mut self, other: &Histogram, sign: f64) {
        let common: Vec<f64> = {
            let others = other.own_bounds();
            let own = self.own_bounds().iter().copied();
            own.filter(|bound| others.binary_search_by(|it| it.total_cmp(bound)).is_ok())
                .collect()
        };
        let mut totals = vec![crate::metrics::kahan::Kahan::default(); common.len() + 1];
        let target = |bounds: &[f64], index: i32| {
            let bound = usize::try_from(index).ok().and_then(|it| bounds.get(it));
            bound.map_or(common.len(), |bound| {
                common.partition_point(|it| it < bound)
            })
        };
        for (index, count) in &self.positive {
            if let Some(total) = totals.get_mut(target(self.own_bounds(), *index)) {
                total.join(*count);
            }
        }
        for (index, count) in &other.positive {
            if let Some(total) = totals.get_mut(target(other.own_bounds(), *index)) {
                total.add(sign * count);
            }
        }
        let filled = (0..).zip(totals).filter(|(_, total)| !total.is_zero());
        self.positive = filled.map(|(at, total)| (at, total.convert())).collect();
        self.bounds = Some(Arc::from(common));
    }
}

fn scaled<N: Number>(mut number: N, sign: f64) -> N {
    number.map(|value| sign * value);
    number
}

/// The buckets after those at the start that lie in the zero bucket.
pub(super) fn after<N>(buckets: &[(i32, N)], inside: impl Fn(i32) -> bool) -> &[(i32, N)] {
    let first = buckets.iter().position(|(index, _)| !inside(*index));
    buckets
        .get(first.unwrap_or(buckets.len())..)
        .unwrap_or_default()
}

/// Adds buckets to others, in place where they are the same buckets.
fn merge<N: Number, M: Number>(own: &mut Buckets<N>, others: &[(i32, M)], sign: f64) {
    let alike =
        own.len() == others.len() && own.iter().zip(others).all(|(own, other)| own.0 == other.0);
    if alike {
        for ((_, count), (_, other)) in own.iter_mut().zip(others) {
            count.join(scaled(*other, sign));
        }
        return;
    }
    let mut merged = Vec::with_capacity(own.len() + others.len());
    let mut left = std::mem::take(own).into_iter().peekable();
    for (index, other) in others {
        while let Some(bucket) = left.next_if(|bucket| bucket.0 < *index) {
            merged.push(bucket);
        }
        match left.next_if(|bucket| bucket.0 == *index) {
            Some((_, mut count)) => {
                count.join(scaled(*other, sign));
                merged.push((*index, count));
            }
            None => merged.push((*index, scaled(*other, sign).convert())),
        }
    }
    merged.extend(left);
    *own = merged;
}
