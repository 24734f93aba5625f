//! A reproducible laboratory for observability.
//!
//! * [`embedded`]: in-memory backends that speak the wire APIs of Tempo, Loki and Prometheus

#[cfg(feature = "lab")]
pub mod embedded;
