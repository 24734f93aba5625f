//! An OTLP collector that counts the spans of each service and forgets them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A running collector. It runs in the task that it was started in.
pub struct Sink {
    /// Where it takes spans over gRPC.
    pub address: SocketAddr,
    counts: Arc<Mutex<BTreeMap<String, u64>>>,
    read: RefCell<BTreeMap<String, u64>>,
}

impl Sink {
    /// Starts a collector on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counts = Arc::default();
        let service = TraceServiceServer::new(Counting(Arc::clone(&counts)));
        tokio::spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpIncoming::from(listener)),
        );
        Ok(Self {
            address,
            counts,
            read: RefCell::default(),
        })
    }

    /// The spans of `service` that arrived since the last call for it.
    pub fn take(&self, service: &str) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = counts.get(service).copied().unwrap_or_default();
        let before = self.read.borrow_mut().insert(service.to_owned(), now);
        now - before.unwrap_or_default()
    }
}

struct Counting(Arc<Mutex<BTreeMap<String, u64>>>);

/// `service.name` of the resource.
fn service(spans: &ResourceSpans) -> Option<&str> {
    let attributes = &spans.resource.as_ref()?.attributes;
    let name = attributes.iter().find(|it| it.key == "service.name")?;
    match name.value.as_ref()?.value.as_ref()? {
        Value::StringValue(name) => Some(name),
        _ => None,
    }
}

#[tonic::async_trait]
impl TraceService for Counting {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for spans in &request.get_ref().resource_spans {
            let name = service(spans).ok_or_else(|| Status::invalid_argument("no service.name"))?;
            let count: usize = spans.scope_spans.iter().map(|it| it.spans.len()).sum();
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry(name.to_owned()).or_default() += count as u64;
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
