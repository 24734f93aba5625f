//! The command line of the lab.

use std::io::Write as _;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use salvo_observability::app::{self, config::ServiceArgs};
use salvo_observability::lab::flood::{self, FloodArgs};
use salvo_observability::lab::incident::{self, IncidentArgs};
use salvo_observability::lab::load::{self, LoadArgs};
use salvo_observability::lab::program::{self, EnvArgs, RunArgs};
use salvo_observability::lab::soak::{self, SoakArgs};
use salvo_observability::lab::up::{self, UpArgs};
use salvo_observability::lab::verify::{self, args::VerifyArgs};

/// mimalloc gives memory back to the system after a burst of requests. The system's allocator keeps most of
/// the memory that many threads have freed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A laboratory for observability.
#[derive(Parser)]
#[command(name = "lab", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(Box<UpArgs>),
    /// Check that a running lab keeps every promise: traces, logs, metrics and the ways between them
    Verify(Box<VerifyArgs>),
    Env(Box<EnvArgs>),
    Run(Box<RunArgs>),
    Load(Box<LoadArgs>),
    Flood(Box<FloodArgs>),
    Soak(Box<SoakArgs>),
    Incident(Box<IncidentArgs>),
    /// Run one instance of the service
    App(Box<AppArgs>),
}

#[derive(Args)]
struct AppArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Stop when standard input is closed, as on SIGTERM
    #[arg(long)]
    stop_with_stdin: bool,
}

fn main() -> ExitCode {
    match Cli::try_parse()
        .unwrap_or_else(|error| misused(&error))
        .command
    {
        Command::Up(args) => match args.check() {
            Ok(()) => told(asynchronously(up::run(*args, std::env::vars_os()))),
            Err(problem) => refused(problem),
        },
        Command::Verify(args) => verify::start(&args),
        Command::Env(args) => told(asynchronously(program::env(*args))),
        Command::Run(args) => told(asynchronously(async { Ok(program::run(*args).await) })),
        Command::Load(args) => match args.check() {
            Ok(()) => load::start(&args),
            Err(problem) => refused(problem),
        },
        Command::Flood(args) => match args.check() {
            Ok(()) => flood::start(&args),
            Err(problem) => refused(problem),
        },
        Command::Soak(args) => match args.check() {
            Ok(()) => soak::start(&args),
            Err(problem) => refused(problem),
        },
        Command::Incident(args) => incident::start(*args, std::env::vars_os()),
        Command::App(args) if args.stop_with_stdin => {
            app::start(&args.service, std::env::vars_os(), stdin_closed())
        }
        Command::App(args) => {
            app::start(&args.service, std::env::vars_os(), std::future::pending())
        }
    }
}

/// Ends as with any other flag that is wrong.
fn refused(problem: String) -> ! {
    misused(&Cli::command().error(ErrorKind::ValueValidation, problem))
}

/// Ends with what is wrong with the flags, on standard error; a program that reads the one JSON object of a command
/// finds it there too. `lab up` has none: its JSON are events. What follows `--` are the flags of another program.
fn misused(error: &clap::Error) -> ! {
    let args = std::env::args_os().skip(1).take_while(|arg| arg != "--");
    let args: Vec<_> = args.collect();
    let is_up = args.first().is_some_and(|arg| arg == "up");
    if error.use_stderr() && !is_up && args.iter().any(|arg| arg == "--json") {
        let told = serde_json::json!({"ok": false, "error": problem(error)});
        // A reader that has gone away is no reason to panic.
        let _ = writeln!(std::io::stdout(), "{told}");
    }
    error.exit()
}

/// What is wrong, in one line, without the usage.
fn problem(error: &clap::Error) -> String {
    let text = error.to_string();
    let told = text.split("\n\nUsage:").next().unwrap_or_default();
    let told = told.split("\n\nFor more information").next();
    let words: Vec<&str> = told.unwrap_or_default().split_whitespace().collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}

fn asynchronously(
    work: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

fn told(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

/// Done when nobody can write to standard input any more. A thread of its own reads it: the
/// runtime would wait for a read of its own at the end.
async fn stdin_closed() {
    let (closed, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = closed.send(());
    });
    let _ = wait.await;
}
