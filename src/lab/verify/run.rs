//! One verification, from the first request to the report.

use std::fmt;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, join_all};
use regex::Regex;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::args::{Lab, UsageError, VerifyArgs};
use super::contract::{self, promise};
use super::http::Server;
use super::promise::{Outcome, Promise, State, attribute};
use super::promises::metrics::Counters;
use super::promises::{
    Attempt, Run, correlations, dashboards, grafana, logs, metrics, now_seconds, traces,
};
use super::report::Report;
use super::sent::Sent;
use super::traffic::{self, Ids};
use super::wait::until;
use crate::lab::provisioning::Provisioning;

/// Time for a server to answer at all.
const REACH: Duration = Duration::from_secs(2);

/// Share of the timeout that instances may take until `/chain` goes through.
const READY_SHARE: u32 = 3;

/// Extra time for the last promise, which is looked at after all others: two scrapes.
const LAST: Duration = Duration::from_secs(10);

/// Reasons for a run without a report.
#[derive(Debug)]
pub enum Stop {
    /// A flag cannot be used.
    Usage(UsageError),
    /// These servers cannot be reached.
    Unreachable(Vec<Unreachable>),
}

/// A server that does not answer at all.
#[derive(Debug)]
pub struct Unreachable {
    /// Name.
    pub name: &'static str,
    /// The flag that moves it.
    pub flag: &'static str,
    /// Where it was looked for.
    pub url: String,
    /// The problem.
    pub problem: String,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => write!(f, "{error}"),
            Self::Unreachable(servers) => {
                for (index, it) in servers.iter().enumerate() {
                    let Unreachable {
                        name,
                        flag,
                        url,
                        problem,
                    } = it;
                    let end = if index == 0 { "" } else { "\n" };
                    write!(
                        f,
                        "{end}{name} is unreachable at {url} ({problem}); {flag} names another address"
                    )?;
                }
                Ok(())
            }
        }
    }
}

impl Stop {
    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let unreachable: Vec<Value> = match self {
            Self::Usage(_) => Vec::new(),
            Self::Unreachable(servers) => servers
                .iter()
                .map(|it| json!({"server": it.name, "flag": it.flag, "url": it.url}))
                .collect(),
        };
        json!({"ok": false, "error": self.to_string(), "unreachable": unreachable})
    }
}

impl From<UsageError> for Stop {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

/// Checks a lab.
///
/// # Errors
/// [`Stop`] when a flag cannot be used or a server cannot be reached at all.
pub async fn run(args: &VerifyArgs) -> Result<Report, Stop> {
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
    let deadline = began + args.timeout;
    let halfway = began + args.timeout / 2;
    let mut report = match earlier {
        Some(sent) => {
            let run = Run {
                lab,
                provisioning,
                sent,
                ids,
                halfway,
                deadline,
            };
            existing(&run, began).await
        }
        None => {
            let seconds = now_seconds();
            let services = service_names(&lab.apps).await;
            // Without a first reading everything counts as lost during this run.
            let before = metrics::counters(&lab.prometheus).await;
            let before = before.map_or_else(|_| Counters::new(), |(_, counters)| counters);
            let patience = args.timeout / READY_SHARE;
            let (followed, answered) = traffic::follow(&lab.apps, patience, &ids).await;
            let sent = Sent {
                chain: followed.chain,
                error: followed.error,
                item: followed.item,
                services,
                began: seconds,
                answered: now_seconds(),
            };
            if let Some(file) = &args.state {
                sent.save(file)?;
            }
            let steady = tokio::spawn(traffic::steady(lab.apps.clone(), ids.clone()));
            let run = Run {
                lab,
                provisioning,
                sent,
                ids,
                halfway,
                deadline,
            };
            let apps = outcome(promise(contract::APPS), began, followed.answered, answered);
            let report = fresh(&run, &args.servers_log, apps, &before, followed.answered).await;
            steady.abort();
            report
        }
    };
    attribute(&mut report.outcomes);
    report
        .outcomes
        .sort_by_key(|outcome| contract::position(&outcome.promise.id));
    report.took = began.elapsed();
    Ok(report)
}

/// Every promise, for requests that were just answered.
async fn fresh(
    run: &Run,
    servers_log: &[String],
    apps: Outcome,
    before: &Counters,
    answered: Instant,
) -> Report {
    let watch = |id: &str| Watch {
        promise: promise(id),
        run,
        since: answered,
    };
    let mut all: Vec<LocalBoxFuture<'_, Outcome>> = vec![
        Box::pin(watch(contract::TARGETS).on(async || metrics::targets(run).await)),
        Box::pin(watch(contract::EXEMPLAR).on(async || metrics::exemplar(run).await)),
        Box::pin(watch(contract::BY_SERVICE).on(async || traces::search_by_service(run).await)),
        Box::pin(watch(contract::BY_ROUTE).on(async || traces::search_by_route(run).await)),
        Box::pin(watch(contract::BY_ERROR).on(async || traces::search_by_error(run).await)),
        Box::pin(watch(contract::BY_DURATION).on(async || traces::search_by_duration(run).await)),
        Box::pin(watch(contract::COUNTED).on(async || traces::counted(run).await)),
        Box::pin(
            watch(contract::METRIC_TO_TRACE).on(async || correlations::metric_to_trace(run).await),
        ),
    ];
    all.extend(lasting(run, answered));
    for (file, content) in &run.provisioning.dashboards {
        let watch = Watch {
            promise: contract::dashboard(file),
            run,
            since: answered,
        };
        all.push(Box::pin(async move {
            let mut check = dashboards::Check::new(file, content);
            watch.on(async || check.attempt(run).await).await
        }));
    }
    if !servers_log.is_empty() {
        let watch = watch(contract::SERVERS);
        all.push(Box::pin(
            watch.on(async || logs::of_servers(run, servers_log).await),
        ));
    }
    if let Some(grafana) = &run.lab.grafana {
        all.push(Box::pin(
            watch(contract::GRAFANA).on(async || grafana::health(grafana).await),
        ));
        all.push(Box::pin(
            watch(contract::GRAFANA_SOURCES).on(async || grafana::data_sources(run, grafana).await),
        ));
        all.push(Box::pin(
            watch(contract::GRAFANA_DASHBOARDS)
                .on(async || grafana::dashboards(run, grafana).await),
        ));
    }
    let first_seen = async {
        let _ = until(run.deadline, async || {
            metrics::nothing_lost(run, before).await
        })
        .await;
        Instant::now()
    };
    let (others, first_seen) = tokio::join!(join_all(all), first_seen);
    let mut outcomes = vec![apps];
    outcomes.extend(others);
    // Once more, so that it covers all that was sent meanwhile.
    let deadline = run.deadline.max(Instant::now() + LAST);
    let lost = until(deadline, async || metrics::nothing_lost(run, before).await).await;
    let now = if lost.is_ok() {
        first_seen
    } else {
        Instant::now()
    };
    outcomes.push(outcome(
        promise(contract::NOTHING_LOST),
        answered,
        now,
        lost,
    ));
    Report {
        outcomes,
        trace_id: run.sent.chain.clone(),
        took: Duration::ZERO,
    }
}

/// The promises about what must still be found later.
async fn existing(run: &Run, began: Instant) -> Report {
    Report {
        outcomes: join_all(lasting(run, began)).await,
        trace_id: run.sent.chain.clone(),
        took: Duration::ZERO,
    }
}

/// The promises that hold as long as traces and logs are kept.
fn lasting(run: &Run, since: Instant) -> Vec<LocalBoxFuture<'_, Outcome>> {
    let watch = |id: &str| Watch {
        promise: promise(id),
        run,
        since,
    };
    vec![
        Box::pin(watch(contract::TRACE).on(async || traces::whole(run).await)),
        Box::pin(watch(contract::EXCEPTION).on(async || traces::exception(run).await)),
        Box::pin(watch(contract::LINES).on(async || logs::lines(run).await)),
        Box::pin(watch(contract::LABELS).on(async || logs::labels(run).await)),
        Box::pin(watch(contract::MULTILINE).on(async || logs::multiline(run).await)),
        Box::pin(
            watch(contract::TRACE_TO_LOGS).on(async || correlations::trace_to_logs(run).await),
        ),
        Box::pin(watch(contract::LOG_TO_TRACE).on(async || correlations::log_to_trace(run).await)),
    ]
}

/// A promise that is waited for.
struct Watch<'a> {
    promise: Promise,
    run: &'a Run,
    since: Instant,
}

impl Watch<'_> {
    async fn on(self, attempt: impl AsyncFnMut() -> Attempt) -> Outcome {
        let result = until(self.run.deadline, attempt).await;
        outcome(self.promise, self.since, Instant::now(), result)
    }
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

/// Finds out which servers do not answer at all. Of the instances one is enough: that the others
/// are missing is a promise that is not kept.
async fn reach(lab: &Lab, patience: Duration) -> Result<(), Stop> {
    let deadline = Instant::now() + patience;
    let mut backends = vec![
        ("Tempo", "--tempo", &lab.tempo, "/ready"),
        ("Loki", "--loki", &lab.loki, "/ready"),
        ("Prometheus", "--prometheus", &lab.prometheus, "/-/ready"),
    ];
    backends.extend(
        lab.grafana
            .as_ref()
            .map(|grafana| ("Grafana", "--grafana", grafana, "/api/health")),
    );
    let backends = backends
        .into_iter()
        .map(async |(name, flag, server, path)| {
            let problem = answers(server, path, deadline).await.err()?;
            Some(Unreachable {
                name,
                flag,
                url: server.base().to_owned(),
                problem,
            })
        });
    let apps = lab.apps.iter().map(async |app| {
        let problem = answers(app, "/livez", deadline).await.err()?;
        Some(Unreachable {
            name: "The service",
            flag: "--app",
            url: app.base().to_owned(),
            problem,
        })
    });
    let (backends, apps) = tokio::join!(join_all(backends), join_all(apps));
    let mut unreachable: Vec<Unreachable> = backends.into_iter().flatten().collect();
    if apps.iter().all(Option::is_some) {
        unreachable.extend(apps.into_iter().flatten());
    }
    match unreachable.is_empty() {
        true => Ok(()),
        false => Err(Stop::Unreachable(unreachable)),
    }
}

/// Any status is an answer.
async fn answers(server: &Server, path: &str, deadline: Instant) -> Result<(), String> {
    let answer = until(deadline, async || server.get(path, &[]).await).await;
    answer.map(drop).map_err(|finding| finding.came)
}

/// The names that the instances give themselves. One that does not answer gets the name that the
/// contract has for its place.
async fn service_names(apps: &[Server]) -> Vec<String> {
    let names = join_all(apps.iter().map(own_name)).await;
    let default = |index: usize| {
        let letter = char::from(b'a' + u8::try_from(index % 26).unwrap_or(0));
        format!("app-{letter}")
    };
    let named = names.into_iter().enumerate();
    named
        .map(|(index, name)| name.unwrap_or_else(|| default(index)))
        .collect()
}

async fn own_name(app: &Server) -> Option<String> {
    let deadline = Instant::now() + REACH;
    let page = timeout_at(deadline, app.get("/metrics", &[]))
        .await
        .ok()?
        .ok()?;
    let info = Regex::new("(?m)^salvo_app_info\\{(?:.*,)?app_name=\"([^\"]+)\"").ok()?;
    info.captures(&page.body).map(|found| found[1].to_owned())
}
