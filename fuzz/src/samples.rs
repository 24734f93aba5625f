//! Samples: remote write, and pages that are scraped.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use lab_backends::metrics::{Health, Limits, QueryLimits, ScrapeConfig, Store, TargetSet, router};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::server::{RUNTIME, Server};

/// A store that takes samples of any time.
pub(super) fn store() -> Arc<Store> {
    Arc::new(Store::new(Limits {
        max_age: Duration::from_secs(200 * 365 * 24 * 3600),
        ..Limits::for_store_of(16 << 20)
    }))
}

pub(super) fn prometheus(store: &Arc<Store>) -> Server {
    let limits = QueryLimits::for_store_of(16 << 20);
    Server::new(router(
        Arc::clone(store),
        Arc::default(),
        Arc::default(),
        limits,
    ))
}

/// Series that the API lists.
pub(super) fn listed(server: &Server) -> usize {
    let fields = [
        ("match[]", "{__name__=~\".*\",__name__!=\"\"}"),
        ("start", "-62135596800"),
        ("end", "9223372036"),
    ];
    let found = server.form("/api/v1/series", &fields);
    assert!(found.is_ok(), "{found:?}");
    found.json()["data"].as_array().map_or(0, Vec::len)
}

/// With a first byte of 0 the rest is sent as it is, with 1 it says that it is remote write 2.0, else it is compressed
/// before. A write that is sent again stores nothing again.
pub fn remote_write(data: &[u8]) {
    const WRITE: &str = "/api/v1/write";
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let store = store();
    let server = prometheus(&store);
    let answer = match *first {
        0 => server.post(WRITE, "application/x-protobuf", body),
        1 => {
            let kind = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
            let answer = server.post(WRITE, kind, body);
            return assert_eq!(answer.status, 415, "{answer:?}");
        }
        _ => {
            let compressed = snap::raw::Encoder::new().compress_vec(body);
            let compressed = compressed.expect("a small body");
            let answer = server.post(WRITE, "application/x-protobuf", &compressed);
            let kept = store.stats();
            if answer.is_ok() {
                server.post(WRITE, "application/x-protobuf", &compressed);
                assert_eq!(store.stats().samples_ingested, kept.samples_ingested);
            }
            answer
        }
    };
    let kept = store.stats();
    assert!(kept.bytes <= 16 << 20, "{kept:?}");
    if kept.samples_ingested > 0 {
        assert!(listed(&server) > 0, "{answer:?}");
    }
}

/// Content type and body of the page that the target has now.
static PAGE: Mutex<(&str, Vec<u8>)> = Mutex::new(("", Vec::new()));

/// A target with that page.
static TARGETS: LazyLock<TargetSet> = LazyLock::new(|| {
    let listener = RUNTIME
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    RUNTIME.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket));
        }
    });
    let job = format!(
        "scrape_configs: [{{job_name: fuzz, scrape_native_histograms: true, always_scrape_classic_histograms: true, \
         static_configs: [{{targets: ['{address}']}}]}}]"
    );
    TargetSet::new(&ScrapeConfig::parse(&job).expect("a configuration"))
});

async fn serve(mut socket: TcpStream) {
    let mut head = Vec::new();
    loop {
        match socket.read_buf(&mut head).await {
            Ok(0) | Err(_) => return,
            Ok(_) if !head.ends_with(b"\r\n\r\n") => continue,
            Ok(_) => head.clear(),
        }
        let (kind, body) = PAGE.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let length = body.len();
        let mut answer =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
                .into_bytes();
        answer.extend(body);
        if socket.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Scrapes a page; the health of the target after it.
fn scraped(store: &Arc<Store>, kind: &'static str, body: &[u8]) -> Health {
    *PAGE.lock().unwrap_or_else(PoisonError::into_inner) = (kind, body.to_vec());
    RUNTIME.block_on(TARGETS.scrape_once(store));
    let last = TARGETS.targets()[0].last_scrape();
    assert_eq!(last.health == Health::Up, last.error.is_empty(), "{last:?}");
    last.health
}

/// A page: protobuf after a first byte of 255, else OpenMetrics after one that is even. It is taken as a whole or not at
/// all, and the same page is taken again; then its series end.
pub fn exposition(data: &[u8]) {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const TEXT: &str = "text/plain; version=0.0.4";
    const PROTOBUF: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    let Some((first, page)) = data.split_first() else {
        return;
    };
    let kind = match first {
        255 => PROTOBUF,
        first => [OPEN_METRICS, TEXT][usize::from(first % 2)],
    };
    let store = store();
    let health = scraped(&store, kind, page);
    let kept = store.stats();
    assert!(kept.bytes <= 16 << 20, "{kept:?}");
    match health {
        Health::Up => {
            let ends = kind != OPEN_METRICS
                || page.is_empty()
                || page.ends_with(b"# EOF")
                || page.ends_with(b"# EOF\n");
            assert!(ends || page.trim_ascii_end().ends_with(b"# EOF"));
            assert_eq!(listed(&prometheus(&store)) as u64, kept.series);
        }
        // `up` and what else is told of every scrape.
        _ => assert!(kept.series <= OWN && kept.exemplars == 0, "{kept:?}"),
    }
    assert_eq!(scraped(&store, kind, page), health);
    assert_eq!(scraped(&store, TEXT, b""), Health::Up);
    assert_eq!(store.stats().series, kept.series.max(OWN));
}

/// Series that a scrape makes of itself.
const OWN: u64 = 5;
