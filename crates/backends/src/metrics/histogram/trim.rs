//! The operators `</` and `>/`: a histogram without the observations above or below a value.

use super::{Bucket, Histogram};

/// The side that is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// `</`: above the value.
    Above,
    /// `>/`: below the value.
    Below,
}

/// What is left of a bucket, and where its middle is.
struct Left {
    count: f64,
    middle: f64,
}

impl Histogram {
    /// Takes out the observations on one side of a value. Those of a bucket that holds the value are shared out as
    /// quantiles do. Count and sum are estimated anew if anything is taken out.
    pub(crate) fn trim(&mut self, at: f64, cut: Cut) {
        let custom = self.is_custom();
        let (mut count, mut sum, mut changed) = (0.0, 0.0, false);
        let mut filled = [false; 2];
        let sides: [(Vec<Bucket>, bool); 2] = [
            (self.positive_buckets().collect(), true),
            (self.negative_buckets().collect(), false),
        ];
        for ((side, positive), filled) in sides.into_iter().zip(&mut filled) {
            let own = if positive {
                &mut self.positive
            } else {
                &mut self.negative
            };
            for (bucket, (_, slot)) in side.into_iter().zip(own) {
                if bucket.count == 0.0 {
                    continue;
                }
                *filled = true;
                let left = bucket.cut(at, cut, positive, custom);
                count += left.count;
                sum += left.middle * left.count;
                if *slot != left.count {
                    *slot = left.count;
                    changed = true;
                }
            }
        }
        if self.zero_count > 0.0 {
            let left = self.zero_bucket().cut_zero(at, cut, filled);
            changed |= self.zero_count != left.count;
            self.zero_count = left.count;
            sum += left.middle * left.count;
            count += left.count;
        }
        if changed {
            self.count = count;
            self.sum = sum;
            self.compact();
        }
    }
}

impl Bucket {
    fn cut(&self, at: f64, cut: Cut, positive: bool, custom: bool) -> Left {
        let (kept, touched) = match cut {
            Cut::Above => (self.upper <= at, self.lower < at),
            Cut::Below => (self.lower >= at, self.upper > at),
        };
        if kept {
            return Left {
                count: self.count,
                middle: middle(self.lower, self.upper, positive, custom),
            };
        }
        if !touched {
            return Left {
                count: 0.0,
                middle: 0.0,
            };
        }
        if self.lower == f64::NEG_INFINITY || self.upper == f64::INFINITY {
            return self.cut_endless(at, cut);
        }
        let below = if at <= self.lower {
            0.0
        } else if at >= self.upper {
            self.count
        } else {
            self.count * self.share_below(at, custom)
        };
        match cut {
            Cut::Above => Left {
                count: below,
                middle: middle(self.lower, at, positive, custom),
            },
            Cut::Below => Left {
                count: self.count - below,
                middle: middle(at, self.upper, positive, custom),
            },
        }
    }

    /// A bucket without a lower or without an upper end holds nobody knows what: it goes as a whole, unless it can be
    /// taken to begin at zero.
    fn cut_endless(&self, at: f64, cut: Cut) -> Left {
        let finite = |value: f64| if value.is_infinite() { 0.0 } else { value };
        let left = |count: f64, middle: f64| Left { count, middle };
        if self.lower == f64::NEG_INFINITY {
            let ends = self.upper < f64::INFINITY;
            return match cut {
                Cut::Above if at >= self.upper => left(self.count, 0.0),
                Cut::Above if at > 0.0 && self.upper > 0.0 && ends => {
                    left(self.count * at / self.upper, at / 2.0)
                }
                Cut::Above if self.upper <= 0.0 => left(self.count, at),
                Cut::Below if at <= self.lower => left(self.count, 0.0),
                Cut::Below if at >= 0.0 && self.upper > at && ends => left(
                    self.count * (1.0 - at / self.upper),
                    (at + self.upper) / 2.0,
                ),
                _ => left(0.0, finite(self.upper)),
            };
        }
        match cut {
            Cut::Below if at >= self.lower => left(self.count, at),
            _ => left(0.0, finite(self.lower)),
        }
    }

    /// The zero bucket ends at zero where there are only observations on the other side. `filled` says on which sides
    /// there are some: positive, negative.
    fn cut_zero(&self, at: f64, cut: Cut, filled: [bool; 2]) -> Left {
        let (mut lower, mut upper) = (self.lower, self.upper);
        match filled {
            [true, false] => lower = 0.0,
            [false, true] => upper = 0.0,
            _ => {}
        }
        let left = |share: f64, from: f64, until: f64| Left {
            count: self.count * share,
            middle: (from + until) / 2.0,
        };
        let nothing = Left {
            count: 0.0,
            middle: 0.0,
        };
        match cut {
            Cut::Above if at <= lower => nothing,
            Cut::Above if at >= upper => left(1.0, lower, upper),
            Cut::Above => left((at - lower) / (upper - lower), lower, at),
            Cut::Below if at <= lower => left(1.0, lower, upper),
            Cut::Below if at >= upper => nothing,
            Cut::Below => left((upper - at) / (upper - lower), at, upper),
        }
    }
}

/// The middle of an interval: arithmetic in a custom bucket, geometric in an exponential one.
fn middle(lower: f64, upper: f64, positive: bool, custom: bool) -> f64 {
    if lower.is_infinite() {
        return match upper {
            upper if upper.is_infinite() => 0.0,
            upper if upper > 0.0 => upper / 2.0,
            upper => upper,
        };
    }
    if upper.is_infinite() {
        return lower;
    }
    if custom {
        return (lower + upper) / 2.0;
    }
    let geometric = (lower * upper).abs().sqrt();
    if positive { geometric } else { -geometric }
}
