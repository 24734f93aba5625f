//! Guards a server that has no login: foreign web pages must not read or change anything through the
//! browser of a person on this machine.
//!
//! A browser sends requests for any page that it shows, also to servers that only this machine can
//! reach. Two headers identify such a request. Its `Host` is the name that the page used: a stranger
//! can lead a name of his own to this machine (DNS rebinding), but not `localhost`, not an IP address
//! and not this machine's own name. And its `Origin` is the page: it must be a page of this server.
//! Programs other than browsers send no `Origin`, so the second check never concerns them.
//!
//! * [`host`]: the allowed host names
//! * [`origin`]: the allowed origins of pages
//! * [`verdict`]: the decision on one request
//! * [`middleware`]: the middleware, with the CORS headers for pages that are allowed

mod host;
mod middleware;
mod origin;
mod verdict;

use std::sync::{Arc, OnceLock};

use http::HeaderValue;

pub(crate) use host::Hosts;
#[cfg(feature = "lab")]
pub(crate) use host::Name;
use host::NamedHost;
pub(crate) use middleware::Before;
pub(crate) use origin::AllowedOrigin;
pub(crate) use verdict::Verdict;

/// The hosts and origins whose requests a server accepts.
#[derive(Clone, Debug)]
pub struct Guard {
    hosts: Hosts,
    origins: Vec<AllowedOrigin>,
    /// Setting that allows a further host.
    hint: &'static str,
    /// The first `Host` that was allowed, and what it says. Nearly all requests to a server have the same, and to
    /// compare it takes a small part of the time in which it is read and judged.
    usual: Arc<OnceLock<(HeaderValue, NamedHost)>>,
}

impl Guard {
    /// A guard that lets in requests for `hosts` from the server's own pages, from `origins` and from
    /// programs that are no browser. `hint` names the setting for further hosts in refusals.
    #[must_use]
    pub fn new(hosts: Hosts, origins: Vec<AllowedOrigin>, hint: &'static str) -> Self {
        Self {
            hosts,
            origins,
            hint,
            usual: Arc::default(),
        }
    }

    /// The same guard for a server that no page of another origin may use.
    #[cfg(feature = "faults")]
    #[must_use]
    pub(crate) fn without_origins(&self) -> Self {
        Self::new(self.hosts.clone(), Vec::new(), self.hint)
    }
}
