//! Samples of one series in time order, packed into sealed chunks.

/// Samples in a chunk, as many as Prometheus puts into one of its own.
pub(crate) const CHUNK_SAMPLES: usize = 120;

/// Encoding of the values of a sealed chunk. Most series of a service are counters of whole numbers
/// or do not move at all, which the first two forms use.
#[derive(Debug)]
enum Values {
    Constant(f64),
    /// Whole numbers: the smallest one and what each lies above it.
    Whole {
        base: f64,
        above: Box<[u16]>,
    },
    Raw(Box<[f64]>),
}

/// An immutable run of samples: timestamps as offsets from the first one, values packed.
#[derive(Debug)]
pub(crate) struct Chunk {
    start: i64,
    end: i64,
    offsets: Box<[u32]>,
    values: Values,
}

impl Chunk {
    /// Packs a run that is not empty and whose span fits 32 bits of milliseconds.
    pub(crate) fn seal(times: &[i64], values: &[f64]) -> Self {
        let start = times.first().copied().unwrap_or(0);
        Self {
            start,
            end: times.last().copied().unwrap_or(start),
            offsets: times.iter().map(|time| (time - start) as u32).collect(),
            values: pack(values),
        }
    }

    /// Timestamp of the first sample, milliseconds.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// Timestamp of the last sample, milliseconds.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Samples held.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Heap bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Constant(_) => 0,
            Values::Whole { above, .. } => above.len() * 2,
            Values::Raw(raw) => raw.len() * 8,
        };
        size_of::<Self>() + self.offsets.len() * 4 + values
    }

    /// Appends the samples with `after < timestamp <= until` to the two columns.
    pub(crate) fn read(&self, after: i64, until: i64, times: &mut Vec<i64>, values: &mut Vec<f64>) {
        if self.end <= after || self.start > until {
            return;
        }
        let from = self
            .offsets
            .partition_point(|offset| self.start + i64::from(*offset) <= after);
        let to = self
            .offsets
            .partition_point(|offset| self.start + i64::from(*offset) <= until);
        times.extend(
            self.offsets[from..to]
                .iter()
                .map(|offset| self.start + i64::from(*offset)),
        );
        match &self.values {
            Values::Constant(value) => values.resize(values.len() + to - from, *value),
            Values::Whole { base, above } => {
                values.extend(above[from..to].iter().map(|step| base + f64::from(*step)));
            }
            Values::Raw(raw) => values.extend_from_slice(&raw[from..to]),
        }
    }
}

fn pack(values: &[f64]) -> Values {
    let first = values.first().copied().unwrap_or(0.0);
    if values
        .iter()
        .all(|value| value.to_bits() == first.to_bits())
    {
        return Values::Constant(first);
    }
    let base = values.iter().copied().fold(f64::INFINITY, f64::min);
    // Below 2^52 each difference of whole numbers is exact. -0.0 would come back as 0.0: kept raw.
    let whole = |value: &f64| {
        value.fract() == 0.0
            && value.abs() < 4_503_599_627_370_496.0
            && (*value != 0.0 || value.is_sign_positive())
            && value - base <= f64::from(u16::MAX)
    };
    if values.iter().all(whole) {
        return Values::Whole {
            base,
            above: values.iter().map(|value| (value - base) as u16).collect(),
        };
    }
    Values::Raw(values.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::sample::stale_nan;

    fn round_trip(values: &[f64]) -> Vec<u64> {
        let times: Vec<i64> = (0..values.len() as i64).map(|i| 1_000 + i * 7).collect();
        let chunk = Chunk::seal(&times, values);
        let (mut read_times, mut read) = (Vec::new(), Vec::new());
        chunk.read(i64::MIN, i64::MAX, &mut read_times, &mut read);
        assert_eq!(times, read_times);
        read.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn every_packing_gives_back_the_very_bits() {
        for values in [
            vec![3.0; 5],
            vec![stale_nan(); 2],
            vec![1e9, 1e9 + 65_535.0, 1e9 + 7.0],
            vec![-3.0, 4.0, 0.0],
            vec![-0.0, 1.0],
            vec![0.1, 0.2, f64::NAN, f64::INFINITY, stale_nan()],
            vec![1.0, 1e300],
        ] {
            let bits: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
            assert_eq!(round_trip(&values), bits, "{values:?}");
        }
    }

    #[test]
    fn a_range_is_open_on_the_left_and_closed_on_the_right() {
        let chunk = Chunk::seal(&[10, 20, 30], &[1.0, 2.0, 3.0]);
        let (mut times, mut values) = (Vec::new(), Vec::new());
        chunk.read(10, 30, &mut times, &mut values);
        assert_eq!((times, values), (vec![20, 30], vec![2.0, 3.0]));
    }
}
