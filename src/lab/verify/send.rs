//! Sends the requests that a run follows, or takes those of an earlier run.

use std::time::Duration;

use futures_util::future::join_all;
use regex::Regex;
use tokio::time::{Instant, timeout_at};

use super::args::{Lab, UsageError, VerifyArgs};
use super::finding::Finding;
use super::http::Server;
use super::promises::metrics::{self, Counters};
use super::promises::{Attempt, now_seconds};
use super::sent::Sent;
use super::traffic::{self, Ids};

/// Share of the timeout that instances may take until `/chain` goes through.
pub(super) const READY_SHARE: u32 = 3;

/// Time for an instance to tell its name.
const NAME: Duration = Duration::from_secs(2);

/// The followed requests with what is known of them.
pub(super) struct Requests {
    /// Their traces.
    pub sent: Sent,
    /// Time at which they were answered.
    pub at: Instant,
    /// Outcome: a finding when one was not answered as expected.
    pub answered: Attempt,
    /// Counters of exported and lost signals before they were sent.
    pub before: Counters,
}

impl Requests {
    /// The requests of an earlier run.
    #[must_use]
    pub(super) fn earlier(sent: Sent) -> Self {
        let none = Finding::new("requests of this run", "none: --existing sends nothing");
        Self {
            sent,
            at: Instant::now(),
            answered: Err(none.settled()),
            before: Counters::new(),
        }
    }

    /// No requests: there are no instances.
    #[must_use]
    pub(super) fn none() -> Self {
        let none = Finding::new("requests of this run", "none: there are no instances");
        Self {
            sent: Sent::nothing(now_seconds()),
            at: Instant::now(),
            answered: Err(none.settled()),
            before: Counters::new(),
        }
    }

    /// Sends the requests, and writes their record to the file of `--state`.
    ///
    /// # Errors
    /// [`UsageError::File`] when the file cannot be written.
    pub(super) async fn send(args: &VerifyArgs, lab: &Lab, ids: &Ids) -> Result<Self, UsageError> {
        let began = now_seconds();
        let services = service_names(&lab.apps).await;
        // Without a first reading everything counts as lost during this run.
        let before = metrics::counters(&lab.prometheus).await;
        let before = before.map_or_else(|_| Counters::new(), |(_, counters)| counters);
        let patience = args.timeout / READY_SHARE;
        let (followed, answered) = traffic::follow(&lab.apps, patience, ids).await;
        let sent = Sent {
            chain: followed.chain,
            error: followed.error,
            item: followed.item,
            services,
            began,
            answered: now_seconds(),
        };
        if let Some(file) = &args.state {
            sent.save(file)?;
        }
        Ok(Self {
            sent,
            at: followed.answered,
            answered,
            before,
        })
    }
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
    let deadline = Instant::now() + NAME;
    let page = timeout_at(deadline, app.get("/metrics", &[]))
        .await
        .ok()?
        .ok()?;
    let info = Regex::new("(?m)^salvo_app_info\\{(?:.*,)?app_name=\"([^\"]+)\"").ok()?;
    info.captures(&page.body).map(|found| found[1].to_owned())
}
