//! Label sets: what names a series. Sorted by label name, never holding an empty value, cheap to clone.

use std::fmt;
use std::sync::Arc;

/// The label that holds the metric's name.
pub const METRIC_NAME: &str = "__name__";

/// True if a label describes the metric itself: its name, or what came with the name. Prometheus drops
/// the three together, wherever an operation makes another quantity of a metric.
fn is_reserved(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

/// One immutable, sorted label set. A label with an empty value equals a label that is absent,
/// as in the [data model](https://prometheus.io/docs/concepts/data_model/), so none is stored.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// The set without any label.
    pub fn empty() -> Self {
        Self(Arc::from(Vec::new()))
    }

    /// Sorts the pairs and drops the empty values. Of a name given twice the last value counts.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        let mut list: Vec<(Arc<str>, Arc<str>)> = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        // The sort is stable: of equal names the last given comes last, and is the one kept.
        list.sort_by(|left, right| left.0.cmp(&right.0));
        list.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                std::mem::swap(next, kept);
            }
            same
        });
        list.retain(|(_, value)| !value.is_empty());
        Self(Arc::from(list))
    }

    /// Takes pairs that are sorted, unique and not empty already.
    pub(crate) fn from_sorted(pairs: Vec<(Arc<str>, Arc<str>)>) -> Self {
        Self(Arc::from(pairs))
    }

    /// The value of a label; `""` when the set has none of that name.
    pub fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(known, _)| &**known == name)
            .map_or("", |(_, value)| value)
    }

    /// The metric's name, `""` when it was dropped by an operation.
    pub(crate) fn metric_name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// Name and value of each label, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The pairs with their shared strings.
    pub(crate) fn pairs(&self) -> &[(Arc<str>, Arc<str>)] {
        &self.0
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is no label at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels whose name `keep` accepts.
    pub fn filter(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(name, _)| keep(name))
                .cloned()
                .collect(),
        )
    }

    /// The same set without the metric's name, its type and its unit.
    pub(crate) fn without_name(&self) -> Self {
        if self.0.iter().any(|(name, _)| is_reserved(name)) {
            return self.filter(|name| !is_reserved(name));
        }
        self.clone()
    }

    /// The same set with one label replaced, added, or (by an empty value) removed.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut list: Vec<_> = self
            .0
            .iter()
            .filter(|(known, _)| &**known != name)
            .cloned()
            .collect();
        if !value.is_empty() {
            list.push((Arc::from(name), Arc::from(value)));
            list.sort_unstable();
        }
        Self(Arc::from(list))
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_sorted_and_has_no_empty_value() {
        let labels =
            Labels::from_pairs([("b", "2"), ("a", "1"), ("c", ""), ("a", "0"), ("a", "1")]);
        assert_eq!(labels.to_string(), r#"{a="1", b="2"}"#);
        assert_eq!(labels.with("a", "").to_string(), r#"{b="2"}"#);
        assert_eq!(labels.get("c"), "");
    }
}
