//! Faults of a request's own work: it takes longer, blocks its thread, hangs, fails, or keeps memory.
//!
//! What takes time does so in a span of the work, as a lookup or a computation has one. While a fault of a route is in
//! force, each request to the route has that span, concerned or not, with what the fault tells requests apart by as
//! attributes: so they can be compared.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use salvo::{Depot, Request};
use tokio::runtime::Handle;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::calls::{Call, Calls};
use super::condition::Key;
use super::kind::{Kind, Mishap, Place};
use super::running::{self, Running};
use super::{KnownRoute, Wait};

/// The span of the work of a route that is not among the known ones.
const OTHER_WORK: &str = "page.render";

/// Most bytes of an attribute that a client chose.
const MAX_TEXT: usize = 1024;

/// Time after which work that blocks a thread looks if its fault has ended.
const LOOK: Duration = Duration::from_millis(10);

static ROUTES: OnceLock<&'static [KnownRoute]> = OnceLock::new();

/// The routes of the service.
pub(super) fn know(routes: &'static [KnownRoute]) {
    let _ = ROUTES.set(routes);
}

/// A request that fails.
#[derive(Debug)]
pub(crate) struct Failing {
    /// Status of the response.
    pub(crate) status: u16,
    /// The error.
    pub(crate) mishap: Mishap,
    /// Its text, if not the usual one.
    pub(crate) message: Option<String>,
}

/// A fault that concerns a request, and the request's number.
type Hit = (Arc<Running>, u64);

/// See [`super::before`].
#[cold]
pub(super) fn before(req: &Request, depot: &mut Depot) -> Option<Wait<Option<Failing>>> {
    let template = format!("/{}", req.matched_path());
    let mut calls = Vec::new();
    let mut hits = Vec::new();
    let mut keys = BTreeMap::new();
    let mut has_span = false;
    running::for_each(|running| {
        let fault = &running.fault;
        let place = fault.kind.place();
        let is_of_route = fault.routes.is_empty() || fault.routes.contains(&template);
        if !is_of_route || !matches!(place, Place::Request | Place::Calls) {
            return;
        }
        let values: Vec<_> = fault.when.keys().map(|key| (key, key.of(req))).collect();
        let is_meant = values
            .iter()
            .zip(fault.when.values())
            .all(|((_, value), wanted)| value.as_deref() == Some(wanted));
        let hit = match is_meant {
            true => running.hits().map(|request| (Arc::clone(running), request)),
            false => None,
        };
        match (&fault.kind, place) {
            (
                Kind::Leak {
                    bytes_per_request,
                    max_mib,
                },
                _,
            ) => {
                if hit.is_some() {
                    let most = (*max_mib as usize) << 20;
                    running.leak.grow(*bytes_per_request as usize, most);
                }
            }
            (_, Place::Calls) => calls.extend(hit.map(|(fault, request)| Call { fault, request })),
            _ => {
                has_span = true;
                let values = values.into_iter();
                keys.extend(values.filter_map(|(key, value)| Some((key.clone(), value?))));
                hits.extend(hit);
            }
        }
    });
    if !calls.is_empty() {
        depot.insert_typed(Calls::new(calls));
    }
    has_span.then(|| {
        let params = req.params().iter();
        let params = params.map(|(name, value)| (Key::Param(name.clone()), value.clone()));
        keys.extend(params);
        let span = work_span(&template);
        for (key, value) in &keys {
            let end = value.floor_char_boundary(MAX_TEXT);
            span.set_attribute(key.attribute(), value[..end].to_owned());
        }
        Box::pin(work(hits).instrument(span)) as Wait<_>
    })
}

/// The span of the work of a route.
fn work_span(template: &str) -> Span {
    let known = ROUTES.get().into_iter().copied().flatten();
    let name = known
        .filter(|(route, _)| *route == template)
        .map(|(_, work)| *work)
        .next()
        .unwrap_or(OTHER_WORK);
    info_span!(
        "work",
        otel.name = name,
        otel.kind = "internal",
        otel.status_code = Empty
    )
}

async fn work(hits: Vec<Hit>) -> Option<Failing> {
    for (running, request) in hits {
        if running.is_over() {
            continue;
        }
        match &running.fault.kind {
            Kind::Latency { ms, jitter_ms } => {
                let time = running.delay(request, *ms, *jitter_ms);
                running.sleep(time).await;
            }
            Kind::Blocking { ms } => block_all(&running, Duration::from_millis(*ms)),
            Kind::Deadlock {} => running.over().await,
            Kind::Error {
                status,
                exception,
                message,
            } => {
                Span::current().record("otel.status_code", "ERROR");
                return Some(Failing {
                    status: *status,
                    mishap: *exception,
                    message: message.clone(),
                });
            }
            _ => {}
        }
    }
    None
}

/// Keeps all threads of the runtime, as work does that is spread over them; so every other request waits, on a machine
/// with many processors as on one with few.
fn block_all(running: &Arc<Running>, time: Duration) {
    let end = Instant::now() + time;
    let runtime = Handle::current();
    // One more than there are other threads: the last one spawned may be left to this thread, and ends at once.
    for _ in 0..runtime.metrics().num_workers() {
        let running = Arc::clone(running);
        runtime.spawn(async move { block(&running, end) });
    }
    block(running, end);
}

/// Keeps this thread.
fn block(running: &Running, end: Instant) {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || running.is_over() {
            return;
        }
        thread::sleep(left.min(LOOK));
    }
}
