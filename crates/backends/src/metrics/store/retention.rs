//! Throwing away: what is too old, and the oldest when there is too much.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Store;
use super::series::Series;
use super::stats::count;

/// An age pass walks all series; ingest starts one this often.
const AGE_PASS_MS: i64 = 10_000;

impl Store {
    /// Called after each write: evicts by bytes at once, by age now and then.
    pub(super) fn keep_bounds(&self, now: i64) {
        if self.bytes() > self.limits.max_bytes {
            self.evict_bytes();
        }
        let last = self.newest_age_pass.load(Ordering::Relaxed);
        if now.saturating_sub(last) >= AGE_PASS_MS
            && self
                .newest_age_pass
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.evict_expired(now);
        }
    }

    /// Drops the chunks and exemplars that lie wholly before the retention. Ingest does this by itself;
    /// call it now and then where nothing is ingested.
    pub fn evict_expired(&self, now: i64) {
        let before = now.saturating_sub(self.max_age_ms());
        let samples = self.drop_before(before);
        count(&self.counters.evicted_by_age, samples);
        let mut exemplars = self.exemplars.lock();
        exemplars.drop_before(before);
        self.exemplar_bytes
            .store(exemplars.bytes(), Ordering::Relaxed);
    }

    /// Makes room down to nine tenths of the limit: the exemplars' share first when they hold more than
    /// a quarter of it, then the oldest chunks of all series.
    fn evict_bytes(&self) {
        let Some(_only_one) = self.evicting.try_lock() else {
            return;
        };
        let goal = self.limits.max_bytes / 10 * 9;
        {
            let mut exemplars = self.exemplars.lock();
            exemplars.shrink_to(self.limits.max_bytes / 4);
            self.exemplar_bytes
                .store(exemplars.bytes(), Ordering::Relaxed);
        }
        let held = self.bytes();
        if held <= goal {
            return;
        }
        let series: Vec<Arc<Series>> = self.index.read().all().cloned().collect();
        // A series that goes takes its share of the index along.
        let share = self.index_bytes.load(Ordering::Relaxed) / series.len().max(1);
        let mut chunks: Vec<(i64, usize)> = Vec::new();
        for one in &series {
            let first = chunks.len();
            one.chunk_sizes(|end, bytes| chunks.push((end, bytes)));
            if chunks.len() > first
                && let Some(last) = chunks.last_mut()
            {
                last.1 += share;
            }
        }
        drop(series);
        chunks.sort_unstable();
        let mut to_free = held - goal;
        let mut before = i64::MAX;
        for (end, bytes) in chunks {
            before = end.saturating_add(1);
            to_free = to_free.saturating_sub(bytes);
            if to_free == 0 {
                break;
            }
        }
        let samples = self.drop_before(before);
        count(&self.counters.evicted_by_bytes, samples);
    }

    /// Drops chunks that end before a time, and the series left with nothing. Returns the samples dropped.
    fn drop_before(&self, before: i64) -> u64 {
        let series: Vec<Arc<Series>> = self.index.read().all().cloned().collect();
        let mut empty = Vec::new();
        let mut samples = 0;
        for one in series {
            let freed = one.drop_before(before);
            samples += freed.samples as u64;
            self.sample_bytes.fetch_sub(freed.bytes, Ordering::Relaxed);
            if freed.empty {
                empty.push(one);
            }
        }
        if !empty.is_empty() {
            let mut index = self.index.write();
            index.remove(&empty);
            self.index_bytes.store(index.bytes(), Ordering::Relaxed);
        }
        samples
    }
}
