//! What the servers of the embedded backends have in common: how they take requests in, how long they
//! compute, and when they give up.
//!
//! * [`stop`]: whether a computation goes on
//! * [`queries`]: how many are computed at a time

mod queries;
mod stop;

pub use queries::{Queries, Unanswered};
pub use stop::{Stop, Stopped};
