//! Stands before a server that has no login: web pages of others must not ask or change anything
//! through the browser of a person here.
//!
//! A browser sends requests for any page that it shows, also to servers that only this machine can
//! reach. Two things give such a request away. Its `Host` is the name that the page used: a stranger
//! can lead a name of his own to this machine (DNS rebinding), but not `localhost`, not an IP address
//! and not this machine's own name. And its `Origin` is the page: it must be a page of this server.
//! Programs that are no browser send no `Origin` and notice nothing of this.
//!
//! * [`host`]: the names under which a server may be asked
//! * [`origin`]: the pages that may ask
//! * [`verdict`]: the decision on one request
//! * [`hoop`]: the middleware, with the answer to pages that are allowed (CORS)

mod hoop;
mod host;
mod origin;
mod verdict;

pub(crate) use hoop::Before;
pub(crate) use host::Hosts;
#[cfg(feature = "lab")]
pub(crate) use host::Name;
pub(crate) use origin::AllowedOrigin;
pub(crate) use verdict::Verdict;

/// Who may ask a server.
#[derive(Clone, Debug)]
pub struct Guard {
    hosts: Hosts,
    origins: Vec<AllowedOrigin>,
    /// Setting that allows a further host.
    hint: &'static str,
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
        }
    }
}
