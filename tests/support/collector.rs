//! An OTLP gRPC server inside the test, with the generated server of `opentelemetry-proto`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::eventually;

/// How the collector answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Accept = 0,
    Refuse = 1,
    Hang = 2,
    /// Takes all spans of a request but the first, and says so in its answer.
    Partial = 3,
    /// Takes all spans, with a warning.
    Warn = 4,
    /// Takes all spans, but only once the mood changes.
    Hold = 5,
}

/// A span as it was received, with its resource.
#[derive(Clone, Debug)]
pub struct Received {
    pub service: String,
    pub resource: HashMap<String, String>,
    pub span: Span,
}

impl Received {
    pub fn trace_id(&self) -> String {
        hex(&self.span.trace_id)
    }

    pub fn span_id(&self) -> String {
        hex(&self.span.span_id)
    }

    pub fn parent_id(&self) -> String {
        hex(&self.span.parent_span_id)
    }

    /// An attribute as text.
    pub fn attribute(&self, key: &str) -> Option<String> {
        attribute(&self.span.attributes, key)
    }

    /// An attribute of the event `event`.
    pub fn event_attribute(&self, event: &str, key: &str) -> Option<String> {
        let event = self.span.events.iter().find(|found| found.name == event)?;
        attribute(&event.attributes, key)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    attributes
        .iter()
        .find(|attribute| attribute.key == key)
        .map(|attribute| text(attribute.value.as_ref()))
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// Counts an export that is not answered yet.
struct Unanswered(Arc<AtomicUsize>);

impl Unanswered {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Default)]
struct Store {
    spans: Arc<Mutex<Vec<Received>>>,
    mood: Arc<AtomicU8>,
    asked: Arc<AtomicBool>,
    unanswered: Arc<AtomicUsize>,
    mood_changes: Arc<Notify>,
    largest: Arc<AtomicUsize>,
    metadata: Arc<Mutex<HashMap<String, String>>>,
}

#[tonic::async_trait]
impl TraceService for Store {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.asked.store(true, Ordering::SeqCst);
        let _unanswered = Unanswered::new(&self.unanswered);
        match self.mood.load(Ordering::SeqCst) {
            mood if mood == Mood::Refuse as u8 => {
                return Err(Status::permission_denied("not now"));
            }
            mood if mood == Mood::Hang as u8 => std::future::pending::<()>().await,
            mood if mood == Mood::Hold as u8 => {
                let mut change = std::pin::pin!(self.mood_changes.notified());
                change.as_mut().enable();
                if self.mood.load(Ordering::SeqCst) == mood {
                    change.await;
                }
            }
            _ => {}
        }
        let as_text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
        let headers = request.metadata().as_ref().iter();
        *self.metadata.lock().expect("metadata") = headers
            .map(|(name, value)| (name.to_string(), as_text(value)))
            .collect();
        let partial = self.mood.load(Ordering::SeqCst) == Mood::Partial as u8;
        let warn = self.mood.load(Ordering::SeqCst) == Mood::Warn as u8;
        let mut request = request.into_inner();
        if partial {
            let first = request.resource_spans.first_mut();
            let scope = first.and_then(|group| group.scope_spans.first_mut());
            scope.expect("a span").spans.remove(0);
        }
        let size = request.encoded_len();
        self.largest.fetch_max(size, Ordering::SeqCst);
        for group in request.resource_spans {
            let attributes = group.resource.map(|it| it.attributes).unwrap_or_default();
            let resource: HashMap<_, _> = attributes
                .iter()
                .map(|it| (it.key.clone(), text(it.value.as_ref())))
                .collect();
            let service = resource.get("service.name").cloned().unwrap_or_default();
            let mut spans = self.spans.lock().expect("spans");
            for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                spans.push(Received {
                    service: service.clone(),
                    resource: resource.clone(),
                    span,
                });
            }
        }
        let partial_success = (partial || warn).then(|| ExportTracePartialSuccess {
            rejected_spans: i64::from(partial),
            error_message: "no room\nfor more".to_owned(),
        });
        Ok(Response::new(ExportTraceServiceResponse {
            partial_success,
        }))
    }
}

/// A running collector; it ends when dropped.
pub struct Collector {
    pub address: SocketAddr,
    store: Store,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Collector {
    /// A collector on a free port that accepts everything.
    pub fn start() -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into())
    }

    /// A collector on a given address.
    pub fn start_at(address: SocketAddr) -> Self {
        let store = Store::default();
        let service = TraceServiceServer::new(store.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(64 << 20);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind(address).await.expect("bind");
                tell.send(listener.local_addr().expect("address"))
                    .expect("tell");
                let serve = Server::builder()
                    .add_service(service)
                    .serve_with_incoming(TcpIncoming::from(listener));
                tokio::select! {
                    served = serve => served.expect("serve"),
                    _ = stopped => {}
                }
            });
        });
        Self {
            address: told.recv().expect("address"),
            store,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set_mood(&self, mood: Mood) {
        self.store.mood.store(mood as u8, Ordering::SeqCst);
        self.store.mood_changes.notify_waiters();
    }

    /// A header of the newest export that was accepted.
    pub fn header(&self, name: &str) -> Option<String> {
        let metadata = self.store.metadata.lock().expect("metadata");
        metadata.get(name).cloned()
    }

    /// Whether an export has come, answered or not.
    pub fn is_asked(&self) -> bool {
        self.store.asked.load(Ordering::SeqCst)
    }

    /// Exports under way.
    pub fn unanswered(&self) -> usize {
        self.store.unanswered.load(Ordering::SeqCst)
    }

    /// Bytes of the largest request that was accepted.
    pub fn largest_request(&self) -> usize {
        self.store.largest.load(Ordering::SeqCst)
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Received> {
        self.store.spans.lock().expect("spans").clone()
    }

    /// Waits for the spans for which `wanted` holds to be `count`, and gives them.
    pub fn wait_for(&self, count: usize, wanted: impl Fn(&Received) -> bool) -> Vec<Received> {
        eventually(&format!("{count} spans"), || {
            let found: Vec<_> = self
                .spans()
                .into_iter()
                .filter(|span| wanted(span))
                .collect();
            (found.len() >= count).then_some(found)
        })
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
