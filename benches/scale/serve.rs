//! One embedded server in a process of its own, with a store that holds ten million items: `scale serve SIGNAL`.
//!
//! It writes its port, then for each line that it reads how many items it holds, and ends with its input.

use std::io::Write as _;
use std::sync::Arc;

use lab_backends::{logs, metrics, otlp, traces};
use salvo::conn::{Acceptor as _, Listener as _, TcpListener};
use salvo::{Router, Server};

use crate::workload::Signal;

/// As `lab up` has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes that a store may hold: more than ten million spans take.
const STORE: usize = 12 << 30;

/// The routes of one server, and what counts the items that it holds.
type Served = (Router, Box<dyn Fn() -> u64>);

fn samples() -> anyhow::Result<Served> {
    let store = Arc::new(metrics::Store::new(metrics::Limits::for_store_of(STORE)));
    let none = metrics::ScrapeConfig::parse("scrape_configs: []")?;
    let targets = Arc::new(metrics::TargetSet::new(&none));
    let routes = metrics::router(
        Arc::clone(&store),
        targets,
        Arc::default(),
        metrics::QueryLimits::for_store_of(STORE),
    );
    let held = move || {
        let stats = store.stats();
        stats.samples_ingested - stats.evicted_by_bytes - stats.evicted_by_age
    };
    Ok((routes, Box::new(held)))
}

/// The rates of ingest are no part of the measurement.
fn lines() -> Served {
    let store = Arc::new(logs::Store::new(logs::Limits {
        ingest_bytes_per_second: usize::MAX,
        ingest_burst_bytes: usize::MAX,
        increment_duplicate_timestamp: true,
        ..logs::Limits::for_store_of(STORE)
    }));
    let routes = logs::router(Arc::clone(&store));
    (routes, Box::new(move || store.stats().entries))
}

fn spans() -> Served {
    let store = Arc::new(traces::Store::new(traces::Limits {
        ingest_bytes_per_second: u64::MAX,
        ingest_burst_bytes: u64::MAX,
        ..traces::Limits::for_store_of(STORE)
    }));
    let receivers = otlp::Receivers::of_traces(Arc::clone(&store));
    let routes = traces::api::router(Arc::clone(&store)).push(otlp::router(&receivers));
    (routes, Box::new(move || store.stats().spans))
}

pub fn run(signal: Signal) -> anyhow::Result<()> {
    let (routes, held) = match signal {
        Signal::Samples => samples()?,
        Signal::Lines => lines(),
        Signal::Spans => spans(),
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let acceptor = runtime.block_on(TcpListener::new("127.0.0.1:0").bind());
    let address = acceptor.holdings()[0].local_addr.clone();
    runtime.spawn(Server::new(acceptor).serve(routes));
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{}",
        address.to_string().trim_start_matches("socket://")
    )?;
    out.flush()?;
    for line in std::io::stdin().lines() {
        line?;
        writeln!(out, "{}", held())?;
        out.flush()?;
    }
    Ok(())
}
