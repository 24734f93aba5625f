//! A signal of OTLP: traces, logs or metrics, with the store behind it.

use super::body::{Encoding, Unreadable};
use super::budget::Budget;
use super::status::Failure;
use crate::wire::measure::Shape;

/// Names of a signal on the wire, and the memory of its messages.
pub(crate) struct Kind {
    /// Path of its receiver for HTTP, without the leading slash.
    pub(crate) path: &'static str,
    /// Path of its method for gRPC.
    pub(crate) method: &'static str,
    /// The word for its elements in error messages.
    pub(crate) elements: &'static str,
    /// Name of the number of refused elements in a JSON response.
    pub(crate) rejected: &'static str,
    /// Memory of the elements of a request in protobuf.
    pub(crate) shape: &'static Shape,
    /// Bytes of the largest element, for the upper bound of a request in JSON.
    pub(crate) largest: usize,
}

/// Stores the requests of one signal.
pub(crate) trait Signal: Send + Sync + 'static {
    /// Names and sizes.
    fn kind(&self) -> &'static Kind;

    /// Decodes a request, whose elements in memory take no more than `budget`, and stores what can be stored.
    ///
    /// # Errors
    /// [`Rejected`]: nothing of the request is stored.
    fn store(&self, body: &[u8], encoding: Encoding, budget: Budget) -> Result<Partial, Rejected>;

    /// Counts a request that could not be decoded.
    fn count_malformed(&self);

    /// Counts a request that was too large to be read.
    fn count_too_large(&self);
}

/// Elements of a stored request that are not stored, if any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partial {
    /// Number of refused elements.
    pub(crate) rejected: u64,
    /// Reason for the first refused element, or a warning if none was refused.
    pub(crate) message: String,
}

/// Reasons to keep nothing of a body.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// The body cannot be read.
    Unreadable(Unreadable),
    /// The store does not take it.
    Refused(Failure),
}

impl From<Unreadable> for Rejected {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}

impl From<Failure> for Rejected {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}
