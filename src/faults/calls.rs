//! Faults of calls to other instances.

use std::sync::Arc;
use std::time::Duration;

use salvo::Depot;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument, info_span};

use super::Wait;
use super::decide::Draw;
use super::kind::{Kind, Target};
use super::running::Running;

/// Which target of `/chain` is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hop {
    /// The instance itself.
    Own,
    /// The first target.
    One,
    /// The second target.
    Two,
}

impl Hop {
    fn is(self, target: Target) -> bool {
        match target {
            Target::One => self == Self::One,
            Target::Two => self == Self::Two,
        }
    }

    /// True if `target` is this one, or any is meant.
    fn is_meant(self, target: Option<Target>) -> bool {
        target.is_none_or(|target| self.is(target))
    }
}

/// A fault that concerns the calls of a request.
pub(super) struct Call {
    pub(super) fault: Arc<Running>,
    /// The request's number.
    pub(super) request: u64,
}

/// What happens to the calls of one request.
#[derive(Clone)]
pub(crate) struct Calls(Option<Arc<[Call]>>);

/// No connection of the pool became free in time.
#[derive(Debug, thiserror::Error)]
#[error("all {connections} connections of the pool are in use")]
pub(crate) struct PoolTimeout {
    /// Connections of the pool.
    connections: u64,
    source: tokio::time::error::Elapsed,
}

impl Calls {
    pub(super) fn new(calls: Vec<Call>) -> Self {
        Self(Some(calls.into()))
    }

    /// Those of the request that `depot` belongs to.
    #[inline]
    pub(crate) fn of(depot: &Depot) -> Self {
        match super::any() {
            true => depot.get_typed::<Self>().cloned().unwrap_or(Self(None)),
            false => Self(None),
        }
    }

    fn in_force(&self) -> impl Iterator<Item = &Call> {
        let calls = self.0.iter().flat_map(|calls| calls.iter());
        calls.filter(|call| !call.fault.is_over())
    }

    /// Waits on the way to a target.
    pub(crate) fn way(&self, hop: Hop) -> Option<Wait<()>> {
        let call = self
            .in_force()
            .find_map(|call| match call.fault.fault.kind {
                Kind::SlowDependency {
                    ms,
                    jitter_ms,
                    target,
                } if hop.is(target) => {
                    let time = call.fault.delay(call.request, ms, jitter_ms);
                    Some((Arc::clone(&call.fault), time))
                }
                _ => None,
            });
        call.map(|(fault, time)| Box::pin(async move { fault.sleep(time).await }) as Wait<()>)
    }

    /// True if a call carries no trace.
    pub(crate) fn loses_context(&self, hop: Hop) -> bool {
        self.in_force().any(
            |call| matches!(call.fault.fault.kind, Kind::LostContext { target } if hop.is(target)),
        )
    }

    /// Waits for a connection of the pool; the call holds it until it is dropped, and longer.
    pub(crate) fn connection(&self) -> Option<Wait<Result<Connection, PoolTimeout>>> {
        self.in_force().find_map(|call| {
            let Kind::PoolExhausted {
                connections,
                hold_ms,
                wait_ms,
            } = call.fault.fault.kind
            else {
                return None;
            };
            let pool = Arc::clone(call.fault.pool.as_ref()?);
            let span = info_span!(
                "pool.acquire",
                otel.kind = "internal",
                pool.max = connections as i64,
                otel.status_code = tracing::field::Empty,
            );
            let acquire = acquire(
                pool,
                connections,
                Duration::from_millis(wait_ms),
                Duration::from_millis(hold_ms),
            );
            Some(Box::pin(acquire.instrument(span)) as Wait<_>)
        })
    }

    /// True if an answer is lost: the target has worked, and the caller does not know.
    pub(crate) fn breaks_off(&self, hop: Hop, resends: u32) -> bool {
        self.in_force().any(|call| match call.fault.fault.kind {
            Kind::Retries {
                failing_share,
                target,
                ..
            } if hop.is_meant(target) => {
                let draw = Draw::Attempt(hop as u8, resends);
                call.fault.unit(call.request, draw) < failing_share
            }
            _ => false,
        })
    }

    /// True if a call that has failed is sent again, after it was `resends` times.
    pub(crate) fn goes_again(&self, hop: Hop, resends: u32) -> bool {
        self.in_force().any(|call| match call.fault.fault.kind {
            Kind::Retries {
                attempts, target, ..
            } => hop.is_meant(target) && u64::from(resends) + 1 < attempts,
            _ => false,
        })
    }
}

/// A connection of the pool, in use.
pub(crate) struct Connection {
    permit: Option<OwnedSemaphorePermit>,
    hold: Duration,
}

async fn acquire(
    pool: Arc<Semaphore>,
    connections: u64,
    wait: Duration,
    hold: Duration,
) -> Result<Connection, PoolTimeout> {
    let permit = match tokio::time::timeout(wait, pool.acquire_owned()).await {
        Ok(Ok(permit)) => Some(permit),
        // The fault has ended, and there is a connection for everybody.
        Ok(Err(_)) => None,
        Err(source) => {
            tracing::Span::current().record("otel.status_code", "ERROR");
            return Err(PoolTimeout {
                connections,
                source,
            });
        }
    };
    Ok(Connection { permit, hold })
}

impl Drop for Connection {
    /// Gives the connection back after the time for which it is held beyond the call.
    fn drop(&mut self) {
        let Some(permit) = self.permit.take().filter(|_| !self.hold.is_zero()) else {
            return;
        };
        let hold = self.hold;
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(hold).await;
                drop(permit);
            });
        }
    }
}
