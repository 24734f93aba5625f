//! Counts of a histogram: plain numbers, and sums that keep what is lost to rounding.

use crate::metrics::kahan::Kahan;

/// A count, or the sum of observations.
pub trait Number: Copy + Default {
    /// A number and what was lost of it, where that is kept.
    fn from_parts(main: f64, lost: f64) -> Self;
    /// The number, without what was lost.
    fn main(&self) -> f64;
    fn lost(&self) -> f64;
    fn increase(&mut self, by: f64);
    /// Changes both parts.
    fn map(&mut self, change: impl Fn(f64) -> f64) {
        *self = Self::from_parts(change(self.main()), change(self.lost()));
    }
    /// Adds another with what was lost of it.
    fn join<M: Number>(&mut self, other: M) {
        self.increase(other.main());
        if other.lost() != 0.0 {
            self.increase(other.lost());
        }
    }
    fn is_zero(&self) -> bool {
        self.main() == 0.0 && self.lost() == 0.0
    }
    fn convert<M: Number>(self) -> M {
        M::from_parts(self.main(), self.lost())
    }
}

impl Number for f64 {
    fn from_parts(main: f64, _lost: f64) -> Self {
        main
    }
    fn main(&self) -> f64 {
        *self
    }
    fn lost(&self) -> f64 {
        0.0
    }
    fn increase(&mut self, by: f64) {
        *self += by;
    }
}

impl Number for Kahan {
    fn from_parts(sum: f64, lost: f64) -> Self {
        Self { sum, lost }
    }
    fn main(&self) -> f64 {
        self.sum
    }
    fn lost(&self) -> f64 {
        self.lost
    }
    fn increase(&mut self, by: f64) {
        self.add(by);
    }
}
