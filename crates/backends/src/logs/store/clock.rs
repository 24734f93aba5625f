//! The clock of a store.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::wire::unix_nanos;

/// Tells the present in Unix nanoseconds. Tests give a store a clock that they set.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(|| unix_nanos(SystemTime::now())))
    }

    /// A clock that calls `now` for Unix nanoseconds.
    pub fn from_fn(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Unix nanoseconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
