//! Waits until new requests are seen everywhere: traces in Tempo, lines in Loki, all instances in Prometheus.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::Request;
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::sleep;

use super::load::{LINES, get};
use super::stage::Stage;
use crate::client::{Bounds, Client, Size};
use lab_backends::metrics::now_ms;

/// Time in which the lab has to recover.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Bounds of one query.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(2),
    size: Size::Whole(4 << 20),
};

/// The end of a fault's effects.
pub(super) struct Recovery {
    /// Time that it took.
    pub(super) took: Duration,
    /// What was still missing at the end of the time; empty if nothing.
    pub(super) missing: Vec<&'static str>,
    /// Requests that were sent to each instance to see it.
    pub(super) answered: Vec<u64>,
    pub(super) failed: Vec<u64>,
}

/// Sends a request to each instance and waits until its trace and its line are found, and until all instances
/// are scraped again.
pub(super) async fn wait(stage: &Stage) -> Recovery {
    let (began, since) = (Instant::now(), now_ms());
    let late = || began.elapsed() >= LIMIT;
    let targets = stage.targets();
    let mut recovery = Recovery {
        took: Duration::ZERO,
        missing: Vec::new(),
        answered: vec![0; targets.len()],
        failed: vec![0; targets.len()],
    };
    let mut traces = Vec::new();
    for (number, target) in targets.into_iter().enumerate() {
        loop {
            let trace_id = format!("{:032x}", rand::random_range(1..u128::MAX));
            if get(&stage.client, target, "/items/1", Some(&trace_id)).await {
                recovery.answered[number] += 1;
                traces.push(trace_id);
                break;
            }
            recovery.failed[number] += 1;
            if late() {
                recovery.missing.push("a response of each instance");
                break;
            }
            sleep(PAUSE).await;
        }
    }
    // The further instance's lines are lost by design.
    let logged = traces[..traces.len().min(super::fault::APPS)].to_vec();
    let (client, servers) = (&stage.client, &stage.servers);
    until(&mut traces, late, |id| {
        found(client, servers.tempo, format!("/api/traces/{id}"), "spanId")
    })
    .await;
    let mut lines = logged;
    until(&mut lines, late, |id| {
        let query = format!("{{compose_project=\"salvo-observability\"}} |= \"{id}\"");
        let query = utf8_percent_encode(&query, NON_ALPHANUMERIC);
        let path = format!("/loki/api/v1/query_range?query={query}");
        found(client, servers.loki, path, LINES[1])
    })
    .await;
    while !stage.scraping.is_fresh(since) && !late() {
        sleep(PAUSE).await;
    }
    recovery.took = began.elapsed();
    for (is_missing, what) in [
        (!traces.is_empty(), "a trace in Tempo"),
        (!lines.is_empty(), "a line in Loki"),
        (!stage.scraping.is_fresh(since), "a scrape of each instance"),
    ] {
        if is_missing {
            recovery.missing.push(what);
        }
    }
    recovery
}

/// Waits until each id is found, and takes those out that are.
async fn until<F: Future<Output = bool>>(
    ids: &mut Vec<String>,
    late: impl Fn() -> bool,
    found: impl Fn(String) -> F,
) {
    while let Some(id) = ids.last() {
        if found(id.clone()).await {
            ids.pop();
        } else if late() {
            return;
        } else {
            sleep(PAUSE).await;
        }
    }
}

/// True if a server answers with status 200 and `part`.
async fn found(client: &Client, server: SocketAddr, path: String, part: &str) -> bool {
    let request = Request::get(format!("http://{server}{path}")).body(Full::default());
    let Ok(request) = request else {
        return false;
    };
    let response = client.exchange(request, BOUNDS).await;
    response.is_ok_and(|response| {
        let body = String::from_utf8_lossy(response.body()).into_owned();
        response.status().is_success() && body.contains(part)
    })
}
