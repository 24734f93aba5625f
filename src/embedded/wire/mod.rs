//! What the three servers share: the forms that travel and their rules, how long an answer is
//! computed, and when it is given up.
//!
//! * [`regex`]: RE2's regular expressions
//! * [`stop`]: whether a computation goes on
//! * [`queries`]: how many are computed at a time

mod queries;
pub mod regex;
mod stop;

pub use queries::{Queries, Unanswered};
pub use stop::{Stop, Stopped};
