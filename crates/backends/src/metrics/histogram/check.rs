//! Histograms as they come over the wire: spans of buckets, checked before they are used.

use std::sync::Arc;

use super::{Buckets, COARSEST, CUSTOM, FINEST, Hint, Histogram, MAX_BUCKETS};

/// Neighbouring buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// From the end of the span before; of the first one from zero.
    pub(crate) offset: i32,
    pub(crate) length: u32,
}

/// The counts of buckets, as they are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counts<'a> {
    /// Whole numbers, each as the difference to the one before.
    Deltas(&'a [i64]),
    Absolute(&'a [f64]),
}

/// Number of observations.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    Whole(u64),
    Real(f64),
}

impl Count {
    fn value(self) -> f64 {
        match self {
            Self::Whole(count) => count as f64,
            Self::Real(count) => count,
        }
    }
}

/// A histogram that is not checked yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) hint: Hint,
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: Count,
    pub(crate) count: Count,
    pub(crate) sum: f64,
    pub(crate) positive: (&'a [Span], Counts<'a>),
    pub(crate) negative: (&'a [Span], Counts<'a>),
    pub(crate) bounds: &'a [f64],
}

/// The reason why a histogram is refused, in the words of Prometheus where it refuses it too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Invalid(String);

/// The finest schema that is known. Those finer than [`FINEST`] are brought to it.
const FINEST_KNOWN: i32 = 52;

/// Indexes are far below this, and may be added to each other.
const MAX_INDEX: i64 = 1 << 30;

impl Parts<'_> {
    /// The histogram.
    ///
    /// # Errors
    /// [`Invalid`] when its parts do not fit together.
    pub(crate) fn histogram(&self) -> Result<Histogram, Invalid> {
        let custom = self.schema == CUSTOM;
        if custom {
            self.check_custom()?;
        } else if !(COARSEST..=FINEST_KNOWN).contains(&self.schema) {
            return invalid(format!(
                "histogram has an invalid schema, which must be between {COARSEST} and {FINEST} for exponential \
                 buckets, or {CUSTOM} for custom buckets, got schema {}",
                self.schema
            ));
        } else if !self.bounds.is_empty() {
            return invalid("histogram with exponential schema must not have custom bounds");
        }
        if self.zero_threshold.is_nan() || self.zero_threshold < 0.0 {
            return invalid("histogram has a zero threshold that is negative or not a number");
        }
        let buckets = self.positive.1.len() + self.negative.1.len() + self.bounds.len();
        if buckets > MAX_BUCKETS {
            return invalid(format!(
                "histogram bucket limit exceeded: {buckets} buckets are more than {MAX_BUCKETS}"
            ));
        }
        let positive = side(
            self.positive,
            if custom {
                "custom buckets"
            } else {
                "positive side"
            },
        )?;
        let negative = side(self.negative, "negative side")?;
        self.check_counts(&positive, &negative)?;
        let mut histogram = Histogram {
            hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.value(),
            count: self.count.value(),
            sum: self.sum,
            positive,
            negative,
            bounds: custom.then(|| Arc::from(self.bounds)),
        };
        if histogram.schema > FINEST {
            histogram.reduce(FINEST);
        }
        Ok(histogram)
    }

    fn check_custom(&self) -> Result<(), Invalid> {
        for (place, bound) in self.bounds.iter().enumerate() {
            if bound.is_nan() {
                return invalid("custom buckets: histogram custom bounds must not be NaN");
            }
            if let Some(before) = place.checked_sub(1).and_then(|it| self.bounds.get(it))
                && bound <= before
            {
                return invalid(format!(
                    "custom buckets: previous bound is {before:.6} and current is {bound:.6}: \
                     histogram custom bounds must be in strictly increasing order"
                ));
            }
        }
        if self.bounds.last() == Some(&f64::INFINITY) {
            return invalid(
                "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite",
            );
        }
        let mut covered: u64 = 0;
        for (number, span) in self.positive.0.iter().enumerate() {
            if span.offset < 0 {
                return invalid(negative_offset("custom buckets", number, *span));
            }
            covered += u64::from(span.length) + u64::from(span.offset.unsigned_abs());
        }
        if self.bounds.len() as u64 + 1 < covered {
            return invalid(format!(
                "custom buckets: only {} custom bounds defined which is insufficient to cover total span length of \
                 {covered}: histogram custom bounds are too few",
                self.bounds.len()
            ));
        }
        if self.zero_count.value() != 0.0 {
            return invalid("custom buckets: must have zero count of 0");
        }
        if self.zero_threshold != 0.0 {
            return invalid("custom buckets: must have zero threshold of 0");
        }
        if !self.negative.0.is_empty() {
            return invalid("custom buckets: must not have negative spans");
        }
        if self.negative.1.len() > 0 {
            return invalid("custom buckets: must not have negative buckets");
        }
        Ok(())
    }

    /// Whole counts add up. Others may not, since sums of them are rounded.
    fn check_counts(&self, positive: &Buckets, negative: &Buckets) -> Result<(), Invalid> {
        if self.zero_count.value() < 0.0 {
            return invalid(format!(
                "zero bucket has observation count of {}: histogram has a bucket whose observation count is negative",
                self.zero_count.value()
            ));
        }
        if self.count.value() < 0.0 {
            return invalid(format!(
                "observation count is  {}: histogram's observation count is negative",
                self.count.value()
            ));
        }
        let (Count::Whole(count), Count::Whole(zero)) = (self.count, self.zero_count) else {
            return Ok(());
        };
        let counts = positive
            .iter()
            .chain(negative)
            .map(|(_, count)| *count as u64);
        let found = counts.fold(zero, u64::wrapping_add);
        let (wrong, reason) = if self.sum.is_nan() {
            let reason = "histogram's observation count should be at least the number of observations found in the buckets";
            (found > count, reason)
        } else {
            let reason = "histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)";
            (found != count, reason)
        };
        if wrong {
            return invalid(format!(
                "{found} observations found in buckets, but the Count field is {count}: {reason}"
            ));
        }
        Ok(())
    }
}

impl Counts<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Deltas(list) => list.len(),
            Self::Absolute(list) => list.len(),
        }
    }
}

fn invalid<T>(text: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(text.into()))
}

fn negative_offset(side: &str, number: usize, span: Span) -> String {
    format!(
        "{side}: span number {} with offset {}: histogram has a span whose offset is negative",
        number + 1,
        span.offset
    )
}

/// The buckets of one sign.
fn side((spans, counts): (&[Span], Counts<'_>), name: &str) -> Result<Buckets, Invalid> {
    let needed: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    if needed != counts.len() as u64 {
        return invalid(format!(
            "{name}: spans need {needed} buckets, have {} buckets: \
             histogram spans specify different number of buckets than provided",
            counts.len()
        ));
    }
    let mut buckets = Vec::with_capacity(counts.len());
    let (mut index, mut sum): (i64, i64) = (0, 0);
    for (number, span) in spans.iter().enumerate() {
        if number > 0 && span.offset < 0 {
            return invalid(negative_offset(name, number, *span));
        }
        index += i64::from(span.offset);
        for _ in 0..span.length {
            let count = match counts {
                Counts::Deltas(list) => {
                    sum = sum.wrapping_add(list.get(buckets.len()).copied().unwrap_or(0));
                    sum as f64
                }
                Counts::Absolute(list) => list.get(buckets.len()).copied().unwrap_or(0.0),
            };
            if count < 0.0 {
                return invalid(format!(
                    "{name}: bucket number {} has observation count of {count}: \
                     histogram has a bucket whose observation count is negative",
                    buckets.len() + 1
                ));
            }
            match i32::try_from(index) {
                Ok(index) if i64::from(index).abs() < MAX_INDEX => buckets.push((index, count)),
                _ => return invalid(format!("{name}: bucket index {index} is out of range")),
            }
            index += 1;
        }
    }
    Ok(buckets)
}
