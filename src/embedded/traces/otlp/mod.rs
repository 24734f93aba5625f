//! OTLP receivers for traces (<https://opentelemetry.io/docs/specs/otlp/>): gRPC and HTTP, both into
//! the same store. Metrics and logs are not taken: UNIMPLEMENTED and 404.

mod body;
mod counted;
mod grpc;
mod http;
mod metered;
mod status;

pub use grpc::{serve_grpc, serve_grpc_on};
pub use http::router;

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};

use super::{Refusal, Store};

/// Puts a decoded request into the store, on a thread that may wait for it.
async fn export(
    store: &Arc<Store>,
    request: ExportTraceServiceRequest,
) -> Result<ExportTraceServiceResponse, status::Failure> {
    let store = Arc::clone(store);
    let pushed =
        tokio::task::spawn_blocking(move || store.push(request.resource_spans, SystemTime::now()));
    let taken = match pushed.await {
        Ok(Ok(taken)) => taken,
        Ok(Err(refusal)) => return Err(refusal.into()),
        Err(_) => return Err(status::Failure::internal("storing spans failed")),
    };
    let partial_success = ExportTracePartialSuccess {
        rejected_spans: i64::try_from(taken.rejected).unwrap_or(i64::MAX),
        error_message: taken.message,
    };
    Ok(ExportTraceServiceResponse {
        partial_success: Some(partial_success),
    })
}

impl From<Refusal> for status::Failure {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Invalid(_) => Self::invalid(message),
            Refusal::RateLimited { retry_after, .. } => Self::exhausted(message, retry_after),
        }
    }
}
