//! Sends entries to a real Loki, as Promtail does: in batches, and with retries on 429, 5xx and
//! connection errors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use prost::Message;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::sink::Sink;
use super::stats::{PipelineCounters, PipelineStats, add};
use crate::logs::ingest::{EntryProto, LabelProto, PushRequestProto, StreamProto, TimestampProto};
use crate::logs::store::{Entry, LabelSet};

const PUSH: &str = "/loki/api/v1/push";

/// Settings of the client. The defaults are Promtail's.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// Bytes of lines after which a batch is sent. Default 1 MiB.
    pub batch_bytes: usize,
    /// Time that a batch waits for more entries. Default 1 s.
    pub batch_wait: Duration,
    /// First pause before another attempt; it doubles each time. Default 500 ms.
    pub min_backoff: Duration,
    /// Longest pause. Default 5 min.
    pub max_backoff: Duration,
    /// Attempts for a batch. Default 10.
    pub attempts: u32,
    /// Timeout of one attempt. Default 10 s.
    pub timeout: Duration,
    /// Bytes that may wait to be sent; further entries are dropped and counted. Default 16 MiB.
    pub buffer_bytes: usize,
}

impl Default for RemoteConfig {
    fn default() -> Self {
        Self {
            batch_bytes: 1 << 20,
            batch_wait: Duration::from_secs(1),
            min_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(300),
            attempts: 10,
            timeout: Duration::from_secs(10),
            buffer_bytes: 16 << 20,
        }
    }
}

/// The URL of a server is not usable.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// It does not parse.
    #[error("{0:?} is not the URL of a Loki server: {1}")]
    Url(String, http::uri::InvalidUri),
    /// Its scheme is not `http`.
    #[error("{0:?} is not the URL of a Loki server: it has to begin with http://")]
    Scheme(String),
}

/// Entries of one stream that wait to be sent.
struct Parcel {
    labels: LabelSet,
    entries: Vec<Entry>,
    bytes: usize,
}

/// A real Loki as a sink.
pub struct RemoteLoki {
    queue: Mutex<Option<mpsc::UnboundedSender<Parcel>>>,
    finished: Mutex<Option<oneshot::Receiver<()>>>,
    shared: Arc<Shared>,
}

/// State that the sink shares with its sending task.
struct Shared {
    url: Uri,
    config: RemoteConfig,
    /// Bytes that wait or are being sent. This bounds the queue.
    waiting: AtomicUsize,
    counters: PipelineCounters,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl RemoteLoki {
    /// Starts to send to a server, `http://host:3100` or with the path of its push endpoint. Must be
    /// called inside of a Tokio runtime.
    ///
    /// # Errors
    /// The URL does not parse, or is not `http`.
    pub fn start(url: &str, config: RemoteConfig) -> Result<Self, RemoteError> {
        let base = url.trim_end_matches('/');
        let full = match base.ends_with("/push") {
            true => base.to_owned(),
            false => format!("{base}{PUSH}"),
        };
        let uri: Uri = full
            .parse()
            .map_err(|error| RemoteError::Url(url.to_owned(), error))?;
        if uri.scheme_str() != Some("http") {
            return Err(RemoteError::Scheme(url.to_owned()));
        }
        let shared = Arc::new(Shared {
            url: uri,
            config,
            waiting: AtomicUsize::new(0),
            counters: PipelineCounters::default(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        });
        // The bytes are bounded by `waiting`, whatever the number of parcels.
        let (queue, parcels) = mpsc::unbounded_channel();
        let (done, finished) = oneshot::channel();
        let sender = Arc::clone(&shared);
        tokio::spawn(async move {
            sender.deliver_all(parcels).await;
            done.send(()).ok();
        });
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            finished: Mutex::new(Some(finished)),
            shared,
        })
    }

    /// Sends what waits and stops, in `patience` at most; later entries are dropped.
    pub async fn close(&self, patience: Duration) {
        self.queue.lock().take();
        let finished = self.finished.lock().take();
        if let Some(finished) = finished {
            timeout(patience, finished).await.ok();
        }
    }

    fn enqueue(&self, labels: &LabelSet, entries: Vec<Entry>) {
        let (shared, count) = (&self.shared, entries.len());
        let bytes = entries.iter().map(|entry| entry.bytes() + 64).sum();
        let waiting = shared.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let parcel = Parcel {
            labels: labels.clone(),
            entries,
            bytes,
        };
        let queue = self.queue.lock();
        let taken = waiting <= shared.config.buffer_bytes
            && queue
                .as_ref()
                .is_some_and(|queue| queue.send(parcel).is_ok());
        if !taken {
            shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
            add(&shared.counters.dropped, count);
        }
    }
}

impl Sink for RemoteLoki {
    fn send<'a>(&'a self, labels: &'a LabelSet, entries: Vec<Entry>) -> BoxFuture<'a, ()> {
        self.enqueue(labels, entries);
        Box::pin(std::future::ready(()))
    }

    fn stats(&self) -> PipelineStats {
        self.shared.counters.read()
    }
}

/// Outcome of one attempt.
enum Attempt {
    Delivered,
    /// 429, 5xx, or no answer: worth another attempt.
    Later(String),
    /// Refused for good.
    Refused(String),
}

impl Shared {
    async fn deliver_all(&self, mut parcels: mpsc::UnboundedReceiver<Parcel>) {
        while let Some(first) = parcels.recv().await {
            let deadline = Instant::now() + self.config.batch_wait;
            let mut bytes = first.bytes;
            let mut batch = vec![first];
            while bytes < self.config.batch_bytes {
                let Ok(Some(parcel)) = timeout_at(deadline, parcels.recv()).await else {
                    break;
                };
                bytes += parcel.bytes;
                batch.push(parcel);
            }
            self.deliver(batch).await;
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    async fn deliver(&self, batch: Vec<Parcel>) {
        let count = batch.iter().map(|parcel| parcel.entries.len()).sum();
        let Some(body) = body(batch) else {
            return add(&self.counters.dropped, count);
        };
        let mut pause = self.config.min_backoff;
        for attempt in 1..=self.config.attempts.max(1) {
            match self.attempt(body.clone()).await {
                Attempt::Delivered => return add(&self.counters.delivered, count),
                Attempt::Refused(reason) => {
                    tracing::warn!(url = %self.url, entries = count, reason, "Loki refused entries");
                    break;
                }
                Attempt::Later(reason) => {
                    tracing::debug!(url = %self.url, attempt, reason, "Loki took no entries");
                }
            }
            if attempt < self.config.attempts {
                add(&self.counters.retries, 1);
                sleep(pause).await;
                pause = (pause * 2).min(self.config.max_backoff);
            }
        }
        add(&self.counters.dropped, count);
    }

    async fn attempt(&self, body: Bytes) -> Attempt {
        let request = Request::post(self.url.clone())
            .header("content-type", "application/x-protobuf")
            .header(
                "user-agent",
                concat!("salvo-observability/", env!("CARGO_PKG_VERSION")),
            )
            .body(Full::new(body));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Attempt::Refused(error.to_string()),
        };
        let response = match timeout(self.config.timeout, self.client.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Attempt::Later(error.to_string()),
            Err(_) => return Attempt::Later("no answer in time".to_owned()),
        };
        let status = response.status();
        // The connection can be reused only after the body was read; the body is short.
        let text = timeout(self.config.timeout, response.into_body().collect()).await;
        if status.is_success() {
            return Attempt::Delivered;
        }
        let text = text.ok().and_then(Result::ok).map(|body| body.to_bytes());
        let text = String::from_utf8_lossy(text.as_deref().unwrap_or_default()).into_owned();
        let reason = format!("{status}: {}", text.trim_end());
        if status.as_u16() == 429 || status.is_server_error() {
            Attempt::Later(reason)
        } else {
            Attempt::Refused(reason)
        }
    }
}

/// Encodes a batch as protobuf in snappy, one stream for each label set.
fn body(batch: Vec<Parcel>) -> Option<Bytes> {
    let mut streams: BTreeMap<LabelSet, Vec<EntryProto>> = BTreeMap::new();
    for parcel in batch {
        let entries = streams.entry(parcel.labels).or_default();
        entries.extend(parcel.entries.into_iter().map(proto));
    }
    let request = PushRequestProto {
        streams: streams
            .into_iter()
            .map(|(labels, entries)| StreamProto {
                labels: labels.to_string(),
                entries,
            })
            .collect(),
    };
    let compressed = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec());
    compressed.ok().map(Bytes::from)
}

fn proto(entry: Entry) -> EntryProto {
    EntryProto {
        timestamp: Some(TimestampProto {
            seconds: entry.ts.div_euclid(1_000_000_000),
            nanos: i32::try_from(entry.ts.rem_euclid(1_000_000_000)).unwrap_or(0),
        }),
        line: entry.line.into_bytes(),
        structured_metadata: entry
            .metadata
            .into_iter()
            .map(|(name, value)| LabelProto {
                name: name.into_bytes(),
                value: value.into_bytes(),
            })
            .collect(),
    }
}
