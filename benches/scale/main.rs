//! How the lab grows: `/metrics` by its series, the embedded stores by what they hold, and the same beside the real
//! Prometheus, Loki and Tempo. Run it in the root of the repository:
//!
//! ```text
//! cargo run --release --package benchmarks --bin scale -- [--against SERVER=PROGRAM]… [--most ITEMS]
//! cargo run --release --package benchmarks --bin scale -- render
//! ```
//!
//! SERVER is `prometheus`, `loki` or `tempo`, PROGRAM the path of its binary; one that is not named is not measured. A
//! binary that does not tell its version is named with it: `loki@3.7.6`.
//! Without `--most` the last stores hold ten million items, which takes about 6 GiB of memory. The figures go to
//! `benches/results/scale.json`, tables and plots of them to `docs/scale.md` and `docs/images/`.
//!
//! `render` writes tables and plots from the figures that are there.
//!
//! Each server, embedded or real, is a process of its own that is asked over HTTP, so that its memory is its own.

mod client;
mod data;
mod document;
mod page;
mod plot;
mod serve;
mod server;
#[path = "../spans.rs"]
mod spans;
mod tables;
mod workload;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use server::Program;
use tables::Figure;
use workload::Signal;

/// Items that are held by each store when it is compared with the real server: an hour of a small lab.
const COMPARED: u64 = 1_000_000;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let mut against = Vec::new();
    let mut most = u64::MAX;
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .with_context(|| format!("{word} needs a value"))
        };
        match word.as_str() {
            "render" => return document::write(&document::read()?),
            "serve" => return serve::run(Signal::named(&value()?)?),
            "--most" => most = value()?.parse().context("--most takes a number")?,
            "--against" => {
                let value = value()?;
                let Some((name, path)) = value.split_once('=') else {
                    bail!("--against takes SERVER=PROGRAM");
                };
                let (name, version) = match name.split_once('@') {
                    Some((name, version)) => (name, Some(version.to_owned())),
                    None => (name, None),
                };
                against.push((Signal::of_server(name)?, PathBuf::from(path), version));
            }
            _ => bail!("unknown argument {word}: see the top of benches/scale/main.rs"),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut figures = page::measure(most)?;
    for signal in Signal::ALL {
        for size in Signal::SIZES.into_iter().filter(|size| *size <= most) {
            figures.extend(runtime.block_on(workload::measure(
                signal,
                &Program::Embedded,
                size,
            ))?);
        }
        for (_, path, version) in against.iter().filter(|(of, ..)| *of == signal) {
            let program = Program::real(path, version.as_deref())?;
            let size = COMPARED.min(most);
            figures.extend(runtime.block_on(workload::measure(signal, &program, size))?);
        }
    }
    document::keep(&figures)?;
    document::write(&figures)
}
