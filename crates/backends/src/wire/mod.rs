//! What the three servers share: the forms that travel and their rules, how requests come in, how long
//! an answer is computed, and when it is given up.
//!
//! * [`regex`]: RE2's regular expressions
//! * [`intake`]: bodies on their way in
//! * [`measure`]: what a body takes in memory, before it is decoded
//! * [`stop`]: whether a computation goes on
//! * [`queries`]: how many are computed at a time

pub mod intake;
pub mod measure;
mod queries;
pub mod regex;
mod stop;

pub use queries::{Queries, Unanswered};
pub use stop::{Stop, Stopped};
