//! Spans in memory: taken in, merged into traces, bounded by age and bytes.

mod dictionary;
mod extent;
mod index;
mod intake;
mod limits;
mod pool;
mod span;
mod stats;
mod trace;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use parking_lot::{Mutex, RwLock};

pub(crate) use dictionary::Dictionary;
pub(crate) use extent::Needs;
pub(crate) use index::{Candidates, Index};
pub(crate) use intake::has_impossible_id;
pub use intake::{Refusal, Taken};
pub(crate) use span::{Attribute, Event, Link, Span, Value, Word};
pub(crate) use trace::{Piece, Trace};

use crate::otlp::gate::Gate;
use crate::wire::TokenBucket;
use crate::wire::intake::Intake;
pub use limits::Limits;
pub use stats::Stats;

/// All spans of the last hour, as far as they fit.
///
/// Shared by the receivers that fill it and the API that asks it. Times of arrival are given by
/// the caller, so that retention can be tested.
pub struct Store {
    limits: Limits,
    index: RwLock<Index>,
    rate: Mutex<TokenBucket>,
    gate: Gate,
    refused_rate: AtomicU64,
    refused_invalid: AtomicU64,
    malformed: AtomicU64,
    too_large: AtomicU64,
    truncated: AtomicU64,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let rate = TokenBucket::new(limits.ingest_bytes_per_second, limits.ingest_burst_bytes);
        Self {
            gate: Gate::new(Intake::new(
                limits.max_http_body_bytes,
                limits.max_http_body_bytes,
                limits.max_decoded_bytes,
            )),
            limits,
            index: RwLock::new(Index::new()),
            rate: Mutex::new(rate),
            refused_rate: AtomicU64::new(0),
            refused_invalid: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            too_large: AtomicU64::new(0),
            truncated: AtomicU64::new(0),
        }
    }

    /// The bounds that this store keeps.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The way in that all receivers share.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Content and counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let index = self.index.read();
        Stats {
            bytes: index.bytes() as u64,
            traces: index.traces() as u64,
            spans_refused_rate: self.refused_rate.load(Ordering::Relaxed),
            spans_refused_invalid: self.refused_invalid.load(Ordering::Relaxed),
            requests_refused_malformed: self.malformed.load(Ordering::Relaxed),
            requests_refused_too_large: self.too_large.load(Ordering::Relaxed),
            attributes_truncated: self.truncated.load(Ordering::Relaxed),
            ..index.stats
        }
    }

    /// Throws away traces that have become too old. Every read and write does so first; call it
    /// now and then when nobody reads or writes.
    pub fn evict_expired(&self, now: SystemTime) {
        if self.index.read().has_older(self.limits.max_age, now) {
            self.index.write().evict_older(self.limits.max_age, now);
        }
    }

    /// All spans of a trace that have arrived so far, grouped and sorted; `None` if there are none.
    #[must_use]
    pub fn trace(&self, id: u128) -> Option<Vec<ResourceSpans>> {
        self.index.read().wire_trace(id)
    }

    /// Counts a request that could not be decoded.
    pub(crate) fn count_malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that was too large to be read.
    pub(crate) fn count_too_large(&self) {
        self.too_large.fetch_add(1, Ordering::Relaxed);
    }

    /// Looks at the traces themselves. The store waits meanwhile, so `look` should be short.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.index.read())
    }

    /// Numbers of traces that may match, newest first; see [`Index::candidates`].
    pub(crate) fn candidates(&self, only: &Candidates<'_>, window: (u64, u64)) -> Vec<Vec<u64>> {
        self.index.read().candidates(only, window)
    }
}
