//! Faults of `/metrics`: it fails or is slow, now and then.

use std::sync::Arc;
use std::time::Duration;

use super::Wait;
use super::kind::Kind;
use super::running::{self, Running};

/// What happens to a request for the metrics.
pub(crate) struct Scrape {
    /// Before anything is answered.
    pub(crate) wait: Wait<()>,
    /// Status of the response; `None` for the metrics.
    pub(crate) status: Option<u16>,
}

/// The first fault in force that concerns this request.
#[cold]
pub(super) fn next() -> Option<Scrape> {
    let mut found = None;
    running::for_each(|running| {
        if found.is_none() {
            found = of(running);
        }
    });
    found
}

fn of(running: &Arc<Running>) -> Option<Scrape> {
    let Kind::Scrape {
        status,
        delay_ms,
        period_s,
        down_s,
    } = running.fault.kind
    else {
        return None;
    };
    let is_down = period_s == 0 || running.begin.elapsed().as_secs() % period_s < down_s;
    if !is_down {
        return None;
    }
    running.hits()?;
    let delayed = Arc::clone(running);
    Some(Scrape {
        wait: Box::pin(async move { delayed.sleep(Duration::from_millis(delay_ms)).await }),
        status,
    })
}
