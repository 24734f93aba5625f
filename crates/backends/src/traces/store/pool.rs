//! Values that many spans share, kept once and counted: names, attribute strings, resources, scopes.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Bytes of one entry besides its key: the slot, the index entry at its usual load,
/// the counter in front of the shared bytes and the allocator's own share.
const ENTRY_BYTES: usize = 112;

/// A set of `K` in which each entry has a small number, a value and a count of its users.
pub(super) struct Pool<K: ?Sized, V> {
    index: HashMap<Arc<K>, u32>,
    slots: Vec<Option<Slot<K, V>>>,
    free: Vec<u32>,
    bytes: usize,
}

struct Slot<K: ?Sized, V> {
    key: Arc<K>,
    value: V,
    users: u32,
}

impl<K, V> Pool<K, V>
where
    K: ?Sized + Hash + Eq,
    Arc<K>: for<'k> From<&'k K> + Borrow<K>,
{
    pub(super) fn new() -> Self {
        Self {
            index: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            bytes: 0,
        }
    }

    /// Bytes of all entries, estimated.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of an entry that is there.
    pub(super) fn find(&self, key: &K) -> Option<u32> {
        self.index.get(key).copied()
    }

    /// Counts one more user of an entry that is there.
    pub(super) fn reuse(&mut self, key: &K) -> Option<u32> {
        let number = self.find(key)?;
        self.retain(number);
        Some(number)
    }

    /// Counts one more user of a numbered entry.
    pub(super) fn retain(&mut self, number: u32) {
        if let Some(Some(slot)) = self.slots.get_mut(number as usize) {
            slot.users += 1;
        }
    }

    /// Adds an entry with its first user. The key must not be there yet.
    pub(super) fn insert(&mut self, key: &K, value: V) -> u32 {
        let key: Arc<K> = Arc::from(key);
        self.bytes += ENTRY_BYTES + size_of_val(&*key) + size_of::<V>();
        let slot = Some(Slot {
            key: Arc::clone(&key),
            value,
            users: 1,
        });
        let number = match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = slot;
                number
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.index.insert(key, number);
        number
    }

    /// Counts one user less; the last one takes the entry's value away with it.
    pub(super) fn release(&mut self, number: u32) -> Option<V> {
        let slot = self.slots.get_mut(number as usize)?;
        let held = slot.as_mut()?;
        held.users -= 1;
        if held.users > 0 {
            return None;
        }
        let Slot { key, value, .. } = slot.take()?;
        self.index.remove(&*key);
        self.bytes -= ENTRY_BYTES + size_of_val(&*key) + size_of::<V>();
        self.free.push(number);
        Some(value)
    }

    /// The key of an entry that somebody uses.
    ///
    /// # Panics
    /// Nobody uses it: a count of users went wrong, and any answer would be made up.
    pub(super) fn key(&self, number: u32) -> &K {
        &self.slot(number).key
    }

    pub(super) fn value(&self, number: u32) -> &V {
        &self.slot(number).value
    }

    /// An entry lives as long as its number is used.
    fn slot(&self, number: u32) -> &Slot<K, V> {
        match self.slots.get(number as usize) {
            Some(Some(slot)) => slot,
            _ => panic!("entry {number} is used and not there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_goes_with_its_last_user_and_its_number_is_used_again() {
        let mut pool: Pool<str, ()> = Pool::new();
        let first = pool.insert("a", ());
        assert_eq!(pool.reuse("a"), Some(first));
        assert!(pool.release(first).is_none());
        assert_eq!(pool.key(first), "a");
        assert!(pool.release(first).is_some());
        assert_eq!(
            (
                pool.find("a"),
                pool.slots[first as usize].is_none(),
                pool.bytes()
            ),
            (None, true, 0)
        );
        assert_eq!(pool.insert("b", ()), first);
    }

    #[test]
    #[should_panic(expected = "entry 0 is used and not there")]
    fn an_entry_that_nobody_uses_is_never_answered_for() {
        let mut pool: Pool<str, ()> = Pool::new();
        let number = pool.insert("a", ());
        pool.release(number);
        let _ = pool.key(number);
    }
}
