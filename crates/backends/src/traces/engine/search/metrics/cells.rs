//! Numbers of the intervals of one series, by function.

/// A number for each interval, under way.
pub(super) enum Cells {
    /// Spans.
    Counts(Vec<f64>),
    /// The least or greatest value; no number before the first.
    Extremes(Vec<f64>, Extreme),
    Sums(Vec<Sum>),
    Averages(Vec<Mean>),
}

/// Which value stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extreme {
    Least,
    Greatest,
}

/// A sum and the error of its last step, which the next step takes into account, as in Tempo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    sum: f64,
    error: f64,
}

/// An average that grows value by value, without ever being larger than the values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean {
    mean: f64,
    error: f64,
    count: f64,
}

impl Cells {
    pub(super) fn counts(intervals: usize) -> Self {
        Self::Counts(vec![0.0; intervals])
    }

    pub(super) fn extremes(intervals: usize, which: Extreme) -> Self {
        Self::Extremes(vec![f64::NAN; intervals], which)
    }

    pub(super) fn sums(intervals: usize) -> Self {
        let none = Sum {
            sum: f64::NAN,
            error: 0.0,
        };
        Self::Sums(vec![none; intervals])
    }

    pub(super) fn averages(intervals: usize) -> Self {
        let none = Mean {
            mean: f64::NAN,
            error: 0.0,
            count: 0.0,
        };
        Self::Averages(vec![none; intervals])
    }

    /// Adds a span with a value, which counts ignore.
    pub(super) fn add(&mut self, interval: usize, value: f64) {
        match self {
            Self::Counts(counts) => counts[interval] += 1.0,
            Self::Extremes(values, which) => {
                let before = values[interval];
                let further = match which {
                    Extreme::Least => value < before,
                    Extreme::Greatest => value > before,
                };
                if before.is_nan() || further {
                    values[interval] = value;
                }
            }
            Self::Sums(sums) => sums[interval].add(value),
            Self::Averages(means) => means[interval].add(value),
        }
    }

    /// The numbers, counts multiplied by `per_span`.
    pub(super) fn finished(self, per_span: f64) -> Vec<f64> {
        match self {
            Self::Counts(mut counts) => {
                counts.iter_mut().for_each(|count| *count *= per_span);
                counts
            }
            Self::Extremes(values, _) => values,
            Self::Sums(sums) => sums.into_iter().map(|sum| sum.sum).collect(),
            Self::Averages(means) => {
                let means = means.into_iter();
                means.map(|mean| mean.mean + mean.error).collect()
            }
        }
    }
}

/// A sum, and what it lost by rounding (Neumaier's way).
fn added(sum: f64, value: f64) -> (f64, f64) {
    let total = sum + value;
    let lost = match () {
        () if total.is_infinite() => 0.0,
        () if sum.abs() >= value.abs() => (sum - total) + value,
        () => (value - total) + sum,
    };
    (total, lost)
}

impl Sum {
    fn add(&mut self, value: f64) {
        if self.sum.is_nan() {
            self.sum = value;
            return;
        }
        (self.sum, self.error) = added(self.sum, value - self.error);
    }
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.mean.is_nan() {
            self.mean = value;
            return;
        }
        if self.mean.is_infinite() && (value.is_finite() || value == self.mean) {
            return;
        }
        let step = value / self.count - self.mean / self.count;
        let (mean, lost) = added(self.mean, step);
        self.mean = mean;
        self.error = if mean.is_infinite() {
            0.0
        } else {
            self.error + lost
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_interval_has_a_number_of_its_own() {
        let of = |mut cells: Cells, per_span: f64| {
            for (interval, value) in [(0, 3.0), (0, 1.0), (2, -2.0), (0, 5.0)] {
                cells.add(interval, value);
            }
            let finished = cells.finished(per_span);
            finished.iter().map(|n| n.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of(Cells::counts(3), 0.5), ["1.5", "0", "0.5"]);
        assert_eq!(
            of(Cells::extremes(3, Extreme::Least), 1.0),
            ["1", "NaN", "-2"]
        );
        assert_eq!(
            of(Cells::extremes(3, Extreme::Greatest), 1.0),
            ["5", "NaN", "-2"]
        );
        assert_eq!(of(Cells::sums(3), 1.0), ["9", "NaN", "-2"]);
        assert_eq!(of(Cells::averages(3), 1.0), ["3", "NaN", "-2"]);
    }

    #[test]
    fn large_values_do_not_overflow_an_average() {
        let mut cells = Cells::averages(1);
        cells.add(0, f64::MAX);
        cells.add(0, f64::MAX);
        assert_eq!(cells.finished(1.0), [f64::MAX]);
    }
}
