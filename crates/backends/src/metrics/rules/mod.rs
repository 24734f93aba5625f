//! Recording and alerting rules, as Prometheus evaluates them.
//!
//! - [`mod@file`] reads a rule file and checks it
//! - a [`group`] evaluates its rules one after the other, at times that lie an interval apart
//! - [`alerting`] keeps the state of the alerts, whose labels and annotations are templates ([`expand`])
//! - [`Evaluator`] runs all groups; what they compute goes to the store like any sample

mod alerting;
mod expand;
mod file;
mod functions;
mod group;
mod humanize;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;

pub(crate) use alerting::{Alert, State};
pub use file::RuleError;
pub(crate) use group::{Group, Kind, Rule};

use super::engine::QueryLimits;
use super::store::Store;

/// The rules of a file, with what is known of them.
#[derive(Debug, Default)]
pub struct Rules {
    /// Sorted by name.
    groups: Vec<Arc<Group>>,
    /// Where a user reaches the server, for templates.
    external_url: String,
}

impl Rules {
    /// Reads a rule file. `interval` is that of a group that says none, `external_url` is where a user reaches the
    /// server.
    ///
    /// # Errors
    /// [`RuleError`], which names the group and the rule.
    pub fn parse(
        path: &str,
        yaml: &str,
        interval: Duration,
        external_url: &str,
    ) -> Result<Self, RuleError> {
        let mut groups = file::parse(path, yaml, interval)?;
        groups.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Self {
            groups: groups.into_iter().map(Arc::new).collect(),
            external_url: external_url.to_owned(),
        })
    }

    pub(crate) fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// Evaluates every group once, as of `time` (milliseconds).
    pub fn evaluate(&self, store: &Store, limits: &QueryLimits, time: i64) {
        for group in &self.groups {
            group.evaluate(store, limits, &self.external_url, time);
        }
    }
}

/// The running evaluations. They end when this is dropped.
#[derive(Debug)]
pub struct Evaluator {
    tasks: JoinSet<()>,
}

impl Evaluator {
    /// Starts evaluating, one task a group. Must be called inside a Tokio runtime.
    pub fn start(store: &Arc<Store>, rules: &Rules, limits: &QueryLimits) -> Self {
        let mut tasks = JoinSet::new();
        for group in &rules.groups {
            let (group, store, limits) = (group.clone(), store.clone(), limits.clone());
            let external_url = rules.external_url.clone();
            tasks.spawn(async move {
                let mut last = i64::MIN;
                loop {
                    let (time, wait) = group.next_slot(since_epoch(), last);
                    tokio::time::sleep(wait).await;
                    last = time;
                    let (group, store) = (group.clone(), store.clone());
                    let (limits, url) = (limits.clone(), external_url.clone());
                    let work = move || group.evaluate(&store, &limits, &url, time);
                    // A panic shows on standard error; the next evaluation is tried all the same.
                    let _panicked = tokio::task::spawn_blocking(work).await;
                }
            });
        }
        Self { tasks }
    }

    /// Ends all evaluations and waits until none runs.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Time since the Unix epoch.
fn since_epoch() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}
