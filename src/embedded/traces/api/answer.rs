//! What goes back to who asked.

use bytes::Bytes;
use prost::Message;
use salvo::Response;
use salvo::http::header::{CONTENT_TYPE, HeaderValue};
use salvo::http::{ResBody, StatusCode};
use serde_json::Value;

use crate::embedded::traces::search::SearchError;

const TEXT: &str = "text/plain; charset=utf-8";

/// A status, a body and what the body is.
pub(super) struct Answer {
    status: StatusCode,
    content_type: Option<&'static str>,
    body: Bytes,
}

impl Answer {
    pub(super) fn text(text: &'static str) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: Some(TEXT),
            body: Bytes::from_static(text.as_bytes()),
        }
    }

    pub(super) fn json(value: &Value) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: Some("application/json"),
            body: value.to_string().into(),
        }
    }

    pub(super) fn protobuf(message: &impl Message) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: Some("application/protobuf"),
            body: message.encode_to_vec().into(),
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            content_type: Some(TEXT),
            body: message.into().into(),
        }
    }

    /// Without a body, as Tempo says that there is no such trace.
    pub(super) fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            content_type: None,
            body: Bytes::new(),
        }
    }

    pub(super) fn render(self, response: &mut Response) {
        response.status_code(self.status);
        if let Some(content_type) = self.content_type {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        // Even an empty body is one; without it the service would write an error page.
        response.body(ResBody::Once(self.body));
    }
}

impl From<SearchError> for Answer {
    fn from(error: SearchError) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            content_type: Some(TEXT),
            body: error.to_string().into(),
        }
    }
}
