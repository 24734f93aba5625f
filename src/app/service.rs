//! What the handlers of one running instance share.

use std::sync::Arc;

use http::Uri;

use super::limits::Gate;
use super::targets::Targets;
use crate::telemetry::metrics::Metrics;

/// The state of one instance.
pub struct Service {
    /// Where this instance listens, as a URL without a path.
    pub own_origin: Uri,
    /// First and second target of `/chain`.
    pub origins: [Uri; 2],
    /// The client for the calls of `/chain`.
    pub targets: Targets,
    /// The gate that all requests but probes go through.
    pub gate: Arc<Gate>,
    /// What `/metrics` answers.
    pub metrics: Arc<Metrics>,
}
