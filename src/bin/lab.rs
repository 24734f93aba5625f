//! The command line of the lab.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use salvo_observability::app::{self, config::ServiceArgs};
use salvo_observability::lab::verify::{self, args::VerifyArgs};

/// A laboratory for observability.
#[derive(Parser)]
#[command(name = "lab", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one instance of the service.
    App(Box<ServiceArgs>),
    /// Check that a running lab keeps every promise: traces, logs, metrics and the ways between them.
    Verify(Box<VerifyArgs>),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::App(args) => app::start(&args, std::env::vars_os()),
        Command::Verify(args) => verify::start(&args),
    }
}
