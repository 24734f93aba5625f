//! The instances themselves.

use super::{Attempt, Run};

/// Every instance was ready, and the followed requests were answered as expected.
pub(crate) async fn answered(run: &Run) -> Attempt {
    run.answered.clone()
}
