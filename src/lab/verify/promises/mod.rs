//! The checks of the promises, one file for each pillar. Each function that a row of the contract names is
//! one attempt: it gives what was seen, or the finding that stands in the way.

pub(crate) mod apps;
pub(crate) mod correlations;
pub(crate) mod dashboards;
pub(crate) mod grafana;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod otlp;
pub(crate) mod traces;
mod variables;

use tokio::time::Instant;

use super::args::Lab;
use super::finding::Finding;
use super::otlp::Sent as OtlpSent;
use super::sent::Sent;
use super::traffic::Ids;
use crate::lab::provisioning::Provisioning;
use metrics::Counters;

/// Outcome of an attempt.
pub(super) type Attempt = Result<String, Finding>;

/// Input of the checks.
pub(super) struct Run {
    /// The servers.
    pub lab: Lab,
    /// Provisioning of Grafana: data sources and dashboards.
    pub provisioning: Provisioning,
    /// Requests whose telemetry is checked.
    pub sent: Sent,
    /// Outcome of sending them.
    pub answered: Attempt,
    /// Counters of exported and lost signals before they were sent.
    pub before: Counters,
    /// Telemetry that was sent over OTLP.
    pub otlp: Option<OtlpSent>,
    /// Servers that ship their own log.
    pub servers_log: Vec<String>,
    /// Ids of all traces that were started.
    pub ids: Ids,
    /// Time at which half of the waiting is over.
    pub halfway: Instant,
    /// Time at which waiting ends.
    pub deadline: Instant,
}

impl Run {
    /// The instances that `/chain` goes through: three, or fewer when there are fewer.
    #[must_use]
    pub(super) fn chain_services(&self) -> &[String] {
        let services = &self.sent.services;
        &services[..services.len().min(3)]
    }

    /// From a little before the run until a little after now, Unix seconds.
    #[must_use]
    pub(super) fn window(&self) -> (i64, i64) {
        (self.sent.began - 30, now_seconds() + 30)
    }

    /// The same in Unix nanoseconds.
    #[must_use]
    pub(super) fn window_ns(&self) -> (i64, i64) {
        let (start, end) = self.window();
        (
            start.saturating_mul(1_000_000_000),
            end.saturating_mul(1_000_000_000),
        )
    }
}

/// Unix seconds now.
#[must_use]
pub(super) fn now_seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}
