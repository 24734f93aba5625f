//! The way of a body into the store: unpacked, measured, decoded, pushed, with bounds on how many
//! do so at the same time and on the memory that they take together.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use tokio::task::spawn_blocking;

use super::body::{Encoding, Unreadable, gunzip};
use super::status::Failure;
use crate::traces::{Refusal, Store};

/// A body as it came.
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) encoding: Encoding,
    /// It is compressed, and may have so many bytes when it is unpacked.
    pub(super) gzip: Option<usize>,
}

/// Reasons to keep nothing of a body.
pub(super) enum Rejected {
    Unreadable(Unreadable),
    Refused(Failure),
}

impl From<Unreadable> for Rejected {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}

/// Puts the spans of a body into the store.
pub(super) async fn take_in(
    store: &Arc<Store>,
    body: Body,
) -> Result<ExportTraceServiceResponse, Rejected> {
    let failed = |_| Rejected::Refused(Failure::internal("decoding failed"));
    let decoding = store.decoding();
    let _turn = decoding.turn().await;
    let _unpacked = store.intake().unpacking(body.gzip.unwrap_or(0)).await;
    let (most, encoding) = (decoding.most(), body.encoding);
    let measured = spawn_blocking(move || {
        let bytes = match body.gzip {
            None => body.bytes,
            Some(longest) => gunzip(&body.bytes, longest)?.into(),
        };
        let size = encoding.measure(&bytes, most)?;
        Ok::<_, Unreadable>((bytes, size))
    });
    let (bytes, size) = measured.await.map_err(failed)??;
    let _memory = decoding.memory(size).await;
    let store = Arc::clone(store);
    let pushed = spawn_blocking(move || {
        let request = encoding.decode(&bytes, store.decoding().budget())?;
        drop(bytes);
        let taken = store.push(request.resource_spans, SystemTime::now());
        Ok::<_, Unreadable>(taken)
    });
    let taken = pushed.await.map_err(failed)??;
    let taken = taken.map_err(|refusal| Rejected::Refused(refusal.into()))?;
    let partial_success = ExportTracePartialSuccess {
        rejected_spans: i64::try_from(taken.rejected).unwrap_or(i64::MAX),
        error_message: taken.message,
    };
    Ok(ExportTraceServiceResponse {
        partial_success: Some(partial_success),
    })
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Invalid(_) => Self::invalid(message),
            Refusal::RateLimited { retry_after, .. } => Self::exhausted(message, retry_after),
        }
    }
}
