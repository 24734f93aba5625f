//! Responses of servers written in Go that Salvo gives differently: HEAD, unmatched requests.
//!
//! * [`head`]: HEAD wherever there is GET
//! * [`unmatched`]: requests that no route takes

mod head;
mod unmatched;

pub(crate) use head::Head;
pub(crate) use unmatched::Unmatched;
