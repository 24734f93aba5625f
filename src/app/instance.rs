//! State that the handlers of one instance share.

use std::sync::Arc;

use http::uri::Authority;

use super::config::Tasks;
use super::gate::Gate;
use super::targets::Targets;
use crate::telemetry::metrics::Metrics;

/// The state of one instance.
pub(super) struct Instance {
    /// Host and port of this instance.
    pub own: Authority,
    /// First and second target of `/chain`.
    pub others: [Authority; 2],
    /// The client for the calls of `/chain`.
    pub targets: Targets,
    /// Work of `/io_task` and `/cpu_task`.
    pub tasks: Tasks,
    /// Counts the requests that are being answered; probes are not counted.
    pub gate: Arc<Gate>,
    /// The metrics of `/metrics`.
    pub metrics: Arc<Metrics>,
}

/// A handler needs the [`Instance`] and its route has none injected: a mistake in the router.
#[derive(Debug, thiserror::Error)]
#[error("the route has no instance state")]
pub(super) struct NoInstance;
