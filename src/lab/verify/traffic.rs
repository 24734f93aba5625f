//! The requests that verification sends itself: three that it follows, then a steady stream so that
//! rates have something to show.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::finding::Finding;
use super::http::{Response, Server};
use crate::lab::excerpt::excerpt;
use crate::lab::open_loop::{OpenLoop, of_turn};
use crate::telemetry::propagation::Told;

/// Time between two requests of the steady stream.
const PACE: Duration = Duration::from_millis(100);

/// Requests of the steady stream that may be open at one time.
const OPEN: usize = 64;

/// Trace ids that are remembered, the newest.
const REMEMBERED: usize = 10_000;

/// Paths of the steady stream. `/chain` is not among them, so that nothing takes the exemplar of
/// the followed one's bucket before it is scraped.
const PATHS: [&str; 7] = [
    "/",
    "/items/1?q=steady",
    "/io_task",
    "/cpu_task",
    "/random_status",
    "/random_sleep",
    "/error_test",
];

/// Stands for the trace id of a request whose response named none. No trace has this id, so a search for it
/// finds nothing.
const NOT_TOLD: &str = "00000000000000000000000000000000";

/// The ids of the traces that responses have named.
pub(super) type Ids = Arc<Mutex<std::collections::VecDeque<String>>>;

fn remember(ids: &Ids, id: &str) {
    let mut ids = ids.lock();
    if ids.len() == REMEMBERED {
        ids.pop_front();
    }
    ids.push_back(id.to_owned());
}

/// The requests that are followed through the lab.
#[derive(Clone, Debug)]
pub(super) struct Followed {
    /// The id of the trace of `/chain`.
    pub chain: String,
    /// That of `/error_test`.
    pub error: String,
    /// That of `/items/{item_id}`.
    pub item: String,
    /// Time at which they were answered.
    pub answered: Instant,
}

/// Sends the requests that are followed, once all instances are ready or `patience` is over.
/// A request that failed is a finding beside them.
pub(super) async fn follow(
    apps: &[Server],
    patience: Duration,
    ids: &Ids,
) -> (Followed, Result<String, Finding>) {
    let deadline = Instant::now() + patience;
    let mut health = Err(Finding::new("an instance of the service", "none is named"));
    for app in apps {
        health = super::wait::until(deadline, async || ready(app).await).await;
        if health.is_err() {
            break;
        }
    }
    let first = &apps[0];
    let ((chain, chained), (error, failed), (item, listed)) = tokio::join!(
        chain(
            first,
            if health.is_ok() {
                deadline
            } else {
                Instant::now()
            },
            ids
        ),
        request(first, "/error_test", 500, ids),
        request(first, "/items/7?q=verify", 200, ids),
    );
    let followed = Followed {
        chain,
        error,
        item,
        answered: Instant::now(),
    };
    let all = health.and(chained).and(failed).and(listed);
    let seen = format!("{} instances", apps.len());
    (followed, all.map(|()| seen))
}

async fn ready(app: &Server) -> Result<(), Finding> {
    let answer = app.get("/readyz", &[]).await?;
    expect(&answer, 200)
}

fn expect(answer: &Response, status: u16) -> Result<(), Finding> {
    if answer.status == status {
        return Ok(());
    }
    let body = excerpt(&answer.body);
    Err(answer.finding(format!(
        "HTTP {} instead of {status}: {body}",
        answer.status
    )))
}

/// `/chain` is tried again while a target is still starting.
async fn chain(app: &Server, deadline: Instant, ids: &Ids) -> (String, Result<(), Finding>) {
    loop {
        let (trace, answered) = request(app, "/chain", 200, ids).await;
        if answered.is_ok() || Instant::now() >= deadline {
            return (trace, answered);
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Sends a request. Gives the id of its trace, and a finding when the response is not as expected or names no
/// trace.
async fn request(
    app: &Server,
    path: &str,
    status: u16,
    ids: &Ids,
) -> (String, Result<(), Finding>) {
    let (answer, told) = match send(app, path, ids).await {
        Ok(answered) => answered,
        Err(finding) => return (NOT_TOLD.to_owned(), Err(finding)),
    };
    match (expect(&answer, status), told) {
        (as_wanted, Some(told)) if told.is_sampled => (told.trace_id, as_wanted),
        (Err(finding), _) => (NOT_TOLD.to_owned(), Err(finding)),
        (Ok(()), told) => {
            let came = match told {
                None => "no traceresponse header, so that its trace is not known",
                Some(_) => "traceresponse says that the trace is not sampled (OTEL_TRACES_SAMPLER)",
            };
            (NOT_TOLD.to_owned(), Err(answer.finding(came)))
        }
    }
}

async fn send(app: &Server, path: &str, ids: &Ids) -> Result<(Response, Option<Told>), Finding> {
    let answer = app.get(path, &[]).await?;
    let told = Told::by(&answer.headers);
    if let Some(told) = &told {
        remember(ids, &told.trace_id);
    }
    Ok((answer, told))
}

/// Sends requests to all routes of all instances until it is dropped.
pub(super) async fn steady(apps: Vec<Server>, ids: Ids) {
    let mut requests = OpenLoop::new(PACE, OPEN);
    loop {
        let Some(turn) = requests.turn().await else {
            continue;
        };
        let (number, path) = of_turn(turn, apps.len(), &PATHS);
        let (app, ids) = (apps[number].clone(), Arc::clone(&ids));
        requests.send(async move {
            // The promises find problems of an instance.
            let _ = send(&app, path, &ids).await;
        });
    }
}
