//! HTTP responses of the Tempo API.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use prost::Message;
use salvo::Response;
use salvo::http::header::{CONTENT_TYPE, HeaderValue};
use salvo::http::{ResBody, StatusCode};
use serde_json::Value;

use super::json::TraceJson;
use super::writer::Json;
use crate::traces::Store;
use crate::traces::engine::search::SearchError;
use crate::wire::QueueError;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// A status, a body and what the body is.
pub(super) struct ApiResponse {
    status: StatusCode,
    content_type: Option<&'static str>,
    body: Bytes,
    /// Trailers.
    rest: Option<Box<Rest>>,
}

/// The part of a trace that is still to be written, when there is room for it on the wire.
struct Rest {
    store: Arc<Store>,
    trace: TraceJson,
}

impl ApiResponse {
    fn new(
        status: StatusCode,
        content_type: impl Into<Option<&'static str>>,
        body: impl Into<Bytes>,
    ) -> Self {
        Self {
            status,
            content_type: content_type.into(),
            body: body.into(),
            rest: None,
        }
    }

    pub(super) fn text(text: &'static str) -> Self {
        Self::new(StatusCode::OK, TEXT, text)
    }

    pub(super) fn plain(text: String) -> Self {
        Self::new(StatusCode::OK, TEXT, text)
    }

    /// Metrics in the text format of Prometheus.
    pub(super) fn exposition(text: String) -> Self {
        Self::new(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            text,
        )
    }

    pub(super) fn json(value: &Value) -> Self {
        Self::new(StatusCode::OK, JSON, value.to_string())
    }

    /// JSON that has been written already.
    pub(super) fn written(json: Json) -> Self {
        Self::new(StatusCode::OK, JSON, json.into_bytes())
    }

    /// A trace as JSON. Its first portion is written now, the others when they can be sent.
    pub(super) fn trace(store: &Arc<Store>, mut trace: TraceJson) -> Self {
        // Thrown away since it was looked up: it is not there.
        let Ok((portion, last)) = trace.portion(store) else {
            return Self::not_found();
        };
        let rest = (!last).then(|| {
            Box::new(Rest {
                store: Arc::clone(store),
                trace,
            })
        });
        Self {
            rest,
            ..Self::new(StatusCode::OK, JSON, portion)
        }
    }

    pub(super) fn protobuf(message: &impl Message) -> Self {
        let body = message.encode_to_vec();
        Self::new(StatusCode::OK, "application/protobuf", body)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, TEXT, message.into())
    }

    /// Without a body, as Tempo says that there is no such trace.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, None, Bytes::new())
    }

    /// Splits the body off, which leaves a response with an empty one.
    pub(super) fn into_parts(mut self) -> (Self, Vec<u8>) {
        let body = std::mem::take(&mut self.body);
        (self, body.into())
    }

    /// Puts a response and its body together again.
    pub(super) fn from_parts(head: Self, body: Bytes) -> Self {
        Self { body, ..head }
    }

    pub(super) fn render(self, response: &mut Response) {
        response.status_code(self.status);
        if let Some(content_type) = self.content_type {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        // Even an empty body is one; without it the service would write an error page.
        match self.rest {
            None => {
                response.body(ResBody::Once(self.body));
            }
            Some(rest) => response.stream(rest.after(self.body)),
        }
    }
}

impl Rest {
    /// A portion, then all others. If the trace is evicted meanwhile, the response breaks off.
    fn after(self, first: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let start = (Some(first), Some(self));
        futures_util::stream::try_unfold(start, |(ready, rest)| async {
            if let Some(portion) = ready {
                return Ok(Some((portion, (None, rest))));
            }
            let Some(mut rest) = rest else {
                return Ok(None);
            };
            let writing = tokio::task::spawn_blocking(move || {
                let (portion, last) = rest.trace.portion(&rest.store).map_err(io::Error::other)?;
                let state = (None, (!last).then_some(rest));
                Ok(Some((Bytes::from(portion), state)))
            });
            writing.await.map_err(io::Error::other)?
        })
    }
}

impl From<SearchError> for ApiResponse {
    fn from(error: SearchError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, TEXT, error.to_string())
    }
}

impl From<QueueError> for ApiResponse {
    fn from(why: QueueError) -> Self {
        let status = match why {
            QueueError::Full | QueueError::Unread => StatusCode::TOO_MANY_REQUESTS,
            QueueError::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            QueueError::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, TEXT, why.to_string())
    }
}
