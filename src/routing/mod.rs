//! Responses beside the routes, as servers written in Go give them: HEAD, unknown paths.
//!
//! * [`head`]: HEAD wherever there is GET
//! * [`unmatched`]: requests that no route takes

mod head;
mod unmatched;

pub(crate) use head::Head;
pub(crate) use unmatched::Unmatched;
