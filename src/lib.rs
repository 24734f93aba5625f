//! A reproducible laboratory for observability: one Salvo service that can be followed through
//! traces, metrics and logs.
//!
//! * [`app`]: the service
//! * [`telemetry`]: what makes it observable
//! * `embedded`: in-memory backends that speak the wire APIs of Tempo, Loki and Prometheus

pub mod app;
pub mod telemetry;

#[cfg(feature = "lab")]
pub mod embedded;
