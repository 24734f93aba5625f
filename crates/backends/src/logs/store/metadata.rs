//! Structured metadata of a chunk: each distinct set is kept once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::labels::Label;

/// The distinct sets of a chunk; number 0 is the empty set.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetadataTable {
    sets: Vec<Arc<[Label]>>,
    index: HashMap<Arc<[Label]>, u32>,
    symbols: HashSet<Arc<str>>,
    symbol_bytes: usize,
    set_bytes: usize,
    /// The set used last: consecutive entries usually share one.
    last: u32,
}

impl MetadataTable {
    /// The number of a set, which is sorted by name.
    pub(crate) fn intern(&mut self, labels: &[(&str, &str)]) -> u32 {
        if labels.is_empty() {
            return 0;
        }
        let is_last = self.get(self.last).len() == labels.len()
            && self
                .get(self.last)
                .iter()
                .zip(labels)
                .all(|(have, want)| &*have.0 == want.0 && &*have.1 == want.1);
        if is_last {
            return self.last;
        }
        let set: Arc<[Label]> = labels
            .iter()
            .map(|(name, value)| (self.symbol(name), self.symbol(value)))
            .collect();
        if let Some(id) = self.index.get(&set) {
            self.last = *id;
            return *id;
        }
        self.set_bytes += set.len() * size_of::<Label>() + 80;
        self.sets.push(Arc::clone(&set));
        let id = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.index.insert(set, id);
        self.last = id;
        id
    }

    fn symbol(&mut self, text: &str) -> Arc<str> {
        if let Some(symbol) = self.symbols.get(text) {
            return Arc::clone(symbol);
        }
        let symbol: Arc<str> = Arc::from(text);
        self.symbol_bytes += text.len();
        self.symbols.insert(Arc::clone(&symbol));
        symbol
    }

    /// A set by its number.
    pub(crate) fn get(&self, id: u32) -> &[Label] {
        (id as usize)
            .checked_sub(1)
            .and_then(|at| self.sets.get(at))
            .map_or(&[], |set| set)
    }

    /// All distinct names and values.
    pub(crate) fn symbols(&self) -> impl Iterator<Item = &str> {
        self.symbols.iter().map(|symbol| &**symbol)
    }

    /// Bytes of all distinct names and values.
    pub(crate) fn symbol_bytes(&self) -> usize {
        self.symbol_bytes
    }

    /// Estimated memory in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.symbol_bytes
            + self.symbols.len() * 16
            + self.symbols.capacity() * 18
            + self.set_bytes
            + self.index.capacity() * 26
            + self.sets.capacity() * 16
    }
}
