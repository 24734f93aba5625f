//! Histograms of one series in time order, packed into bytes.
//!
//! A histogram mostly has the buckets of the one before it and slightly higher counts. So each is written as the
//! differences to the one before: a few bytes for each bucket that grew, one for each that did not.

use std::sync::Arc;

use crate::metrics::histogram::{Buckets, Hint, Histogram};

/// Histograms in a chunk at most.
const CHUNK_HISTOGRAMS: usize = 120;
/// A chunk that has this many bytes takes no more.
const CHUNK_BYTES: usize = 8 * 1024;

/// Whole numbers are exact below this, and so are their differences.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// The buckets are those of the histogram before.
const SAME_BUCKETS: u8 = 4;
/// All counts are whole numbers.
const WHOLE_COUNTS: u8 = 8;
const HINT: u8 = 3;

/// A run of histograms.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    /// Milliseconds.
    start: i64,
    end: i64,
    len: usize,
}

impl Packed {
    /// Timestamp of the first histogram, milliseconds.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// Timestamp of the last histogram, milliseconds.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Histograms held.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Heap bytes held.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity()
    }

    /// True if it takes no more.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= CHUNK_HISTOGRAMS || self.bytes.len() >= CHUNK_BYTES
    }

    /// Gives back the memory that is not used.
    pub(crate) fn seal(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Adds a histogram after the last one, which the caller has at hand.
    pub(crate) fn push(&mut self, time: i64, histogram: &Histogram, last: Option<&Histogram>) {
        let last = last.filter(|_| self.len > 0);
        if self.len == 0 {
            self.start = time;
            self.end = time;
        }
        varint(&mut self.bytes, zigzag(time.wrapping_sub(self.end)));
        let same = last.is_some_and(|last| same_buckets(last, histogram));
        let whole = numbers(histogram).all(|number| is_whole(*number));
        let flags = hint_bits(histogram.hint)
            | if same { SAME_BUCKETS } else { 0 }
            | if whole { WHOLE_COUNTS } else { 0 };
        self.bytes.push(flags);
        self.float(histogram.sum);
        if !same {
            self.layout(histogram);
        }
        if whole {
            let mut before = last.filter(|_| same).map(numbers);
            for number in numbers(histogram) {
                let before = before.as_mut().and_then(Iterator::next).copied();
                let before = before.filter(|it| is_whole(*it)).unwrap_or(0.0);
                varint(&mut self.bytes, zigzag((*number - before) as i64));
            }
        } else {
            numbers(histogram).for_each(|number| self.bytes.extend(number.to_le_bytes()));
        }
        self.end = time;
        self.len += 1;
    }

    fn float(&mut self, value: f64) {
        self.bytes.extend(value.to_le_bytes());
    }

    fn layout(&mut self, histogram: &Histogram) {
        varint(&mut self.bytes, zigzag(i64::from(histogram.schema)));
        self.float(histogram.zero_threshold);
        for buckets in [&histogram.positive, &histogram.negative] {
            varint(&mut self.bytes, buckets.len() as u64);
            let mut before = 0;
            for (index, _) in buckets {
                varint(&mut self.bytes, zigzag(i64::from(*index) - before));
                before = i64::from(*index);
            }
        }
        let bounds = histogram.own_bounds();
        varint(&mut self.bytes, bounds.len() as u64);
        bounds.iter().for_each(|bound| self.float(*bound));
    }

    /// Hands over the histograms with `after < timestamp <= until`, until one is refused.
    pub(crate) fn read<E>(
        &self,
        after: i64,
        until: i64,
        each: &mut impl FnMut(i64, &Histogram) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.len == 0 || self.end <= after || self.start > until {
            return Ok(());
        }
        let mut reader = Reader { bytes: &self.bytes };
        let mut histogram = Histogram::default();
        let mut time = self.start;
        for _ in 0..self.len {
            time = time.wrapping_add(reader.signed());
            if time > until {
                break;
            }
            reader.histogram(&mut histogram);
            if time > after {
                each(time, &histogram)?;
            }
        }
        Ok(())
    }
}

/// The counts in the order in which they are written.
fn numbers(histogram: &Histogram) -> impl Iterator<Item = &f64> {
    let buckets = histogram.positive.iter().chain(&histogram.negative);
    [&histogram.count, &histogram.zero_count]
        .into_iter()
        .chain(buckets.map(|(_, count)| count))
}

fn is_whole(number: f64) -> bool {
    // -0.0 would come back as 0.0.
    number.fract() == 0.0 && number.abs() < WHOLE && (number != 0.0 || number.is_sign_positive())
}

fn same_buckets(left: &Histogram, right: &Histogram) -> bool {
    let alike = |left: &Buckets, right: &Buckets| {
        left.len() == right.len() && left.iter().zip(right).all(|(l, r)| l.0 == r.0)
    };
    left.schema == right.schema
        && left.zero_threshold.to_bits() == right.zero_threshold.to_bits()
        && alike(&left.positive, &right.positive)
        && alike(&left.negative, &right.negative)
        && left.own_bounds() == right.own_bounds()
}

fn hint_bits(hint: Hint) -> u8 {
    match hint {
        Hint::Unknown => 0,
        Hint::Reset => 1,
        Hint::NotReset => 2,
        Hint::Gauge => 3,
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads what [`Packed::push`] wrote.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => unreachable!("a chunk holds all of its histograms"),
        }
    }

    fn unsigned(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
    }

    fn signed(&mut self) -> i64 {
        let value = self.unsigned();
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }

    fn float(&mut self) -> f64 {
        match self.bytes.split_first_chunk() {
            Some((first, rest)) => {
                self.bytes = rest;
                f64::from_le_bytes(*first)
            }
            None => unreachable!("a chunk holds all of its histograms"),
        }
    }

    /// Reads the next histogram over the one before.
    fn histogram(&mut self, histogram: &mut Histogram) {
        let flags = self.byte();
        histogram.hint = match flags & HINT {
            0 => Hint::Unknown,
            1 => Hint::Reset,
            2 => Hint::NotReset,
            _ => Hint::Gauge,
        };
        histogram.sum = self.float();
        let same = flags & SAME_BUCKETS != 0;
        if !same {
            self.layout(histogram);
        }
        let whole = flags & WHOLE_COUNTS != 0;
        let buckets = histogram.positive.iter_mut().chain(&mut histogram.negative);
        let numbers = [&mut histogram.count, &mut histogram.zero_count].into_iter();
        for number in numbers.chain(buckets.map(|(_, count)| count)) {
            *number = if whole {
                let before = if same && is_whole(*number) {
                    *number
                } else {
                    0.0
                };
                before + self.signed() as f64
            } else {
                self.float()
            };
        }
    }

    fn layout(&mut self, histogram: &mut Histogram) {
        histogram.schema = self.signed() as i32;
        histogram.zero_threshold = self.float();
        for buckets in [&mut histogram.positive, &mut histogram.negative] {
            buckets.clear();
            let mut index = 0;
            for _ in 0..self.unsigned() {
                index += self.signed();
                buckets.push((index as i32, 0.0));
            }
        }
        let bounds: Vec<f64> = (0..self.unsigned()).map(|_| self.float()).collect();
        let known = histogram.bounds.as_deref().unwrap_or_default();
        if histogram.schema != crate::metrics::histogram::CUSTOM {
            histogram.bounds = None;
        } else if histogram.bounds.is_none() || known != bounds {
            histogram.bounds = Some(Arc::from(bounds));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::histogram::CUSTOM;

    fn read(packed: &Packed, after: i64, until: i64) -> Vec<(i64, Histogram)> {
        let mut read = Vec::new();
        let all = packed.read(after, until, &mut |time, histogram| {
            read.push((time, histogram.clone()));
            Ok::<_, ()>(())
        });
        all.unwrap();
        read
    }

    #[test]
    fn histograms_come_back_to_the_bit() {
        let plain = |count: f64, buckets: &[(i32, f64)]| Histogram {
            schema: 3,
            zero_threshold: 1e-128,
            zero_count: 2.0,
            count,
            sum: count * 0.37,
            positive: buckets.to_vec(),
            ..Histogram::default()
        };
        let custom = Histogram {
            schema: CUSTOM,
            bounds: Some(Arc::from([0.5, 1.0, 2.5])),
            count: 4.0,
            positive: vec![(0, 1.0), (3, 3.0)],
            ..Histogram::default()
        };
        let histograms = [
            plain(9.0, &[(-3, 1.0), (0, 6.0)]),
            plain(19.0, &[(-3, 1.0), (0, 16.0)]),
            plain(12.0, &[(-3, 1.0), (0, 9.0)]),
            Histogram {
                hint: Hint::NotReset,
                ..plain(1e15, &[(-300, 1.0), (4, 1e15 - 1.0)])
            },
            plain(0.25, &[(4, 0.5), (5, -0.0)]),
            plain(7.0, &[(4, 2.0), (5, 3.0)]),
            Histogram {
                hint: Hint::Gauge,
                ..custom.clone()
            },
            custom,
            Histogram {
                sum: f64::NAN,
                negative: vec![(7, 1.5)],
                ..Histogram::default()
            },
        ];
        let mut packed = Packed::default();
        let mut last = None;
        for (time, histogram) in (0..).zip(&histograms) {
            packed.push(1_000 + time * 15_000, histogram, last);
            last = Some(histogram);
        }
        let read = read(&packed, i64::MIN, i64::MAX);
        assert_eq!(read.len(), histograms.len());
        for ((time, read), (at, histogram)) in read.iter().zip((0..).zip(&histograms)) {
            assert_eq!(*time, 1_000 + at * 15_000);
            assert!(read.equals(histogram), "{read:?} is not {histogram:?}");
            assert_eq!(read.hint, histogram.hint);
        }
        let some = self::read(&packed, 16_000, 46_000);
        assert_eq!(
            some.iter().map(|it| it.0).collect::<Vec<_>>(),
            [31_000, 46_000]
        );
    }

    #[test]
    fn a_counter_that_grows_takes_a_few_bytes_a_bucket() {
        let mut packed = Packed::default();
        let mut last: Option<Histogram> = None;
        for step in 0..100_i32 {
            let histogram = Histogram {
                schema: 3,
                count: f64::from(step) * 60.0,
                sum: f64::from(step) * 1.7,
                positive: (0..20).map(|at| (at, f64::from(step) * 3.0)).collect(),
                ..Histogram::default()
            };
            packed.push(i64::from(step) * 15_000, &histogram, last.as_ref());
            last = Some(histogram);
        }
        packed.seal();
        assert!(packed.bytes() < 100 * 40, "{}", packed.bytes());
    }
}
