//! What each server is sent and asked.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};

use crate::Figure;
use crate::client::Client;
use crate::data;
use crate::page::median;
use crate::server::{Program, Server};
use crate::spans;

/// How often each query is asked.
const ROUNDS: usize = 5;

/// Most time until a search finds what was sent.
const VISIBLE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Samples,
    Lines,
    Spans,
}

/// A query: its name in the tables, its path, and a text that a right answer has.
pub struct Query {
    name: &'static str,
    path: String,
    holds: String,
}

impl Signal {
    pub const ALL: [Self; 3] = [Self::Samples, Self::Lines, Self::Spans];

    pub fn name(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Lines => "lines",
            Self::Spans => "spans",
        }
    }

    pub fn named(name: &str) -> anyhow::Result<Self> {
        let found = Self::ALL.into_iter().find(|signal| signal.name() == name);
        found.with_context(|| format!("no signal {name}: samples, lines or spans"))
    }

    /// The real server of this signal.
    pub fn server(self) -> &'static str {
        match self {
            Self::Samples => "prometheus",
            Self::Lines => "loki",
            Self::Spans => "tempo",
        }
    }

    pub fn of_server(name: &str) -> anyhow::Result<Self> {
        let found = Self::ALL.into_iter().find(|signal| signal.server() == name);
        found.with_context(|| format!("no server {name}: prometheus, loki or tempo"))
    }

    /// The path that data goes to.
    pub fn path(self) -> &'static str {
        match self {
            Self::Samples => "/api/v1/write",
            Self::Lines => "/loki/api/v1/push",
            Self::Spans => "/v1/traces",
        }
    }

    /// Numbers of items.
    pub const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

    /// Body number `at` of all those that hold `size` items; `None` after the last.
    fn body(self, size: u64, at: u64, now: u64) -> anyhow::Result<Option<Vec<u8>>> {
        match self {
            Self::Samples => data::samples(size, at, now),
            Self::Lines => data::lines(size, at, now),
            Self::Spans => data::spans(size, at, now),
        }
    }

    fn queries(self, size: u64, now: u64) -> Vec<Query> {
        let query = |name, path: String, holds: &str| Query {
            name,
            path,
            holds: holds.to_owned(),
        };
        let end = now / 1_000_000_000;
        let start = end - 3600;
        match self {
            Self::Samples => {
                let at = |name, text: &str, holds| {
                    let text = encode(text);
                    let path =
                        format!("/api/v1/query_range?query={text}&start={start}&end={end}&step=60");
                    query(name, path, holds)
                };
                vec![
                    at(
                        "rate of every series",
                        "sum by (app_name) (rate(requests_duration_seconds_bucket[1m]))",
                        "app-b",
                    ),
                    at(
                        "p99 by path of one service",
                        r#"histogram_quantile(0.99, sum by (path, le) (rate(requests_duration_seconds_bucket{app_name="app-b"}[1m])))"#,
                        "/route/",
                    ),
                ]
            }
            Self::Lines => {
                let at = |name, text: &str, holds| {
                    let text = encode(text);
                    let path = format!(
                        "/loki/api/v1/query_range?query={text}&start={start}&end={end}&step=15&limit=100"
                    );
                    query(name, path, holds)
                };
                let rare = format!(
                    "{:032x}",
                    spans::trace_id(size / spans::SPANS_PER_TRACE - 1)
                );
                vec![
                    at(
                        "one trace's lines",
                        &format!(r#"{{compose_service=~"app-.*"}} |= "{rare}""#),
                        &rare,
                    ),
                    at(
                        "lines with ERROR a minute",
                        r#"sum by (compose_service) (count_over_time({compose_service=~"app-.*"} |= "ERROR" [1m]))"#,
                        "app-b",
                    ),
                    at(
                        "the log dashboard's rate",
                        r#"sum by (type) (rate({compose_service=~"app-.*"} | pattern `<date> <time> <type> <logger> <code> [<_>=<trace_id> <_>=<span_id> <_>=<service_name>] - <msg>` | type != "" [1m]))"#,
                        "ERROR",
                    ),
                ]
            }
            Self::Spans => {
                let at = |name, text: &str, holds| {
                    let text = encode(text);
                    query(
                        name,
                        format!(
                            "/api/search?q={text}&start={start}&end={}&limit=20",
                            end + 60
                        ),
                        holds,
                    )
                };
                let last = format!(
                    "{:032x}",
                    spans::trace_id(size / spans::SPANS_PER_TRACE - 1)
                );
                vec![
                    query("a trace by id", format!("/api/traces/{last}"), "GET /items"),
                    at("traces with an error", "{ status = error }", "traceID"),
                    at(
                        "traces of a service and route",
                        r#"{ resource.service.name = "app-b" && span.http.route = "/items/{item_id}" }"#,
                        "traceID",
                    ),
                    at("no trace is as slow", "{ duration > 10s }", "traces"),
                ]
            }
        }
    }
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Sends `size` items to a fresh server, asks it, and looks at its memory.
pub async fn measure(signal: Signal, program: &Program, size: u64) -> anyhow::Result<Vec<Figure>> {
    let client = Client::new();
    let mut server = Server::start(program, signal, &client).await?;
    let before = server.resident()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
    let encoding = (signal == Signal::Samples).then_some("snappy");
    let (mut ingest, mut at) = (0.0, 0);
    while let Some(body) = signal.body(size, at, now)? {
        ingest += client.post(&server.ingest, encoding, body).await?;
        at += 1;
    }
    let held = server.held()?;
    let name = match program {
        Program::Embedded => "embedded".to_owned(),
        Program::Real { version, .. } => format!("{} {version}", signal.server()),
    };
    let figure = |what: &str, seconds, bytes_per_item| Figure {
        server: name.clone(),
        what: what.to_owned(),
        item: signal.name().to_owned(),
        size,
        held,
        seconds,
        bytes_per_item,
    };
    let mut figures = Vec::new();
    for query in signal.queries(size, now) {
        let url = format!("{}{}", server.api, query.path);
        visible(&client, &url, &query.holds).await?;
        let mut seconds = Vec::new();
        for _ in 0..ROUNDS {
            let started = Instant::now();
            client.get(&url).await?;
            seconds.push(started.elapsed().as_secs_f64());
        }
        figures.push(figure(query.name, median(&mut seconds), None));
    }
    let bytes = server.resident()?.saturating_sub(before) as f64;
    // Of few items the memory is less than what the process takes for its first requests.
    let bytes = (size >= 100_000).then(|| bytes / held.unwrap_or(size) as f64);
    figures.insert(0, figure("ingest", ingest, bytes));
    for figure in &figures {
        println!(
            "{} {} {} {}: {:.4} s{}",
            figure.server,
            figure.size,
            figure.item,
            figure.what,
            figure.seconds,
            figure
                .bytes_per_item
                .map_or(String::new(), |bytes| format!(", {bytes:.0} bytes each")),
        );
    }
    Ok(figures)
}

/// Waits until a query finds what was sent: Tempo searches a trace a few seconds after its last span.
async fn visible(client: &Client, url: &str, holds: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let answer = client.get(url).await;
        if let Ok(body) = &answer
            && body
                .windows(holds.len())
                .any(|part| part == holds.as_bytes())
        {
            return Ok(());
        }
        if started.elapsed() > VISIBLE {
            match answer {
                Ok(_) => bail!("{url}: the answer has no {holds}"),
                Err(error) => return Err(error),
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
