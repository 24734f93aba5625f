//! Faults of the service, as operators know them: slow and failing work, slow targets, a pool that runs dry, telemetry
//! that lies. They are set over a port of their own, for people who learn to find them.
//!
//! Each fault is realised where it would really happen, so that its spans, log lines and metrics look like those of
//! a real one. The same seed and the same requests give the same decisions.
//!
//! * [`set`]: a set of faults, as it is sent; [`fields`]: reads and checks its fields
//! * [`kind`]: the kinds of faults
//! * [`control`]: the port at which a set is put, read and removed
//! * [`running`]: the set that is in force, and its schedule
//! * [`decide`]: decisions by the seed
//! * [`condition`]: requests that a fault concerns
//! * [`request`]: faults of a request's own work; [`leak`]: memory that is never given back
//! * [`calls`]: faults of calls to other instances
//! * [`mod@scrape`]: faults of `/metrics`
//!
//! While no fault is in force, a request costs one load of an atomic. Without the feature `faults` nothing of this is
//! compiled (`absent.rs`).

mod calls;
mod condition;
pub mod control;
mod decide;
mod fields;
mod kind;
mod leak;
mod request;
mod running;
mod scrape;
mod set;

use std::pin::Pin;
use std::sync::atomic::Ordering;

use salvo::{Depot, Request};

pub(crate) use calls::{Calls, Hop, PoolTimeout};
pub(crate) use kind::Mishap;
pub(crate) use request::Failing;
pub(crate) use scrape::Scrape;
pub use set::{Set, Wrong};

/// Work of a fault that the service waits for.
pub(crate) type Wait<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A route that faults can concern: its template, and the name of the span of its own work.
pub(crate) type KnownRoute = (&'static str, &'static str);

/// True while any fault of requests is in force.
#[inline]
fn any() -> bool {
    running::ANY.load(Ordering::Relaxed)
}

/// What the faults do to a request that has matched a route, before its handler runs: it takes longer, hangs, or
/// fails with what the future gives.
#[inline]
pub(crate) fn before(req: &Request, depot: &mut Depot) -> Option<Wait<Option<Failing>>> {
    if any() {
        request::before(req, depot)
    } else {
        None
    }
}

/// What happens to this request for the metrics.
#[inline]
pub(crate) fn scrape() -> Option<Scrape> {
    if any() { scrape::next() } else { None }
}

/// Removes all faults, when the service stops.
pub(crate) fn clear() {
    running::clear();
}
