//! From the output of a process to entries with the labels of `docs/contract.md`.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::support::logs::{Backend, NOW, SECOND};
use futures_util::future::BoxFuture;
use lab_backends::logs::shipper::{
    Output, Pipeline, PipelineStats, RemoteConfig, RemoteLoki, Sink, Stages, StoreSink,
    contract_labels,
};
use lab_backends::logs::store::{Entry, LabelSet};
use lab_backends::logs::{Clock, Limits};
use parking_lot::Mutex;
use salvo::conn::{Acceptor, TcpListener};
use salvo::prelude::{Listener, Request, Response, Router, Server, StatusCode, handler};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::{Notify, mpsc};

/// Keeps what it gets.
#[derive(Default)]
struct Kept {
    entries: Mutex<Vec<Entry>>,
    arrived: Notify,
}

impl Sink for Kept {
    fn send<'a>(&'a self, _: &'a LabelSet, entries: Vec<Entry>) -> BoxFuture<'a, ()> {
        self.entries.lock().extend(entries);
        self.arrived.notify_one();
        Box::pin(std::future::ready(()))
    }

    fn stats(&self) -> PipelineStats {
        PipelineStats::default()
    }
}

/// Reads parts one after the other, as a pipe does.
struct Parts(VecDeque<Vec<u8>>);

impl AsyncRead for Parts {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(mut part) = self.0.pop_front() {
            let rest = part.split_off(part.len().min(buffer.remaining()));
            buffer.put_slice(&part);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads what is sent to it and waits in between.
struct Pipe(mpsc::UnboundedReceiver<Vec<u8>>);

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_recv(context).map(|part| {
            buffer.put_slice(&part.unwrap_or_default());
            Ok(())
        })
    }
}

fn parts(parts: &[&[u8]]) -> Parts {
    Parts(parts.iter().map(|part| part.to_vec()).collect())
}

fn pipeline(stages: Stages, sink: Arc<dyn Sink>) -> Pipeline {
    let labels = contract_labels("app-a", Output::Stdout, "lab", "/var/log/lab/app-a.log");
    let labels = LabelSet::new(labels).unwrap();
    Pipeline::new(labels, stages, sink, Clock::from_fn(|| NOW))
}

async fn entries(stages: Stages, source: Parts) -> (Vec<String>, PipelineStats) {
    let kept = Arc::new(Kept::default());
    let pipeline = pipeline(stages, kept.clone());
    let stats = pipeline.stats();
    pipeline.run(source).await.unwrap();
    let lines = kept.entries.lock().iter().map(|e| e.line.clone()).collect();
    (lines, stats())
}

#[tokio::test]
async fn error_chains_are_one_entry() {
    let source = parts(&[
        b"before any date\n2026-11-22 14:07:31,123 INFO one\n2026-11-22 14:07:31,1",
        b"24 ERROR two\n\nCaused by:\n    0: reading\n",
        b"2026-11-22 1:07:31,125 INFO three",
    ]);
    let (lines, stats) = entries(Stages::text(), source).await;
    assert_eq!(
        lines,
        [
            "before any date",
            "2026-11-22 14:07:31,123 INFO one",
            "2026-11-22 14:07:31,124 ERROR two\n\nCaused by:\n    0: reading",
            "2026-11-22 1:07:31,125 INFO three",
        ]
    );
    assert_eq!((stats.lines, stats.entries), (7, 4));
}

#[tokio::test]
async fn other_formats_have_one_entry_a_line() {
    let (lines, _) = entries(Stages::lines(), parts(&[b"{\"a\":1}\r\n  b\n\nc\n"])).await;
    assert_eq!(lines, ["{\"a\":1}", "  b", "", "c"]);
}

#[tokio::test]
async fn an_entry_has_128_lines_at_most() {
    let text = format!("2026-11-22 14:07:31,123 ERROR\n{}", "  at\n".repeat(300));
    let (lines, _) = entries(Stages::text(), parts(&[text.as_bytes()])).await;
    let counts: Vec<usize> = lines.iter().map(|entry| entry.lines().count()).collect();
    assert_eq!(counts, [128, 128, 45]);
}

#[tokio::test]
async fn long_lines_are_cut_and_counted_and_bad_bytes_replaced() {
    let long = "é".repeat(200 << 10);
    let source = parts(&[long.as_bytes(), b"\nshort\nbad \xff byte\n"]);
    let (lines, stats) = entries(Stages::lines(), source).await;
    assert_eq!(lines[0].len(), 256 << 10);
    assert!(lines[0].chars().all(|c| c == 'é'));
    assert_eq!(lines[1..], ["short", "bad \u{fffd} byte"]);
    assert_eq!((stats.truncated, stats.invalid_utf8), (1, 1));
    let chain = format!(
        "2026-11-22 14:07:31,123 E\n{}\n{}\n",
        "x".repeat(200 << 10),
        "y".repeat(200 << 10)
    );
    let (lines, stats) = entries(Stages::text(), parts(&[chain.as_bytes()])).await;
    assert_eq!(
        (lines.len(), lines[0].len(), stats.truncated),
        (1, 256 << 10, 1)
    );
}

#[tokio::test]
async fn a_waiting_entry_is_handed_on_without_a_further_line() {
    let mut stages = Stages::text();
    let multiline = stages.multiline.as_mut().unwrap();
    assert_eq!(multiline.max_wait, Duration::from_secs(3));
    multiline.max_wait = Duration::from_millis(20);
    let kept = Arc::new(Kept::default());
    let (send, receive) = mpsc::unbounded_channel();
    let running = tokio::spawn(pipeline(stages, kept.clone()).run(Pipe(receive)));
    let text = "2026-11-22 14:07:31,123 ERROR one\n  more\n";
    send.send(text.as_bytes().to_vec()).unwrap();
    kept.arrived.notified().await;
    assert_eq!(kept.entries.lock()[0].line, text.trim_end());
    drop(send);
    running.await.unwrap().unwrap();
    assert_eq!(kept.entries.lock().len(), 1);
}

#[tokio::test]
async fn equal_lines_keep_apart_times() {
    let kept = Arc::new(Kept::default());
    let source = parts(&[b"same\nsame\nsame\n"]);
    pipeline(Stages::lines(), kept.clone())
        .run(source)
        .await
        .unwrap();
    let times: Vec<i64> = kept.entries.lock().iter().map(|e| e.ts).collect();
    assert_eq!(times, [NOW, NOW + 1, NOW + 2]);
}

#[test]
fn the_regex_stage_extracts_time_and_message_of_the_contract() {
    let stages = Stages::text();
    let line = "2026-11-22 14:07:31,123 ERROR [a] - x\n\nCaused by:\n  y";
    let extracted = stages.extract(line).unwrap();
    assert_eq!(
        extracted,
        [
            ("time", "2026-11-22 14:07:31,123"),
            ("message", "ERROR [a] - x\n\nCaused by:\n  y")
        ]
    );
    assert_eq!(stages.extract("no date"), None);
}

#[tokio::test]
async fn the_store_gets_exactly_the_labels_of_the_contract() {
    let limits = Limits {
        discover_log_levels: false,
        ..Limits::default()
    };
    let backend = Backend::start(limits).await;
    let sink = Arc::new(StoreSink::new(backend.store.clone()));
    let source = parts(&[b"2026-11-22 14:07:31,123 INFO one\n"]);
    pipeline(Stages::text(), sink.clone())
        .run(source)
        .await
        .unwrap();
    let answer = backend
        .range(r#"{compose_service="app-a"}"#, &[])
        .await
        .json();
    let stream = &answer["data"]["result"][0];
    assert_eq!(
        stream["stream"],
        serde_json::json!({
            "compose_project": "salvo-observability",
            "compose_service": "app-a",
            "container_name": "salvo-observability-app-a-1",
            "source": "stdout",
            "host": "lab",
            "filename": "/var/log/lab/app-a.log",
        })
    );
    assert_eq!(stream["values"][0][1], "2026-11-22 14:07:31,123 INFO one");
    assert_eq!(sink.stats().delivered, 1);
}

#[tokio::test]
async fn a_store_at_its_rate_limit_holds_the_source_back_and_loses_nothing() {
    let limits = Limits {
        ingest_bytes_per_second: 20_000,
        ingest_burst_bytes: 5_000,
        ..Limits::default()
    };
    let backend = Backend::at(limits, Clock::system()).await;
    let sink = Arc::new(StoreSink::new(backend.store.clone()));
    let lines: Vec<Vec<u8>> = (0..8)
        .map(|n| format!("{n}{}\n", "x".repeat(1500)).into_bytes())
        .collect();
    let labels = LabelSet::new([("a", "b")]).unwrap();
    let pipeline = Pipeline::new(labels, Stages::lines(), sink.clone(), Clock::system());
    pipeline.run(Parts(lines.into())).await.unwrap();
    assert_eq!(backend.store.stats().entries, 8);
    let stats = sink.stats();
    assert_eq!((stats.delivered, stats.dropped), (8, 0));
    assert!(stats.retries > 0);
}

fn quick() -> RemoteConfig {
    RemoteConfig {
        batch_wait: Duration::from_millis(10),
        min_backoff: Duration::from_millis(1),
        ..RemoteConfig::default()
    }
}

async fn send(remote: &RemoteLoki, count: i64) {
    let labels = LabelSet::new([("app", "a")]).unwrap();
    for n in 0..count {
        let mut entry = Entry::new(NOW - SECOND + n, format!("line {n}"));
        entry.metadata.push(("trace_id".into(), "abc".into()));
        remote.send(&labels, vec![entry]).await;
    }
    remote.close(Duration::from_secs(20)).await;
}

#[tokio::test]
async fn a_real_server_gets_the_entries_over_http() {
    let backend = Backend::start(Limits::default()).await;
    let remote = RemoteLoki::start(&format!("http://{}", backend.address), quick()).unwrap();
    send(&remote, 500).await;
    assert_eq!(remote.stats().delivered, 500);
    let lines = backend
        .lines(r#"{app="a"} | trace_id="abc" |= "line 499""#)
        .await;
    assert_eq!(lines, ["line 499"]);
    assert_eq!(backend.store.stats().entries, 500);
}

/// Answers with one status after the other, then 204.
struct Moody {
    answers: Vec<u16>,
    requests: Arc<AtomicUsize>,
}

#[handler]
impl Moody {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        req.payload().await.unwrap();
        let at = self.requests.fetch_add(1, Ordering::Relaxed);
        let status = self.answers.get(at).copied().unwrap_or(204);
        res.status_code(StatusCode::from_u16(status).unwrap());
    }
}

async fn moody(answers: &[u16]) -> (String, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let acceptor = TcpListener::new("127.0.0.1:0").bind().await;
    let address = acceptor.holdings()[0]
        .local_addr
        .clone()
        .into_std()
        .unwrap();
    let moody = Moody {
        answers: answers.to_vec(),
        requests: requests.clone(),
    };
    let routes = Router::with_path("loki/api/v1/push").post(moody);
    tokio::spawn(Server::new(acceptor).serve(routes));
    (format!("http://{address}"), requests)
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_asked_again() {
    let (url, requests) = moody(&[429, 503, 500]).await;
    let remote = RemoteLoki::start(&url, quick()).unwrap();
    send(&remote, 1).await;
    let stats = remote.stats();
    assert_eq!((stats.delivered, stats.dropped, stats.retries), (1, 0, 3));
    assert_eq!(requests.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_server_that_refuses_is_not_asked_again() {
    let (url, requests) = moody(&[400]).await;
    let remote = RemoteLoki::start(&url, quick()).unwrap();
    send(&remote, 1).await;
    assert_eq!(remote.stats().dropped, 1);
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn without_a_server_the_buffer_is_bounded_and_drops_are_counted() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/loki/api/v1/push", free.local_addr().unwrap());
    drop(free);
    let config = RemoteConfig {
        attempts: 3,
        buffer_bytes: 10_000,
        ..quick()
    };
    let remote = RemoteLoki::start(&url, config).unwrap();
    send(&remote, 1000).await;
    let stats = remote.stats();
    assert_eq!((stats.delivered, stats.dropped), (0, 1000));
}

#[test]
fn only_plain_http_urls_are_taken() {
    for url in [
        "https://127.0.0.1:3100",
        "127.0.0.1:3100",
        "http://",
        "no url",
    ] {
        assert!(
            RemoteLoki::start(url, RemoteConfig::default()).is_err(),
            "{url}"
        );
    }
}
