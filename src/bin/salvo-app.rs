//! Starts the service, nothing else.

use std::process::ExitCode;

use clap::Parser;
use salvo_observability::app::config::ServiceArgs;

/// An HTTP service that can be observed in traces, metrics and logs.
#[derive(Parser)]
#[command(name = "salvo-app", version)]
struct Cli {
    #[command(flatten)]
    service: ServiceArgs,
}

fn main() -> ExitCode {
    let service = Cli::parse().service;
    salvo_observability::app::start(&service, std::env::vars_os(), std::future::pending())
}
