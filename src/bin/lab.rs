//! The command line of the lab.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use salvo_observability::app::{self, config::ServiceArgs};

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
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::App(args) => app::start(&args, std::env::vars_os()),
    }
}
