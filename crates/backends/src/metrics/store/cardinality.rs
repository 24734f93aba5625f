//! How many series each label takes, for `/status/tsdb`.

use std::collections::BinaryHeap;

use super::Store;

/// A name with a number.
pub(crate) type Count = (String, u64);

/// Sizes of the index.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cardinality {
    pub(crate) series: usize,
    pub(crate) chunks: usize,
    /// Different pairs of a label's name and a value.
    pub(crate) pairs: usize,
    /// Times of the oldest and the newest sample, in milliseconds; `None` when there is none.
    pub(crate) times: Option<(i64, i64)>,
    /// Series by metric, the most first.
    pub(crate) by_metric: Vec<Count>,
    /// Different values by label.
    pub(crate) values_by_label: Vec<Count>,
    /// Bytes of the names and values of a label in all its series.
    pub(crate) bytes_by_label: Vec<Count>,
    /// Series by pair, `name=value`.
    pub(crate) by_pair: Vec<Count>,
}

/// Bytes of a text in a series of Prometheus, where its length stands before it.
fn size(text: &str) -> usize {
    text.len() + if text.len() < 255 { 1 } else { 4 }
}

/// The largest of many counts.
struct Largest {
    most: usize,
    // The least is on top.
    heap: BinaryHeap<std::cmp::Reverse<(u64, std::cmp::Reverse<String>)>>,
}

impl Largest {
    fn new(most: usize) -> Self {
        Self {
            most,
            heap: BinaryHeap::new(),
        }
    }

    fn push(&mut self, count: u64, name: impl FnOnce() -> String) {
        let least = self.heap.peek().map(|least| least.0.0);
        if self.heap.len() == self.most && least.is_some_and(|least| count < least) {
            return;
        }
        let item = (count, std::cmp::Reverse(name()));
        self.heap.push(std::cmp::Reverse(item));
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    /// The largest first, those of one size by name.
    fn sorted(self) -> Vec<Count> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted.map(|it| (it.0.1.0, it.0.0)).collect()
    }
}

impl Store {
    /// The sizes of the index, with the `most` largest of each kind.
    pub(crate) fn cardinality(&self, metric_name: &str, most: usize) -> Cardinality {
        let mut sizes = Cardinality::default();
        let mut series = Vec::new();
        let [mut metrics, mut labels, mut bytes, mut pairs] = [(); 4].map(|()| Largest::new(most));
        {
            let index = self.index.read();
            sizes.series = index.len();
            for (name, values) in index.postings() {
                let of_values = |(value, ids): (&std::sync::Arc<str>, &Vec<u64>)| {
                    (size(name) + size(value)) as u64 * ids.len() as u64
                };
                labels.push(values.len() as u64, || name.to_string());
                bytes.push(values.iter().map(of_values).sum(), || name.to_string());
                sizes.pairs += values.len();
                for (value, ids) in values {
                    let count = ids.len() as u64;
                    if **name == *metric_name {
                        metrics.push(count, || value.to_string());
                    }
                    pairs.push(count, || format!("{name}={value}"));
                }
            }
            series.extend(index.all().cloned());
        }
        for one in series {
            sizes.chunks += one.chunks();
            if let Some((oldest, newest)) = one.span() {
                let (from, until) = sizes.times.unwrap_or((oldest, newest));
                sizes.times = Some((from.min(oldest), until.max(newest)));
            }
        }
        sizes.by_metric = metrics.sorted();
        sizes.values_by_label = labels.sorted();
        sizes.bytes_by_label = bytes.sorted();
        sizes.by_pair = pairs.sorted();
        sizes
    }
}
