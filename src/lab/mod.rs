//! The laboratory around the service.
//!
//! * [`verify`]: the acceptance contract, whoever runs the backends

pub mod verify;
