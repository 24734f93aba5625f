//! State that the handlers of one instance share.

use std::sync::Arc;

use http::uri::Authority;

use super::limits::Gate;
use super::targets::Targets;
use crate::telemetry::metrics::Metrics;

/// The state of one instance.
pub struct Instance {
    /// Where this instance listens.
    pub own: Authority,
    /// First and second target of `/chain`.
    pub others: [Authority; 2],
    /// The client for the calls of `/chain`.
    pub targets: Targets,
    /// The gate that all requests but probes go through.
    pub gate: Arc<Gate>,
    /// Metrics that `/metrics` exposes.
    pub metrics: Arc<Metrics>,
}

/// A route that needs the state of the instance was put where there is none.
#[derive(Debug, thiserror::Error)]
#[error("the route has no instance state")]
pub(super) struct NoInstance;
