//! Tempo's metrics generator: spans that come in become a service graph and span metrics, written to the
//! embedded Prometheus.
//!
//! * [`Generator`]: takes spans, and writes series at an interval
//! * `span_metrics`: calls, latency and size by service, name, kind and status
//! * `service_graph`: requests between services, from the two spans of each; `edges`: spans that wait for the other
//! * `series`, `histogram`: counters and histograms, and how they are written; `room`: the bound on series
//!
//! Names, labels, buckets and exemplars are those of Tempo 2.10 with its default settings
//! (<https://grafana.com/docs/tempo/latest/metrics-generator/>).

mod attributes;
mod collection;
mod config;
mod edges;
mod histogram;
mod room;
mod series;
mod service_graph;
mod span_metrics;
mod stats;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use parking_lot::Mutex;

pub use collection::Collection;
pub use config::Config;
pub use stats::Stats;

use crate::metrics::Store;
use crate::wire::unix_nanos;
use attributes::find;
use room::Room;
use series::Writer;
use service_graph::ServiceGraph;
use span_metrics::SpanMetrics;

/// Aggregates spans into series of a store. Spans are aggregated by whoever brings them, a batch under one lock, so
/// there is no queue that could grow or overflow; series are written by a [`Collection`].
pub struct Generator {
    config: Config,
    store: Arc<Store>,
    state: Mutex<State>,
}

struct State {
    spans: SpanMetrics,
    graph: ServiceGraph,
    room: Room,
    /// Milliseconds; when all series were written last.
    collected: i64,
    stats: Stats,
}

impl Generator {
    /// A generator that writes into `store`.
    #[must_use]
    pub fn new(config: Config, store: Arc<Store>) -> Self {
        let state = State {
            spans: SpanMetrics::default(),
            graph: ServiceGraph::new(config.edge_wait, config.max_edges),
            room: Room::new(config.max_active_series),
            collected: 0,
            stats: Stats::default(),
        };
        Self {
            state: Mutex::new(state),
            config,
            store,
        }
    }

    /// The numbers of now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let state = self.state.lock();
        let room = &state.room;
        Stats {
            active_series: room.active() as u64,
            max_active_series: self.config.max_active_series as u64,
            series_added: room.added,
            series_removed: room.removed,
            series_limited: room.limited,
            edges: state.graph.stats.edges,
            edges_expired: state.graph.stats.expired,
            spans_dropped_by_edges: state.graph.stats.dropped,
            ..state.stats.clone()
        }
    }

    /// Counts spans that arrive at `now` in a request of so many `bytes`. Those that ended too long ago, and those
    /// that `ignored` names, are left out.
    pub fn observe(
        &self,
        batches: &[ResourceSpans],
        bytes: usize,
        ignored: impl Fn(&Span) -> bool,
        now: SystemTime,
    ) {
        let now = unix_nanos(now);
        let slack = i64::try_from(self.config.slack.as_nanos()).unwrap_or(i64::MAX);
        let timely = |span: &Span| {
            let end = i64::try_from(span.end_time_unix_nano).unwrap_or(i64::MAX);
            (now.saturating_sub(slack)..=now.saturating_add(slack)).contains(&end)
        };
        let nothing = Resource::default();
        let mut state = self.state.lock();
        let state = &mut *state;
        state.stats.bytes_received += bytes as u64;
        for batch in batches {
            let resource = batch.resource.as_ref().unwrap_or(&nothing);
            let named = find("service.name", &[&resource.attributes]);
            let service = Arc::<str>::from(self.config.cut(named.as_deref().unwrap_or_default()));
            let spans = batch.scope_spans.iter().flat_map(|scope| &scope.spans);
            for span in spans.filter(|span| !ignored(span)) {
                state.stats.spans_received += 1;
                if !timely(span) {
                    state.stats.spans_outside_slack += 1;
                    continue;
                }
                let millis = now / 1_000_000;
                let room = &mut state.room;
                state
                    .spans
                    .observe(&service, span, &self.config, room, millis);
                if !service.is_empty() {
                    state
                        .graph
                        .observe(&service, resource, span, &self.config, room, millis);
                }
            }
        }
    }

    /// Called often, once a second or so: writes new series at once and all series at the interval, and drops what
    /// has expired. `now` is the clock in milliseconds.
    pub fn tick(&self, now: i64) {
        let mut state = self.state.lock();
        let state = &mut *state;
        state.graph.expire(&mut state.room, now);
        let due = now - state.collected >= millis(self.config.collection_interval);
        if !due && !state.room.has_new {
            return;
        }
        state.room.has_new = false;
        let mut writer = Writer::new(&self.store, &self.config, now, due);
        state.spans.write(&mut writer);
        state.graph.write(&mut writer);
        state.stats.collections += 1;
        state.stats.collections_failed += u64::from(writer.refused);
        if due {
            state.collected = now;
            let before = now - millis(self.config.stale_after);
            state.spans.drop_stale(before, &mut state.room);
            state.graph.drop_stale(before, &mut state.room);
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
