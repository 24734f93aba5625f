//! What every server here answers beside its routes, as servers written in Go do.
//!
//! * [`head`]: HEAD wherever there is GET
//! * [`unmatched`]: what no route takes

mod head;
mod unmatched;

pub use head::Head;
pub use unmatched::Unmatched;
