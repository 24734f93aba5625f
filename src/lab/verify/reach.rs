//! Finds out before anything is checked which servers do not answer at all. A run that cannot begin has no
//! report: it ends with [`Stop`].

use std::fmt;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::args::{Lab, UsageError};
use super::http::Server;
use super::wait::until;
use crate::lab::command::Failure;

/// Reasons for a run without a report.
#[derive(Debug)]
pub(super) enum Stop {
    /// A flag cannot be used.
    Usage(UsageError),
    /// These servers cannot be reached.
    Unreachable(Vec<Unreachable>),
}

/// A server that does not answer at all.
#[derive(Debug)]
pub(super) struct Unreachable {
    /// Name.
    pub name: &'static str,
    /// The flag that moves it.
    pub flag: &'static str,
    /// Its URL.
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

impl Failure for Stop {
    fn json(&self) -> Value {
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

/// Waits at most `patience` for each server to answer. Of the instances one is enough: that the others are
/// missing is a promise that is not kept.
///
/// # Errors
/// [`Stop::Unreachable`].
pub(super) async fn reach(lab: &Lab, patience: Duration) -> Result<(), Stop> {
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
    backends.extend(
        lab.otlp
            .as_ref()
            .map(|otlp| ("What takes OTLP", "--otlp", otlp, "/")),
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
