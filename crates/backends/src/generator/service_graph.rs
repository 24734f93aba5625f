//! The service graph: requests from service to service, their errors, and their times at both ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::attributes::find;
use super::edges::{Connection, Edge, Edges, Upserted};
use super::histogram::{Histogram, Kind};
use super::room::Room;
use super::series::{Counter, Label, Writer, overflow};
use super::{Config, millis};

const REQUESTS: &str = "traces_service_graph_request_total";
const FAILED: &str = "traces_service_graph_request_failed_total";

const BOUNDS: &[f64] = &[0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8];

static SERVER: Kind = Kind {
    bucket: "traces_service_graph_request_server_seconds_bucket",
    sum: "traces_service_graph_request_server_seconds_sum",
    count: "traces_service_graph_request_server_seconds_count",
    bounds: BOUNDS,
};

static CLIENT: Kind = Kind {
    bucket: "traces_service_graph_request_client_seconds_bucket",
    sum: "traces_service_graph_request_client_seconds_sum",
    count: "traces_service_graph_request_client_seconds_count",
    bounds: BOUNDS,
};

/// Series of an edge, the one for failures included.
const SERIES: usize = 2 + 2 * (BOUNDS.len() + 3);

/// Attributes of a span that name the other side, if it sends no spans.
const PEER: [&str; 3] = ["peer.service", "db.name", "db.system"];

/// Attributes that make a request one to a database, and name it if nothing else does.
const DATABASE: [&str; 3] = ["db.namespace", "db.name", "db.system"];

/// A client that is known by nothing but its requests.
const USER: &str = "user";

/// The edges of the graph.
pub(super) struct ServiceGraph {
    edges: Edges,
    all: HashMap<(Arc<str>, Arc<str>, Connection), EdgeSeries>,
    overflow: Option<EdgeSeries>,
    pub(super) stats: EdgeStats,
}

/// Counts of requests.
#[derive(Default)]
pub(super) struct EdgeStats {
    pub(super) edges: u64,
    pub(super) expired: u64,
    pub(super) dropped: u64,
}

/// The series of one edge.
struct EdgeSeries {
    labels: Vec<Label>,
    requests: Counter,
    /// Exists from the first failure on.
    failed: Option<Counter>,
    server: Histogram,
    client: Histogram,
    /// Milliseconds.
    updated: i64,
}

impl ServiceGraph {
    pub(super) fn new(wait: Duration, most: usize) -> Self {
        Self {
            edges: Edges::new(millis(wait), most),
            all: HashMap::new(),
            overflow: None,
            stats: EdgeStats::default(),
        }
    }

    /// Takes a span of a service. `now` is in milliseconds.
    pub(super) fn observe(
        &mut self,
        service: &Arc<str>,
        resource: &Resource,
        span: &Span,
        config: &Config,
        room: &mut Room,
        now: i64,
    ) {
        let kind = SpanKind::try_from(span.kind).unwrap_or(SpanKind::Unspecified);
        let is_client = matches!(kind, SpanKind::Client | SpanKind::Producer);
        if !is_client && !matches!(kind, SpanKind::Server | SpanKind::Consumer) {
            return;
        }
        let queued = matches!(kind, SpanKind::Producer | SpanKind::Consumer);
        let trace = trace_id(span);
        let client_span = match is_client {
            true => &span.span_id,
            false => &span.parent_span_id,
        };
        let key = (trace, span_id(client_span));
        let update = |edge: &mut Edge| {
            edge.trace = trace;
            edge.connection = match queued {
                true => Connection::Messaging,
                false => Connection::Direct,
            };
            edge.failed |= has_failed(span);
            if let Some(peer) = first(&PEER, &[&span.attributes]) {
                edge.peer = text(config, &peer);
            }
            if is_client {
                edge.client = Some(Arc::clone(service));
                edge.client_seconds = seconds(span);
                to_database(edge, resource, span, config);
                return;
            }
            edge.server = Some(Arc::clone(service));
            edge.server_seconds = seconds(span);
            // There is no client span that could come. Tempo waits for one all the same.
            if key.1 == 0 {
                edge.connection = Connection::Virtual;
                let peer = edge.peer.clone();
                edge.client = Some(peer.unwrap_or_else(|| Arc::from(USER)));
            }
        };
        match self.edges.upsert(key, now, update) {
            Upserted::Complete { edge, new } => {
                self.stats.edges += u64::from(new);
                self.count(*edge, room, now);
            }
            Upserted::Waiting { new } => self.stats.edges += u64::from(new),
            Upserted::Full => self.stats.dropped += 1,
        }
    }

    /// Ends the wait of requests whose other span did not come. A client that named its server is counted.
    pub(super) fn expire(&mut self, room: &mut Room, now: i64) {
        while let Some(mut edge) = self.edges.expired(now) {
            if edge.client.is_some() && edge.peer.is_some() {
                edge.connection = Connection::Virtual;
                edge.server = edge.peer.take();
                self.count(edge, room, now);
            } else {
                self.stats.expired += 1;
            }
        }
    }

    fn count(&mut self, edge: Edge, room: &mut Room, now: i64) {
        let (Some(client), Some(server)) = (&edge.client, &edge.server) else {
            unreachable!("only complete edges are counted");
        };
        let key = (Arc::clone(client), Arc::clone(server), edge.connection);
        if let Some(known) = self.all.get_mut(&key) {
            known.count(&edge, room, now);
        } else if room.take(SERIES) {
            let labels = vec![
                ("client", Arc::clone(client)),
                ("server", Arc::clone(server)),
                ("connection_type", Arc::from(edge.connection.name())),
            ];
            let mut series = EdgeSeries::new(labels);
            series.count(&edge, room, now);
            self.all.insert(key, series);
        } else {
            let new = || {
                room.add(SERIES);
                EdgeSeries::new(overflow())
            };
            let shared = self.overflow.get_or_insert_with(new);
            shared.count(&edge, room, now);
        }
    }

    /// Writes the series.
    pub(super) fn write(&mut self, writer: &mut Writer<'_>) {
        for series in self.all.values_mut().chain(&mut self.overflow) {
            series.requests.write(writer, REQUESTS, &series.labels);
            if let Some(failed) = &mut series.failed {
                failed.write(writer, FAILED, &series.labels);
            }
            series.server.write(writer, &series.labels);
            series.client.write(writer, &series.labels);
        }
    }

    /// Drops edges that got no request since a time in milliseconds.
    pub(super) fn drop_stale(&mut self, before: i64, room: &mut Room) {
        if self.overflow.as_ref().is_some_and(|it| it.updated < before) {
            self.overflow = None;
            room.free(SERIES);
        }
        let held = self.all.len();
        self.all.retain(|_, series| series.updated >= before);
        room.free((held - self.all.len()) * SERIES);
    }
}

impl EdgeSeries {
    fn new(labels: Vec<Label>) -> Self {
        Self {
            labels,
            requests: Counter::default(),
            failed: None,
            server: Histogram::new(&SERVER),
            client: Histogram::new(&CLIENT),
            updated: 0,
        }
    }

    fn count(&mut self, edge: &Edge, room: &mut Room, now: i64) {
        self.updated = now;
        self.requests.add(1.0);
        if edge.failed {
            room.has_new |= self.failed.is_none();
            self.failed.get_or_insert_default().add(1.0);
        }
        self.server.observe(edge.server_seconds, edge.trace);
        self.client.observe(edge.client_seconds, edge.trace);
    }
}

/// Completes a request to a database, which sends no spans.
fn to_database(edge: &mut Edge, resource: &Resource, span: &Span, config: &Config) {
    let lists: [&[KeyValue]; 2] = [&resource.attributes, &span.attributes];
    let Some(name) = first(&DATABASE, &lists) else {
        return;
    };
    edge.connection = Connection::Database;
    edge.server_seconds = seconds(span);
    let named = first(&["peer.service", "server.address"], &lists);
    let named = named.or_else(|| {
        let host = find("network.peer.address", &lists)?;
        Some(match find("network.peer.port", &lists) {
            Some(port) => format!("{host}:{port}").into(),
            None => host,
        })
    });
    // An empty name leaves the server unknown.
    if let Some(server) = text(config, &named.unwrap_or(name)) {
        edge.server = Some(server);
    }
}

/// The text of the first of the keys that an attribute has.
fn first<'a>(keys: &[&str], lists: &[&'a [KeyValue]]) -> Option<std::borrow::Cow<'a, str>> {
    keys.iter().find_map(|key| find(key, lists))
}

fn text(config: &Config, text: &str) -> Option<Arc<str>> {
    let cut = config.cut(text);
    (!cut.is_empty()).then(|| Arc::from(cut))
}

fn has_failed(span: &Span) -> bool {
    let code = span.status.as_ref().map(|status| status.code);
    code == Some(StatusCode::Error as i32)
}

/// Seconds from start to end; 0 where a clock ran backwards.
pub(super) fn seconds(span: &Span) -> f64 {
    let nanos = span
        .end_time_unix_nano
        .saturating_sub(span.start_time_unix_nano);
    nanos as f64 / 1e9
}

/// The trace id as a number; ids of another length were refused.
pub(super) fn trace_id(span: &Span) -> u128 {
    span.trace_id
        .as_slice()
        .try_into()
        .map_or(0, u128::from_be_bytes)
}

/// A span id as a number, 0 for none.
fn span_id(id: &[u8]) -> u64 {
    id.try_into().map_or(0, u64::from_be_bytes)
}
