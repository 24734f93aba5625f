//! Native histograms: one sample that holds all buckets of a histogram.
//!
//! As in Prometheus, the buckets are [exponential](bounds), or have bounds of their own. Counts are numbers with a
//! fraction, since queries scale them. Buckets without observations are mostly left out.

mod arithmetic;
mod bounds;
mod buckets;
mod check;
mod number;
mod reset;
mod trim;

use std::fmt;
use std::sync::Arc;

pub(crate) use arithmetic::{Incompatible, Joined};
pub(crate) use buckets::Bucket;
pub(crate) use check::{Count, Counts, Invalid, Parts, Span};
pub(crate) use number::Number;
pub(crate) use trim::Cut;

use super::kahan::Kahan;
use super::number::general;

/// The schema of buckets with bounds of their own.
pub(crate) const CUSTOM: i32 = -53;
/// The coarsest exponential schema.
pub(crate) const COARSEST: i32 = -4;
/// The finest exponential schema.
pub(crate) const FINEST: i32 = 8;

/// Most buckets that a histogram may have.
pub(crate) const MAX_BUCKETS: usize = 10_000;

/// What is known about a counter reset between a histogram and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Hint {
    /// Nothing: whoever needs to know compares the two.
    #[default]
    Unknown,
    /// There was one.
    Reset,
    /// There was none.
    NotReset,
    /// It is no counter.
    Gauge,
}

/// The buckets of one sign: index and count, sorted by index.
pub(crate) type Buckets<N = f64> = Vec<(i32, N)>;

/// A histogram. `N` is [`Kahan`] for one that others are added to, and a plain number otherwise.
#[derive(Debug, Clone, Default)]
pub struct Histogram<N = f64> {
    pub(crate) hint: Hint,
    /// From [`COARSEST`] to [`FINEST`], or [`CUSTOM`].
    pub(crate) schema: i32,
    /// Observations that are not further from zero than this are in the zero bucket.
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: N,
    /// Observations, those that are not a number included.
    pub(crate) count: N,
    pub(crate) sum: N,
    pub(crate) positive: Buckets<N>,
    pub(crate) negative: Buckets<N>,
    /// The upper bounds of all but the last bucket, in the custom schema.
    pub(crate) bounds: Option<Arc<[f64]>>,
}

/// A histogram that others are added to.
pub(crate) type Sum = Histogram<Kahan>;

impl<N: Number> Histogram<N> {
    /// True if the buckets have bounds of their own.
    pub(crate) fn is_custom(&self) -> bool {
        self.schema == CUSTOM
    }

    /// The bounds of custom buckets.
    pub(crate) fn own_bounds(&self) -> &[f64] {
        self.bounds.as_deref().unwrap_or_default()
    }

    /// The bounds of the bucket with this index on the positive side.
    fn limits(&self, index: i32) -> (f64, f64) {
        if !self.is_custom() {
            let lower = bounds::exponential(index.wrapping_sub(1), self.schema);
            return (lower, bounds::exponential(index, self.schema));
        }
        let own = self.own_bounds();
        let bound = |index: i32| usize::try_from(index).ok().map(|it| own.get(it).copied());
        (
            bound(index - 1).flatten().unwrap_or(f64::NEG_INFINITY),
            bound(index).flatten().unwrap_or(f64::INFINITY),
        )
    }

    /// Number of buckets, those without observations included.
    pub(crate) fn len(&self) -> usize {
        self.positive.len() + self.negative.len()
    }

    /// Bytes of memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.len() * size_of::<(i32, N)>() + self.own_bounds().len() * 8
    }

    /// Takes out the buckets that have no observations.
    pub(crate) fn compact(&mut self) {
        self.positive.retain(|(_, count)| !count.is_zero());
        self.negative.retain(|(_, count)| !count.is_zero());
    }

    fn each(&mut self, mut change: impl FnMut(&mut N)) {
        change(&mut self.zero_count);
        change(&mut self.count);
        change(&mut self.sum);
        let buckets = self.positive.iter_mut().chain(&mut self.negative);
        buckets.for_each(|(_, count)| change(count));
    }

    /// Multiplies all counts and the sum.
    pub(crate) fn multiply(&mut self, factor: f64) {
        self.each(|number| number.map(|value| value * factor));
        if factor < 0.0 {
            self.hint = Hint::Gauge;
        }
    }

    /// Divides all counts and the sum. Division by zero removes the buckets.
    pub(crate) fn divide(&mut self, by: f64) {
        self.each(|number| number.map(|value| value / by));
        if by == 0.0 {
            self.positive.clear();
            self.negative.clear();
        } else if by < 0.0 {
            self.hint = Hint::Gauge;
        }
    }

    /// True if a count or the sum is infinite.
    pub(crate) fn overflows(&self) -> bool {
        let infinite = |number: &N| number.main().is_infinite();
        let mut buckets = self.positive.iter().chain(&self.negative);
        [&self.zero_count, &self.count, &self.sum]
            .into_iter()
            .any(infinite)
            || buckets.any(|(_, count)| infinite(count))
            || self.own_bounds().iter().any(|bound| bound.is_infinite())
    }

    /// The same with other numbers.
    fn map<M>(self, convert: impl Fn(N) -> M) -> Histogram<M> {
        let list = |buckets: Buckets<N>| -> Buckets<M> {
            let converted = buckets.into_iter();
            converted.map(|(at, it)| (at, convert(it))).collect()
        };
        Histogram {
            hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: convert(self.zero_count),
            count: convert(self.count),
            sum: convert(self.sum),
            positive: list(self.positive),
            negative: list(self.negative),
            bounds: self.bounds,
        }
    }
}

impl Sum {
    /// The sum of one histogram.
    pub(crate) fn of(first: &Histogram) -> Self {
        first.clone().map(Kahan::new)
    }

    /// With what was lost to rounding.
    pub(crate) fn total(self) -> Histogram {
        self.map(|number| number.sum + number.lost)
    }
}

impl Histogram {
    /// True if both are the same to the bit, buckets without observations included.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        let same = |left: f64, right: f64| left.to_bits() == right.to_bits();
        let alike = |left: &Buckets, right: &Buckets| {
            let mut pairs = left.iter().zip(right);
            left.len() == right.len() && pairs.all(|(l, r)| l.0 == r.0 && same(l.1, r.1))
        };
        self.schema == other.schema
            && same(self.count, other.count)
            && same(self.sum, other.sum)
            && self.own_bounds() == other.own_bounds()
            && self.zero_threshold == other.zero_threshold
            && same(self.zero_count, other.zero_count)
            && alike(&self.negative, &other.negative)
            && alike(&self.positive, &other.positive)
    }

    /// Without buckets: what `histogram_count` and `histogram_sum` look at.
    pub(crate) fn without_buckets(&self, hint: Hint) -> Self {
        Self {
            hint,
            schema: self.schema,
            count: self.count,
            sum: self.sum,
            ..Self::default()
        }
    }
}

/// As Prometheus writes a histogram into a label: count, sum and the buckets that have observations.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: f64| general(value, None);
        write!(
            f,
            "{{count:{}, sum:{}",
            number(self.count),
            number(self.sum)
        )?;
        let (negative, positive): (Vec<Bucket>, Vec<Bucket>) = (
            self.negative_buckets().collect(),
            self.positive_buckets().collect(),
        );
        let zero = (!self.is_custom()).then(|| self.zero_bucket());
        for bucket in negative.into_iter().rev().chain(zero).chain(positive) {
            if bucket.count != 0.0 {
                let open = if bucket.lower_inclusive { '[' } else { '(' };
                let close = if bucket.upper_inclusive { ']' } else { ')' };
                let (lower, upper) = (number(bucket.lower), number(bucket.upper));
                write!(f, ", {open}{lower},{upper}{close}:{}", number(bucket.count))?;
            }
        }
        f.write_str("}")
    }
}
