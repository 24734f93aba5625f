//! One verification, from the first request to the report.

use std::time::Duration;

use futures_util::future::{LocalBoxFuture, join_all};
use tokio::time::Instant;

use super::args::{UsageError, VerifyArgs};
use super::contract::{self, ROWS, Row, When};
use super::otlp;
use super::promise::{Outcome, Promise, State, attribute};
use super::promises::{Attempt, Run, dashboards};
use super::reach::{Stop, reach};
use super::report::Report;
use super::send::{READY_SHARE, Requests};
use super::sent::Sent;
use super::traffic::{self, Ids};
use super::wait::until;
use crate::lab::provisioning::Provisioning;

/// Time for a server to answer at all.
const REACH: Duration = Duration::from_secs(2);

/// Time for the promises that are checked once more at the end: two scrapes.
const LAST: Duration = Duration::from_secs(10);

/// Checks a lab.
///
/// # Errors
/// [`Stop`] when a flag cannot be used or a server cannot be reached at all.
pub(super) async fn run(args: &VerifyArgs) -> Result<Report, Stop> {
    let began = Instant::now();
    let lab = args.lab()?;
    let provisioning = Provisioning::load(args.etc.as_deref(), args.dashboards.as_deref())
        .map_err(UsageError::from)?;
    let earlier = match (&args.state, args.existing) {
        (Some(file), true) => Some(Sent::load(file)?),
        _ => None,
    };
    reach(&lab, args.timeout.min(REACH)).await?;

    let ids = Ids::default();
    let is_earlier = earlier.is_some();
    let requests = match earlier {
        Some(sent) => Requests::earlier(sent),
        None if args.no_apps => Requests::none(),
        None => Requests::send(args, &lab, &ids).await?,
    };
    let otlp = match &lab.otlp {
        Some(receiver) if !is_earlier => {
            Some(otlp::Sent::send(receiver, args.timeout / READY_SHARE).await)
        }
        _ => None,
    };
    let answered = requests.at;
    let run = Run {
        lab,
        provisioning,
        sent: requests.sent,
        answered: requests.answered,
        before: requests.before,
        otlp,
        servers_log: args.servers_log.clone(),
        ids,
        halfway: began + args.timeout / 2,
        deadline: began + args.timeout,
    };
    let mut outcomes = if is_earlier {
        existing(&run, began).await
    } else {
        let has_apps = !run.lab.apps.is_empty();
        let steady =
            has_apps.then(|| tokio::spawn(traffic::steady(run.lab.apps.clone(), run.ids.clone())));
        let outcomes = fresh(&run, began, answered).await;
        if let Some(steady) = steady {
            steady.abort();
        }
        outcomes
    };
    attribute(&mut outcomes);
    outcomes.sort_by_key(|outcome| contract::position(&outcome.promise.id));
    Ok(Report {
        outcomes,
        trace_id: match run.otlp {
            Some(otlp) if run.lab.apps.is_empty() => otlp.trace_id,
            _ => run.sent.chain,
        },
        took: began.elapsed(),
    })
}

/// The promises about what must still be found later.
async fn existing(run: &Run, began: Instant) -> Vec<Outcome> {
    let lasting = ROWS.iter().filter(|row| row.when == When::Lasting);
    join_all(lasting.map(|row| watch(run, row, began))).await
}

/// Every promise, for requests that were just answered.
async fn fresh(run: &Run, began: Instant, answered: Instant) -> Vec<Outcome> {
    let has_apps = !run.lab.apps.is_empty();
    let rows = |when| ROWS.iter().filter(move |row| has_apps && row.when == when);
    let mut outcomes = Vec::new();
    for row in rows(When::Sent) {
        let result = (row.attempt)(run).await;
        outcomes.push(outcome(row.promise(), began, answered, result));
    }
    let mut others: Vec<LocalBoxFuture<'_, Outcome>> = Vec::new();
    for row in ROWS.iter().filter(|row| is_watched(run, row.when)) {
        others.push(Box::pin(watch(run, row, answered)));
    }
    let dashboards = run.provisioning.dashboards.iter().filter(|_| has_apps);
    for (file, content) in dashboards {
        others.push(Box::pin(watch_dashboard(run, file, content, answered)));
    }
    let last = join_all(rows(When::Last).map(async |row| {
        let _ = until(run.deadline, async || (row.attempt)(run).await).await;
        (row, Instant::now())
    }));
    let (others, last) = tokio::join!(join_all(others), last);
    outcomes.extend(others);
    for (row, first_seen) in last {
        // Once more, so that it covers all that was sent meanwhile.
        let deadline = run.deadline.max(Instant::now() + LAST);
        let result = until(deadline, async || (row.attempt)(run).await).await;
        let now = if result.is_ok() {
            first_seen
        } else {
            Instant::now()
        };
        outcomes.push(outcome(row.promise(), answered, now, result));
    }
    outcomes
}

/// True for the promises that this run waits for, all at the same time.
fn is_watched(run: &Run, when: When) -> bool {
    match when {
        When::Fresh | When::Lasting => !run.lab.apps.is_empty(),
        When::Otlp => run.otlp.is_some(),
        When::ServersLog => !run.servers_log.is_empty(),
        When::Grafana => run.lab.grafana.is_some(),
        When::Sent | When::Last => false,
    }
}

/// Waits until a promise is kept or the time is over.
async fn watch(run: &Run, row: &Row, since: Instant) -> Outcome {
    let result = until(run.deadline, async || (row.attempt)(run).await).await;
    outcome(row.promise(), since, Instant::now(), result)
}

/// As [`watch`], for a dashboard. Queries that have given data are not sent again.
async fn watch_dashboard(
    run: &Run,
    file: &str,
    content: &serde_json::Value,
    since: Instant,
) -> Outcome {
    let mut check = dashboards::Check::new(file, content);
    let result = until(run.deadline, async || check.attempt(run).await).await;
    outcome(contract::dashboard(file), since, Instant::now(), result)
}

fn outcome(promise: Promise, since: Instant, now: Instant, result: Attempt) -> Outcome {
    let took = now.saturating_duration_since(since);
    let state = match result {
        Ok(seen) => State::Kept { after: took, seen },
        Err(finding) => State::Broken {
            waited: took,
            finding,
            follows: None,
        },
    };
    Outcome { promise, state }
}
