//! The way in: rate, ids and sizes are checked, then spans are added.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;
use thiserror::Error;

use super::Store;
use super::index::Added;
use crate::wire::{Denied, unix_nanos};

/// Outcome of the spans of one request that was not refused as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Spans that are in the store now, duplicates included.
    pub accepted: u64,
    /// Spans that are not, for their ids or because their trace is too large.
    pub rejected: u64,
    /// Reason for the first rejected span.
    pub message: String,
}

/// Reasons to refuse a request as a whole.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// No span had usable ids.
    #[error("{0}")]
    Invalid(String),
    /// Too much came at once.
    #[error(
        "RATE_LIMITED: ingestion rate limit ({per_second} bytes/s, burst: {burst} bytes) exceeded \
         while adding {bytes} bytes"
    )]
    RateLimited {
        /// Bytes of the request.
        bytes: usize,
        /// Bytes a second on average.
        per_second: u64,
        /// Bytes at once.
        burst: u64,
        /// When to try again; `None` if the request is larger than the burst.
        retry_after: Option<Duration>,
    },
}

impl Store {
    /// Takes in spans that arrive now.
    ///
    /// Spans with impossible ids and spans of too large traces are left out and counted in the
    /// answer; if no span has usable ids the request is refused, as Tempo does.
    ///
    /// # Errors
    ///
    /// [`Refusal`], and then nothing was taken in.
    pub fn push(&self, batches: Vec<ResourceSpans>, now: SystemTime) -> Result<Taken, Refusal> {
        self.push_seen(batches, now, |_, _| {})
    }

    /// As [`Store::push`]; `see` gets the spans and their bytes if they are not refused as a whole.
    pub(crate) fn push_seen(
        &self,
        batches: Vec<ResourceSpans>,
        now: SystemTime,
        see: impl FnOnce(&[ResourceSpans], usize),
    ) -> Result<Taken, Refusal> {
        self.evict_expired(now);
        let spans = || {
            let scopes = batches.iter().flat_map(|batch| &batch.scope_spans);
            scopes.flat_map(|scope| &scope.spans)
        };
        let total = spans().count() as u64;
        let bytes = batches.iter().map(Message::encoded_len).sum();
        self.charge(bytes, total, now)?;

        let mut taken = Taken::default();
        for problem in spans().filter_map(id_problem) {
            taken.rejected += 1;
            if taken.message.is_empty() {
                taken.message = problem;
            }
        }
        self.refused_invalid
            .fetch_add(taken.rejected, Ordering::Relaxed);
        if total > 0 && taken.rejected == total {
            return Err(Refusal::Invalid(taken.message));
        }
        see(&batches, bytes);
        for batch in batches {
            self.add_batch(batch, now, &mut taken);
        }
        Ok(taken)
    }

    fn charge(&self, bytes: usize, spans: u64, now: SystemTime) -> Result<(), Refusal> {
        let denied = match self.rate.lock().take(bytes, unix_nanos(now)) {
            Ok(()) => return Ok(()),
            Err(denied) => denied,
        };
        self.refused_rate.fetch_add(spans, Ordering::Relaxed);
        Err(Refusal::RateLimited {
            bytes,
            per_second: self.limits.ingest_bytes_per_second,
            burst: self.limits.ingest_burst_bytes,
            retry_after: match denied {
                Denied::RetryAfter(wait) => Some(wait),
                Denied::Never => None,
            },
        })
    }

    fn add_batch(&self, mut batch: ResourceSpans, now: SystemTime, taken: &mut Taken) {
        let longest = self.limits.max_attribute_bytes;
        let mut cut = 0;
        if let Some(resource) = &mut batch.resource {
            cut += truncate(&mut resource.attributes, longest);
        }
        let mut index = self.index.write();
        let resource = index.dictionary.intern_resource(&batch);
        for mut scope_spans in batch.scope_spans {
            if let Some(scope) = &mut scope_spans.scope {
                cut += truncate(&mut scope.attributes, longest);
            }
            let scope = index.dictionary.intern_scope(&scope_spans);
            for mut span in scope_spans.spans {
                if id_problem(&span).is_some() {
                    continue;
                }
                cut += truncate_span(&mut span, longest);
                match index.add(span, (resource, scope), &self.limits, now) {
                    Added::New => {
                        index.stats.spans_ingested += 1;
                        taken.accepted += 1;
                    }
                    Added::Duplicate => {
                        index.stats.spans_duplicate += 1;
                        taken.accepted += 1;
                    }
                    Added::TraceTooLarge => {
                        index.stats.spans_refused_trace_too_large += 1;
                        taken.rejected += 1;
                        if taken.message.is_empty() {
                            taken.message = format!(
                                "TRACE_TOO_LARGE: max size of trace ({} bytes) exceeded",
                                self.limits.max_bytes_per_trace
                            );
                        }
                    }
                }
            }
            index.dictionary.release_scope(scope);
        }
        index.dictionary.release_resource(resource);
        self.truncated.fetch_add(cut, Ordering::Relaxed);
    }
}

/// True if a span is not taken for its ids.
pub(crate) fn has_impossible_id(span: &Span) -> bool {
    id_problem(span).is_some()
}

/// Problem of a span's ids, in Tempo's words. An id of zeros counts as none.
fn id_problem(span: &Span) -> Option<String> {
    let bits = |id: &[u8]| {
        if id.iter().all(|b| *b == 0) {
            0
        } else {
            id.len() * 8
        }
    };
    let (trace, own, parent) = (
        bits(&span.trace_id),
        bits(&span.span_id),
        bits(&span.parent_span_id),
    );
    if trace != 128 {
        Some(format!("trace ids must be 128 bit, received {trace} bits"))
    } else if own != 64 {
        Some(format!(
            "span ids must be 64 bit and not all zero, received {own} bits"
        ))
    } else if parent != 64 && parent != 0 {
        Some(format!(
            "parent span ids must be 64 bit or empty, received {parent} bits"
        ))
    } else {
        None
    }
}

fn truncate_span(span: &mut Span, longest: usize) -> u64 {
    let events = span.events.iter_mut().map(|event| &mut event.attributes);
    let links = span.links.iter_mut().map(|link| &mut link.attributes);
    let lists = [&mut span.attributes]
        .into_iter()
        .chain(events)
        .chain(links);
    lists.map(|list| truncate(list, longest)).sum()
}

/// Cuts keys and string values and says how many were cut.
fn truncate(attributes: &mut [KeyValue], longest: usize) -> u64 {
    let mut cut = 0;
    for attribute in attributes {
        cut += u64::from(truncate_text(&mut attribute.key, longest));
        let value = attribute.value.as_mut().and_then(|any| any.value.as_mut());
        if let Some(any_value::Value::StringValue(text)) = value {
            cut += u64::from(truncate_text(text, longest));
        }
    }
    cut
}

fn truncate_text(text: &mut String, longest: usize) -> bool {
    if text.len() <= longest {
        return false;
    }
    text.truncate(text.floor_char_boundary(longest));
    text.shrink_to_fit();
    true
}
