//! The traces themselves with their indexes: by id, by service, by time of arrival.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span as WireSpan};
use prost::Message;

use super::dictionary::Dictionary;
use super::extent::Needs;
use super::span::Word;
use super::trace::Trace;
use crate::traces::{Limits, Stats};

/// Traces that began to arrive within this time make one segment.
const SEGMENT_TIME: Duration = Duration::from_secs(60);

/// Bytes of a trace in the index of one service.
const SERVICE_ENTRY_BYTES: usize = 24;

/// Traces in order of arrival, numbered in that order; the oldest go first.
pub(crate) struct Index {
    pub(crate) dictionary: Dictionary,
    traces: VecDeque<Trace>,
    first: u64,
    by_id: HashMap<u128, u64>,
    by_service: HashMap<Word, BTreeSet<u64>>,
    segments: VecDeque<Segment>,
    trace_bytes: usize,
    service_entries: usize,
    pub(super) stats: Stats,
}

/// Neighbours in arrival, so that a search may pass over those of another time.
struct Segment {
    first: u64,
    opened: SystemTime,
    /// Bounds of all spans that were ever in it, nanoseconds since the Unix epoch.
    start: u64,
    end: u64,
}

/// Index filter: other traces are never visited.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Candidates<'a> {
    /// A span of this service.
    pub(crate) service: Option<&'a str>,
    /// This id.
    pub(crate) trace_id: Option<u128>,
    /// Spans that have this.
    pub(crate) needs: Needs,
}

/// Outcome of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    New,
    Duplicate,
    TraceTooLarge,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            dictionary: Dictionary::new(),
            traces: VecDeque::new(),
            first: 0,
            by_id: HashMap::new(),
            by_service: HashMap::new(),
            segments: VecDeque::new(),
            trace_bytes: 0,
            service_entries: 0,
            stats: Stats::default(),
        }
    }

    /// Bytes that everything takes, estimated.
    pub(super) fn bytes(&self) -> usize {
        self.dictionary.bytes() + self.trace_bytes + self.service_entries * SERVICE_ENTRY_BYTES
    }

    pub(super) fn traces(&self) -> usize {
        self.traces.len()
    }

    /// Adds one span with valid ids, and throws away the oldest traces if there is no room.
    pub(super) fn add(
        &mut self,
        wire: WireSpan,
        (resource, scope): (u32, u32),
        limits: &Limits,
        now: SystemTime,
    ) -> Added {
        let id = trace_number(&wire.trace_id);
        let wire_bytes = wire.encoded_len();
        let number = match self.by_id.get(&id) {
            Some(number) => *number,
            None if wire_bytes > limits.max_bytes_per_trace => return Added::TraceTooLarge,
            None => self.open_trace(id, now),
        };
        let span = self.dictionary.keep(wire, resource, scope);
        let service = self.dictionary.service(resource);
        #[expect(clippy::expect_used, reason = "a trace and its id go together")]
        let trace = self
            .traces
            .get_mut((number - self.first) as usize)
            .expect("an id leads to a trace that is there");
        let refused = if trace.contains(span.id, span.kind) {
            Some(Added::Duplicate)
        } else if trace.wire_bytes + wire_bytes > limits.max_bytes_per_trace {
            Some(Added::TraceTooLarge)
        } else {
            None
        };
        if let Some(refused) = refused {
            self.dictionary.release(&span);
            return refused;
        }

        let before = trace.bytes();
        let at = self.segments.partition_point(|s| s.first <= number);
        if let Some(segment) = at.checked_sub(1).and_then(|at| self.segments.get_mut(at)) {
            segment.start = segment.start.min(span.start);
            segment.end = segment.end.max(span.end);
        }
        if let Some(service) = service
            && !trace.services.contains(&service)
        {
            trace.services.push(service);
            self.by_service.entry(service).or_default().insert(number);
            self.service_entries += 1;
        }
        trace.push(span, wire_bytes);
        self.trace_bytes += trace.bytes() - before;
        self.stats.spans += 1;
        while self.bytes() > limits.max_bytes {
            let Some(spans) = self.evict_oldest() else {
                break;
            };
            self.stats.traces_evicted_by_bytes += 1;
            self.stats.spans_evicted_by_bytes += spans;
        }
        Added::New
    }

    /// Throws away what arrived more than `max_age` ago.
    pub(super) fn evict_older(&mut self, max_age: Duration, now: SystemTime) {
        while self.has_older(max_age, now) {
            let Some(spans) = self.evict_oldest() else {
                break;
            };
            self.stats.traces_evicted_by_age += 1;
            self.stats.spans_evicted_by_age += spans;
        }
    }

    /// True if [`Self::evict_older`] would find anything.
    pub(super) fn has_older(&self, max_age: Duration, now: SystemTime) -> bool {
        let oldest = self.traces.front();
        oldest.is_some_and(|trace| {
            now.duration_since(trace.arrived)
                .is_ok_and(|age| age > max_age)
        })
    }

    fn open_trace(&mut self, id: u128, now: SystemTime) -> u64 {
        let number = self.first + self.traces.len() as u64;
        let trace = Trace::new(id, now);
        self.trace_bytes += trace.bytes();
        self.traces.push_back(trace);
        self.by_id.insert(id, number);
        let open = self.segments.back().is_some_and(|segment| {
            now.duration_since(segment.opened)
                .is_ok_and(|age| age < SEGMENT_TIME)
        });
        if !open {
            self.segments.push_back(Segment {
                first: number,
                opened: now,
                start: u64::MAX,
                end: 0,
            });
        }
        number
    }

    /// Removes the oldest trace and says how many spans it had.
    fn evict_oldest(&mut self) -> Option<u64> {
        let trace = self.traces.pop_front()?;
        let number = self.first;
        self.first += 1;
        self.trace_bytes -= trace.bytes();
        self.by_id.remove(&trace.id);
        for service in &trace.services {
            if let Some(numbers) = self.by_service.get_mut(service) {
                numbers.remove(&number);
                self.service_entries -= 1;
                if numbers.is_empty() {
                    self.by_service.remove(service);
                }
            }
        }
        for span in &trace.spans {
            self.dictionary.release(span);
        }
        while self.segments.len() > 1 && self.segments[1].first <= self.first {
            self.segments.pop_front();
        }
        if self.traces.is_empty() {
            self.segments.clear();
        }
        self.stats.spans -= trace.spans.len() as u64;
        Some(trace.spans.len() as u64)
    }

    /// The trace of a number, unless it has been thrown away since.
    pub(crate) fn trace(&self, number: u64) -> Option<&Trace> {
        let at = number.checked_sub(self.first)?;
        self.traces.get(at as usize)
    }

    /// The trace of an id.
    pub(crate) fn by_id(&self, id: u128) -> Option<&Trace> {
        self.trace(*self.by_id.get(&id)?)
    }

    /// The trace of an id as OTLP messages.
    pub(super) fn wire_trace(&self, id: u128) -> Option<Vec<ResourceSpans>> {
        Some(self.by_id(id)?.wire(&self.dictionary))
    }

    /// Numbers of traces that may be meant and may overlap a window of time (nanoseconds since the
    /// Unix epoch), in segments, the newest segment first.
    pub(super) fn candidates(
        &self,
        only: &Candidates<'_>,
        (start, end): (u64, u64),
    ) -> Vec<Vec<u64>> {
        if let Some(id) = only.trace_id {
            return self.by_id.get(&id).map(|n| vec![*n]).into_iter().collect();
        }
        let of_service = match only.service {
            None => None,
            Some(name) => {
                let word = self.dictionary.find(name);
                match word.and_then(|word| self.by_service.get(&word)) {
                    None => return Vec::new(),
                    found => found,
                }
            }
        };
        let mut upper = self.first + self.traces.len() as u64;
        let mut found = Vec::new();
        for segment in self.segments.iter().rev() {
            let lower = segment.first.max(self.first);
            let range = lower..upper;
            upper = lower;
            if segment.start > end || segment.end < start {
                continue;
            }
            let mut numbers: Vec<u64> = match of_service {
                Some(numbers) => numbers.range(range).copied().collect(),
                None => range.collect(),
            };
            if only.needs != Needs::default() {
                let meets = |trace: &Trace| trace.extent.meets(&only.needs);
                numbers.retain(|number| self.trace(*number).is_some_and(meets));
            }
            found.push(numbers);
        }
        found
    }

    /// Takes the first `head` by trace id, which is how the blocks of Tempo are sorted, out of numbers of traces. Returns
    /// them in that order, and the others in the order in which they were.
    pub(crate) fn split_by_id(&self, numbers: Vec<u64>, head: usize) -> (Vec<u64>, Vec<u64>) {
        if head == 0 {
            return (Vec::new(), numbers);
        }
        let id = |number: &u64| self.trace(*number).map(|trace| trace.id);
        let all: Vec<_> = numbers.iter().map(|number| (id(number), *number)).collect();
        let mut first = all.clone();
        // Most are not sorted: it is enough to know where the others begin.
        let others = (head < first.len()).then(|| *first.select_nth_unstable(head).1);
        first.truncate(head);
        first.sort_unstable();
        let number = |(_, number): (Option<u128>, u64)| number;
        let others = others.into_iter().flat_map(|border| {
            let behind = all.iter().filter(move |one| **one >= border);
            behind.copied().map(number)
        });
        (first.into_iter().map(number).collect(), others.collect())
    }
}

/// The sixteen bytes of a trace id as a number.
fn trace_number(bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .fold(0, |id, byte| (id << 8) | u128::from(*byte))
}
