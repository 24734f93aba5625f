//! Label sets, which identify streams.

use std::fmt;
use std::sync::Arc;

/// One label: its name and its value.
pub(crate) type Label = (Arc<str>, Arc<str>);

/// A sorted set of labels with unique names; cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelSet(Arc<[Label]>);

impl LabelSet {
    /// Builds a set from pairs in any order. Labels with an empty value are left out, as Loki does
    /// at ingest. When a name occurs twice the error carries that name.
    ///
    /// # Errors
    /// The name that occurs more than once.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, String>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut labels: Vec<Label> = pairs
            .into_iter()
            .filter(|(_, value)| !value.as_ref().is_empty())
            .map(|(name, value)| (Arc::from(name.as_ref()), Arc::from(value.as_ref())))
            .collect();
        labels.sort();
        if let Some(pair) = labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(pair[0].0.to_string());
        }
        Ok(Self(labels.into()))
    }

    /// The set with one more label, which it has not yet.
    #[must_use]
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let at = self.0.partition_point(|label| &*label.0 < name);
        let (before, after) = self.0.split_at(at);
        let one = (Arc::from(name), Arc::from(value));
        let labels = before.iter().chain(std::iter::once(&one)).chain(after);
        Self(labels.cloned().collect())
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .binary_search_by(|label| label.0.as_ref().cmp(name))
            .ok()
            .and_then(|at| self.0.get(at))
            .map(|label| label.1.as_ref())
    }

    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The labels as stored.
    #[must_use]
    pub fn as_slice(&self) -> &[Label] {
        &self.0
    }

    /// Number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Estimated memory of the set in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0
            .iter()
            .map(|(name, value)| name.len() + value.len() + 64)
            .sum::<usize>()
            + 32
    }
}

impl fmt::Display for LabelSet {
    /// `{a="b", c="d"}`, the form in which Loki names a stream in its messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={}", Quoted(value))?;
        }
        f.write_str("}")
    }
}

/// Writes a text in double quotes with Go's escapes, the form that LogQL reads back.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::wire::quote::quoted(self.0.as_bytes()))
    }
}
