//! Shared parts of the three servers: text formats, reading of request bodies, limits, and
//! scheduling of queries.
//!
//! * [`regex`]: RE2's regular expressions, [`duration`]: durations as text, [`quote`],
//!   [`integer`], [`rfc3339`], [`form`]: quoted texts, whole numbers, times and parameters as Go has them
//! * [`intake`]: reads request bodies within bounds of time and memory
//! * [`measure`]: estimates the memory of a body before it is decoded
//! * [`Stop`]: ends a computation on timeout or when the client hangs up
//! * [`Queries`]: bounds the number of concurrent queries, [`Unread`]: the memory of responses that wait for
//!   their clients, [`parts`]: shares the work of one query among the processors

mod clock;
pub(crate) mod duration;
pub(crate) mod escape;
pub(crate) mod form;
pub mod intake;
pub(crate) mod integer;
pub(crate) mod letters;
mod matcher;
pub mod measure;
pub(crate) mod media_type;
pub(crate) mod parts;
mod queries;
pub(crate) mod quote;
mod rate;
pub(crate) mod regex;
pub(crate) mod rfc3339;
mod room;
mod stop;
pub(crate) mod unpack;
mod unread;

pub(crate) use clock::unix_nanos;
pub(crate) use matcher::Comparison;
pub(crate) use queries::CONCURRENT;
pub use queries::{Queries, QueueError};
pub(crate) use rate::{Denied, TokenBucket};
pub use stop::{Stop, Stopped};
pub(crate) use unread::Unread;
