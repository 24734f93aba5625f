//! The speed report (`benches/report`): measures servers side by side, keeps the figures in `docs/performance.json`,
//! and writes plots and the figures in the documents from that file.
//!
//! * [`subjects`]: the servers, and how to build and start them
//! * [`server`]: a running server: its address, CPU time, memory and log
//! * [`sink`]: the collector that counts spans
//! * [`load`]: the load generator
//! * [`measure`]: rounds in which the servers take turns
//! * [`machine`]: what the figures were measured on
//! * [`document`]: the figures as text, and where they stand in the documents
//! * [`plots`]: the figures as pictures

mod document;
mod load;
mod machine;
mod measure;
mod plots;
mod server;
mod sink;
mod subjects;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use document::results::Results;

/// Where the figures are kept.
const RESULTS: &str = "docs/performance.json";

/// Measures the service next to what it is built on and what people would take instead, and writes the report.
#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    plan: Plan,
}

#[derive(Subcommand)]
enum Action {
    /// Write documents and plots from docs/performance.json, without measuring
    Render,
    /// Be the collector that counts spans and forgets them: print its address, and run until it is killed
    Sink,
}

/// What is measured, and for how long.
#[derive(Args)]
pub struct Plan {
    /// How often each server has its turn
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of load for each turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Connections that send one request after the other
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Peers to leave out: axum, go, node, fastapi
    #[arg(long, value_delimiter = ',', value_name = "PEERS")]
    without: Vec<String>,
    /// Write the figures to this file and leave the documents as they are
    #[arg(long, value_name = "FILE")]
    only_results: Option<std::path::PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Command::parse();
    let reported = match command.action {
        Some(Action::Render) => render(),
        Some(Action::Sink) => collect().await,
        None => report(&command.plan).await,
    };
    match reported {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, then writes. What is started ends with the measurement, also when a signal ends it.
async fn report(plan: &Plan) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let results = tokio::select! {
        results = measure::measure(plan) => results?,
        _ = tokio::signal::ctrl_c() => bail!("interrupted; nothing was written"),
        _ = terminate.recv() => bail!("terminated; nothing was written"),
    };
    let missing = results.subjects.iter().filter_map(|subject| {
        let why = subject.not_measured.as_deref()?;
        let is_asked = plan.without.contains(&subject.name);
        (!is_asked).then(|| format!("{}: {why}", subject.name))
    });
    let missing: Vec<String> = missing.collect();
    let file = plan.only_results.as_deref().unwrap_or(Path::new(RESULTS));
    let json = serde_json::to_string_pretty(&results)?;
    std::fs::write(file, json + "\n")
        .with_context(|| format!("cannot write {}", file.display()))?;
    if plan.only_results.is_none() {
        render()?;
    }
    if !missing.is_empty() {
        bail!(
            "not measured: {}; --without leaves peers out",
            missing.join("; ")
        );
    }
    Ok(())
}

/// Runs a collector for other measurements.
async fn collect() -> anyhow::Result<()> {
    println!("{}", sink::Sink::start().await?.address);
    std::future::pending().await
}

fn render() -> anyhow::Result<()> {
    let json =
        std::fs::read_to_string(RESULTS).with_context(|| format!("cannot read {RESULTS}"))?;
    let results: Results = serde_json::from_str(&json).context(RESULTS)?;
    plots::draw(&results, Path::new("docs/images/performance"))?;
    for path in document::documents(Path::new("."))? {
        let text = std::fs::read_to_string(&path)?;
        let filled = document::fill(&text, &results)
            .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        if filled != text {
            std::fs::write(&path, filled)?;
            eprintln!("{} written", path.display());
        }
    }
    Ok(())
}
