//! The histograms of a series, beside its numbers.

use std::collections::VecDeque;

use super::packed::Packed;
use crate::metrics::histogram::{Hint, Histogram};

/// Histograms in time order.
#[derive(Debug, Default)]
pub(crate) struct Column {
    sealed: VecDeque<Packed>,
    sealed_bytes: usize,
    open: Packed,
    /// The newest one, which the next one is compared with.
    last: Option<Histogram>,
}

impl Column {
    /// The newest histogram with its time.
    pub(crate) fn newest(&self) -> Option<(i64, &Histogram)> {
        let last = self.last.as_ref()?;
        let time = match self.open.len() {
            0 => self.sealed.back()?.end(),
            _ => self.open.end(),
        };
        Some((time, last))
    }

    /// Adds a histogram after the last one. `follows` is true if no other sample lies between the two.
    pub(crate) fn push(&mut self, time: i64, mut histogram: Histogram, follows: bool) {
        let last = self.last.take();
        histogram.hint = hint(&histogram, last.as_ref().filter(|_| follows));
        if self.open.is_full() {
            self.open.seal();
            self.sealed_bytes += self.open.bytes();
            self.sealed.push_back(std::mem::take(&mut self.open));
        }
        self.open.push(time, &histogram, last.as_ref());
        self.last = Some(histogram);
    }

    /// Hands over the histograms with `after < timestamp <= until`, until one is refused.
    pub(crate) fn read<E>(
        &self,
        after: i64,
        until: i64,
        each: &mut impl FnMut(i64, &Histogram) -> Result<(), E>,
    ) -> Result<(), E> {
        self.chunks()
            .try_for_each(|chunk| chunk.read(after, until, each))
    }

    fn chunks(&self) -> impl Iterator<Item = &Packed> {
        let open = Some(&self.open).filter(|open| open.len() > 0);
        self.sealed.iter().chain(open)
    }

    /// The time of the oldest histogram.
    pub(crate) fn oldest(&self) -> Option<i64> {
        self.chunks().next().map(Packed::start)
    }

    /// The last timestamp and the bytes of each chunk, oldest first.
    pub(crate) fn chunk_sizes(&self, mut each: impl FnMut(i64, usize)) {
        let open = self.open.len() > 0;
        for chunk in self.chunks() {
            let last = open && chunk.end() == self.open.end();
            each(
                chunk.end(),
                chunk.bytes() + if last { self.bytes_of_last() } else { 0 },
            );
        }
    }

    /// Number of chunks.
    pub(crate) fn len(&self) -> usize {
        self.chunks().count()
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.sealed_bytes + self.open.bytes() + self.bytes_of_last()
    }

    fn bytes_of_last(&self) -> usize {
        self.last.as_ref().map_or(0, Histogram::bytes)
    }

    /// Drops the chunks that end before a time. Returns the histograms dropped.
    pub(crate) fn drop_before(&mut self, before: i64) -> usize {
        let mut dropped = 0;
        while self
            .sealed
            .front()
            .is_some_and(|chunk| chunk.end() < before)
        {
            if let Some(chunk) = self.sealed.pop_front() {
                dropped += chunk.len();
                self.sealed_bytes -= chunk.bytes();
            }
        }
        if self.open.len() > 0 && self.open.end() < before {
            dropped += std::mem::take(&mut self.open).len();
            self.last = None;
        }
        dropped
    }

    /// True if it holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.sealed.is_empty() && self.open.len() == 0
    }
}

/// What a query may take for granted about a counter reset. Prometheus knows that there was none within a chunk of
/// its store, and cuts a chunk at each reset.
fn hint(histogram: &Histogram, last: Option<&Histogram>) -> Hint {
    if histogram.hint == Hint::Gauge {
        return Hint::Gauge;
    }
    let continues = last.is_some_and(|last| {
        last.hint != Hint::Gauge
            && histogram.hint != Hint::Reset
            && last.schema == histogram.schema
            && last.zero_threshold == histogram.zero_threshold
            && last.own_bounds() == histogram.own_bounds()
            && !histogram.counts_less_than(last)
    });
    if continues {
        Hint::NotReset
    } else {
        Hint::Unknown
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Labels;
    use crate::metrics::store::{Appended, Limits, Store};

    fn histogram(count: u32) -> Histogram {
        Histogram {
            schema: 3,
            count: f64::from(count) * 10.0,
            sum: f64::from(count) * 0.1,
            positive: (0..10).map(|at| (at, f64::from(count))).collect(),
            ..Histogram::default()
        }
    }

    fn labels(index: u32) -> Labels {
        Labels::from_pairs([("__name__", "h"), ("i", &index.to_string())])
    }

    #[test]
    fn the_store_counts_the_bytes_of_histograms_and_keeps_its_limit() {
        let limits = Limits {
            max_bytes: 200_000,
            max_age: Duration::from_secs(600),
            ..Limits::default()
        };
        let store = Store::new(limits);
        for step in 0..2_000_u32 {
            let time = i64::from(step) * 100;
            for index in 0..5 {
                let stored = store.append_histogram(&labels(index), time, histogram(step), time);
                assert_eq!(stored, Ok(Appended::Stored));
            }
            assert!(store.stats().bytes <= 200_000);
        }
        let stats = store.stats();
        assert!(stats.evicted_by_bytes > 0 && stats.series == 5);
        store.evict_expired(10_000_000);
        let stats = store.stats();
        assert_eq!((stats.series, stats.bytes), (0, 0));
    }

    #[test]
    fn a_series_takes_numbers_and_histograms_in_the_order_of_time() {
        let store = Store::new(Limits::default());
        let labels = labels(0);
        let number = |time| store.append(&labels, time, 1.0, 0).unwrap();
        let native = |time, count| {
            let stored = store.append_histogram(&labels, time, histogram(count), 0);
            stored.unwrap()
        };
        assert_eq!(number(1), Appended::Stored);
        assert_eq!(native(1, 1), Appended::Duplicate);
        assert_eq!(native(2, 1), Appended::Stored);
        assert_eq!(native(2, 1), Appended::Repeated);
        assert_eq!(native(2, 2), Appended::Duplicate);
        assert_eq!(number(2), Appended::Duplicate);
        assert_eq!(native(1, 1), Appended::OutOfOrder);
        assert_eq!(number(1), Appended::OutOfOrder);
        assert_eq!(number(3), Appended::Stored);
        assert_eq!(native(4, 2), Appended::Stored);
        let series = store.series(&labels).unwrap();
        assert_eq!(series.span(), Some((1, 4)));
        let (mut times, mut values, mut histograms) = (Vec::new(), Vec::new(), Vec::new());
        let read = series.read_all(0, 9, &mut times, &mut values, |time, _| {
            histograms.push(time);
            Ok::<_, ()>(())
        });
        assert_eq!((read, times), (Ok(()), vec![1, 3]));
        assert_eq!(histograms, [2, 4]);
    }

    #[test]
    fn a_hint_says_that_there_was_no_reset_only_where_that_is_known() {
        let mut column = Column::default();
        let gauge = Histogram {
            hint: Hint::Gauge,
            ..histogram(9)
        };
        for (time, (histogram, follows)) in (0..).zip([
            (histogram(1), true),
            (histogram(2), true),
            (histogram(1), true),
            (histogram(3), false),
            (histogram(4), true),
            (gauge, true),
            (histogram(10), true),
        ]) {
            column.push(time, histogram, follows);
        }
        let mut hints = Vec::new();
        let read = column.read(i64::MIN, i64::MAX, &mut |_, histogram| {
            hints.push(histogram.hint);
            Ok::<_, ()>(())
        });
        assert_eq!(read, Ok(()));
        use Hint::{Gauge, NotReset, Unknown};
        let wanted = [
            Unknown, NotReset, Unknown, Unknown, NotReset, Gauge, Unknown,
        ];
        assert_eq!(hints, wanted);
    }
}
