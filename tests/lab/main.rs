//! The laboratory: `lab up`, `lab verify`, `lab load`, `lab soak`, and the files of the servers and dashboards.

#![cfg(feature = "lab")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop"
)]

#[path = "../support/mod.rs"]
mod support;

mod alternatives;
mod cluster;
mod command;
mod connections;
mod dashboard_backends;
mod dashboards;
mod documents;
mod flags;
mod flood;
mod fuzz;
mod generator;
mod guard;
mod hostile_http;
mod incident_files;
mod incident_page;
mod incidents;
mod load;
mod own_program;
mod performance;
mod rules;
mod scaling;
mod server_files;
mod shippers;
mod soak;
mod up;
mod up_ends;
mod up_limits;
mod upgrade;
mod verify;
mod verify_dashboards;
mod verify_grafana;
mod verify_otlp;
