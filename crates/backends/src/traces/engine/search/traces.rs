//! Searching for traces, and what is told about each.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use prost::Message;

use super::SearchError;
use super::walk::{Part, walk};
use super::wanted::{Request, Wanted, has_tags};
use crate::traces::engine::{
    Patterns, Plan, Required, ShownFields, ShownPlan, Spanset, Subject, Work,
};
use crate::traces::lang::Query;
use crate::traces::store::{Candidates, Store};
use crate::wire::Stop;

/// OTLP's number of the error status.
const STATUS_ERROR: u8 = 2;

/// A trace that was found.
#[derive(Clone, Debug)]
pub struct TraceHit {
    /// The trace's id.
    pub id: u128,
    /// Service of the root span, if that has arrived.
    pub root_service: Option<String>,
    /// Name of the root span, if that has arrived.
    pub root_name: Option<String>,
    /// Earliest start, nanoseconds since the Unix epoch.
    pub start: u64,
    /// Milliseconds from the earliest start to the latest end.
    pub duration_ms: u64,
    /// Matching spansets; empty for a search by tags.
    pub spansets: Vec<SpansetHit>,
    /// Spans by service; empty for a search by tags.
    pub services: BTreeMap<String, ServiceStats>,
}

/// Spans of a trace that matched together.
#[derive(Clone, Debug)]
pub struct SpansetHit {
    /// The first of them.
    pub spans: Vec<SpanHit>,
    /// Number of them.
    pub matched: usize,
    /// Results that the query computed of them.
    pub attributes: Vec<(String, AnyValue)>,
}

/// A span that matched.
#[derive(Clone, Debug)]
pub struct SpanHit {
    /// The span's id.
    pub id: u64,
    /// Its name, if the query mentions it.
    pub name: Option<String>,
    /// Nanoseconds since the Unix epoch.
    pub start: u64,
    /// Nanoseconds.
    pub duration: u64,
    /// Attributes that the query mentions.
    pub attributes: Vec<(String, AnyValue)>,
}

/// Spans of a service in a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceStats {
    /// All of them.
    pub spans: u64,
    /// Those with status error.
    pub errors: u64,
}

/// Finds traces, the newest first.
///
/// Of too many matches Tempo keeps those that it reads first, and so does this: traces that arrived
/// last, within a minute by trace id; with the hint `most_recent` those that started last.
///
/// # Errors
///
/// [`SearchError`] if it takes too long.
pub fn search(store: &Store, request: &Request, stop: &Stop) -> Result<Vec<TraceHit>, SearchError> {
    let work = &Work::new(stop, store.limits().max_query_bytes);
    let hits = match &request.wanted {
        Wanted::Query(query) => by_query(store, request, query, work)?,
        Wanted::Tags {
            tags,
            min_duration_ms,
            max_duration_ms,
        } => {
            let longest = match max_duration_ms {
                0 => u64::MAX,
                ms => ms.saturating_mul(1_000_000),
            };
            let lasting = min_duration_ms.saturating_mul(1_000_000)..=longest;
            by_test(store, request, work, |subject| {
                lasting.contains(&subject.trace.duration()) && has_tags(subject, tags)
            })?
        }
    };
    Ok(hits.newest_first())
}

/// Matches so far, no more than are wanted.
struct Hits<'w> {
    work: &'w Work<'w>,
    limit: usize,
    most_recent: bool,
    found: Vec<TraceHit>,
    /// Of the segment's tail, not yet in order.
    tail: Vec<TraceHit>,
}

impl<'w> Hits<'w> {
    fn new(limit: usize, most_recent: bool, work: &'w Work<'w>) -> Self {
        Self {
            work,
            limit,
            most_recent,
            found: Vec::new(),
            tail: Vec::new(),
        }
    }

    /// Number of traces of a segment to look at in order: enough that a frequent match
    /// fills the answer before the rest has to be seen as a whole.
    fn head(&self) -> usize {
        match self.most_recent {
            true => 0,
            false => self.limit.saturating_mul(16).max(1024),
        }
    }

    fn add(&mut self, part: Part, hit: TraceHit) -> ControlFlow<()> {
        let room = self.limit.saturating_mul(2).saturating_add(64);
        self.work.keeps(hit.bytes());
        if self.most_recent {
            self.found.push(hit);
            if self.found.len() > room {
                self.found.sort_by_key(|hit| Reverse(hit.start));
                drop_behind(&mut self.found, self.limit, self.work);
            }
            return ControlFlow::Continue(());
        }
        if part == Part::Head {
            self.found.push(hit);
            return self.flow();
        }
        self.tail.push(hit);
        if self.tail.len() > room {
            self.tail.sort_by_key(|hit| hit.id);
            drop_behind(&mut self.tail, self.limit, self.work);
        }
        ControlFlow::Continue(())
    }

    fn end_segment(&mut self) -> ControlFlow<()> {
        self.tail.sort_by_key(|hit| hit.id);
        let room = self.limit.saturating_sub(self.found.len());
        drop_behind(&mut self.tail, room, self.work);
        self.found.append(&mut self.tail);
        self.flow()
    }

    fn flow(&self) -> ControlFlow<()> {
        if self.most_recent || self.found.len() < self.limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    fn newest_first(mut self) -> Vec<TraceHit> {
        self.found.sort_by_key(|hit| Reverse(hit.start));
        self.found.truncate(self.limit);
        self.found
    }
}

/// Throws away all but the first hits.
fn drop_behind(hits: &mut Vec<TraceHit>, keep: usize, work: &Work<'_>) {
    let dropped = hits.iter().skip(keep).map(TraceHit::bytes).sum();
    work.drops(dropped);
    hits.truncate(keep);
}

impl TraceHit {
    /// Estimated bytes in memory and in the response.
    fn bytes(&self) -> usize {
        let attributes = |attributes: &[(String, AnyValue)]| -> usize {
            let bytes = |(name, value): &(String, AnyValue)| {
                size_of::<(String, AnyValue)>() + 2 * (name.len() + value.encoded_len())
            };
            attributes.iter().map(bytes).sum()
        };
        let set = |set: &SpansetHit| {
            let spans = set.spans.iter();
            let spans = spans.map(|span| 256 + attributes(&span.attributes));
            size_of::<SpansetHit>() + attributes(&set.attributes) + spans.sum::<usize>()
        };
        let sets: usize = self.spansets.iter().map(set).sum();
        512 + sets + self.services.len() * 128
    }
}

fn by_test<'w>(
    store: &Store,
    request: &Request,
    work: &'w Work<'w>,
    test: impl Fn(&Subject<'_>) -> bool,
) -> Result<Hits<'w>, SearchError> {
    let mut hits = Hits::new(request.limit, false, work);
    let (only, head) = (Candidates::default(), hits.head());
    walk(
        store,
        &only,
        request.window(),
        head,
        work,
        |index, (part, traces)| {
            if part == Part::End {
                return hits.end_segment();
            }
            for trace in traces {
                let subject = Subject::new(&index.dictionary, trace, work);
                if test(&subject) {
                    hits.add(part, trace_hit(&subject))?;
                }
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok(hits)
}

fn by_query<'w>(
    store: &Store,
    request: &Request,
    query: &Query,
    work: &'w Work<'w>,
) -> Result<Hits<'w>, SearchError> {
    let required = Required::new(query);
    let only = required.candidates();
    let shown = ShownFields::new(query);
    let mut patterns = Patterns::new();
    let mut hits = Hits::new(request.limit, query.hints.most_recent, work);
    let head = hits.head();
    walk(
        store,
        &only,
        request.window(),
        head,
        work,
        |index, (part, traces)| {
            if part == Part::End {
                return hits.end_segment();
            }
            let plan = Plan::new(query, &index.dictionary, &mut patterns);
            let show = shown.plan(&index.dictionary, &mut patterns);
            for trace in traces {
                let subject = Subject::new(&index.dictionary, trace, work);
                let spansets = plan.run(&subject);
                if !spansets.is_empty() {
                    hits.add(part, matching_hit(&subject, spansets, &show, request))?;
                }
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok(hits)
}

fn trace_hit(subject: &Subject<'_>) -> TraceHit {
    let (trace, dictionary) = (subject.trace, subject.dictionary);
    let text = |word| dictionary.text(word).to_owned();
    TraceHit {
        id: trace.id,
        root_service: subject.root_service().map(text),
        root_name: subject.root().map(|root| text(root.name)),
        start: trace.start,
        duration_ms: trace.duration() / 1_000_000,
        spansets: Vec::new(),
        services: BTreeMap::new(),
    }
}

fn matching_hit(
    subject: &Subject<'_>,
    spansets: Vec<Spanset>,
    show: &ShownPlan<'_>,
    request: &Request,
) -> TraceHit {
    let (trace, dictionary) = (subject.trace, subject.dictionary);
    let mut hit = trace_hit(subject);
    for span in &trace.spans {
        let service = dictionary.service(span.resource);
        let service = service.map_or("", |word| dictionary.text(word));
        let stats = match hit.services.get_mut(service) {
            Some(stats) => stats,
            None => hit.services.entry(service.to_owned()).or_default(),
        };
        stats.spans += 1;
        stats.errors += u64::from(span.status == STATUS_ERROR);
    }
    let spansets = spansets.into_iter().map(|set| SpansetHit {
        matched: set.spans.len(),
        attributes: set.attributes,
        spans: set
            .spans
            .into_iter()
            .take(request.spans_per_spanset)
            .map(|at| {
                let span = &trace.spans[at];
                let details = show.of(subject, at);
                SpanHit {
                    id: span.id,
                    name: details.name.then(|| dictionary.text(span.name).to_owned()),
                    start: span.start,
                    duration: span.duration(),
                    attributes: details.attributes,
                }
            })
            .collect(),
    });
    hit.spansets = spansets.collect();
    hit
}
