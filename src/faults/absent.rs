//! The service without faults: what stands in the place of each hook, and is compiled to nothing.

use std::future::Ready;

use salvo::{Depot, Request};

/// A request that fails: there is none.
pub(crate) enum Failing {}

/// No request fails.
#[inline]
pub(crate) fn before(_req: &Request, _depot: &mut Depot) -> Option<Ready<Option<Failing>>> {
    None
}

/// Which target of `/chain` is called.
#[derive(Clone, Copy)]
pub(crate) enum Hop {
    Own,
    One,
    Two,
}

/// Nothing happens to calls.
pub(crate) struct Calls;

impl Calls {
    #[inline]
    pub(crate) fn of(_depot: &Depot) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn loses_context(&self, _hop: Hop) -> bool {
        false
    }

    #[inline]
    pub(crate) fn goes_again(&self, _hop: Hop, _resends: u32) -> bool {
        false
    }
}
