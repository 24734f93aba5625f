//! A map that only grows, for a few entries that every request reads.
//!
//! Looking something up takes no lock and counts no reference: on several processors, each write to memory
//! that all requests share costs more than a search through some ten entries.

use std::sync::OnceLock;

/// A list of keys and values, in the order in which they came.
pub(super) struct GrowOnly<K, V>(Link<K, V>);

type Link<K, V> = OnceLock<Box<Entry<K, V>>>;

struct Entry<K, V> {
    key: K,
    value: V,
    next: Link<K, V>,
}

impl<K, V> Default for GrowOnly<K, V> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<K, V> GrowOnly<K, V> {
    /// The value of the key for which `is` holds; when there is none, `make` makes both.
    ///
    /// # Errors
    /// Those of `make`.
    pub(super) fn get_or_insert<E>(
        &self,
        is: impl Fn(&K) -> bool,
        make: impl Fn() -> Result<(K, V), E>,
    ) -> Result<&V, E> {
        let mut link = &self.0;
        loop {
            match link.get() {
                Some(entry) if is(&entry.key) => return Ok(&entry.value),
                Some(entry) => link = &entry.next,
                None => {
                    let (key, value) = make()?;
                    let next = OnceLock::new();
                    // When another thread was quicker, its entry is looked at next; it may be the one.
                    let _ = link.set(Box::new(Entry { key, value, next }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn every_thread_gets_the_one_value_of_a_key() {
        let map = GrowOnly::<u32, String>::default();
        let get = |key: u32, by: u32| {
            let made = || Ok::<_, Infallible>((key, format!("{key} by {by}")));
            map.get_or_insert(|it| *it == key, made).expect("a value")
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|by| scope.spawn(move || (0..50).map(|key| get(key, by)).collect::<Vec<_>>()))
                .collect();
            let mut all = threads.into_iter().map(|it| it.join().expect("values"));
            let first = all.next().expect("a thread");
            assert!(
                first
                    .iter()
                    .zip(0..)
                    .all(|(it, key)| it.starts_with(&format!("{key} by")))
            );
            for other in all {
                assert!(
                    first
                        .iter()
                        .zip(&other)
                        .all(|(one, two)| std::ptr::eq(*one, *two))
                );
            }
        });
    }

    #[test]
    fn what_cannot_be_made_is_not_kept() {
        let map = GrowOnly::<u32, u32>::default();
        assert_eq!(map.get_or_insert(|it| *it == 1, || Err("no")), Err("no"));
        assert_eq!(
            map.get_or_insert(|it| *it == 1, || Ok::<_, &str>((1, 2))),
            Ok(&2)
        );
    }
}
