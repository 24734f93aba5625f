//! Memory that is never given back while its fault is in force.

use parking_lot::Mutex;

/// Bytes of a block. So large that every allocator takes it from the system and gives it back as a whole; only what
/// has been written counts as resident.
const BLOCK: usize = 64 << 20;

/// What has leaked; `None` once it is given back.
pub(super) struct Leak(Mutex<Option<Vec<Vec<u8>>>>);

impl Leak {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }

    /// Takes `bytes` more, up to `most` in all.
    pub(super) fn grow(&self, bytes: usize, most: usize) {
        let mut leaked = self.0.lock();
        let Some(blocks) = leaked.as_mut() else {
            return;
        };
        let taken: usize = blocks.iter().map(Vec::len).sum();
        let mut left = bytes.min(most.saturating_sub(taken));
        while left > 0 {
            match blocks.last_mut().filter(|block| block.len() < BLOCK) {
                Some(block) => {
                    let part = left.min(BLOCK - block.len());
                    // Not zero: the system gives such pages only to who writes them.
                    block.resize(block.len() + part, 0xa5);
                    left -= part;
                }
                None => blocks.push(Vec::with_capacity(BLOCK)),
            }
        }
    }

    /// Gives all of it back, and takes no more.
    pub(super) fn free(&self) {
        *self.0.lock() = None;
    }

    #[cfg(test)]
    fn size(&self) -> usize {
        let leaked = self.0.lock();
        leaked.iter().flatten().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_grows_to_its_bound_and_is_given_back_for_good() {
        let leak = Leak::new();
        leak.grow(BLOCK - 1, 2 * BLOCK);
        leak.grow(3, 2 * BLOCK);
        assert_eq!(leak.size(), BLOCK + 2);
        leak.grow(BLOCK, BLOCK + 10);
        assert_eq!(leak.size(), BLOCK + 10);
        leak.free();
        leak.grow(1, BLOCK);
        assert_eq!(leak.size(), 0);
    }
}
