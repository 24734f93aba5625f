//! HTTP responses of the Loki API: JSON bodies, and errors as plain text.

use bytes::Bytes;
use salvo::http::{HeaderValue, ResBody, StatusCode, header::CONTENT_TYPE};
use salvo::prelude::Response;
use serde_json::{Value as Json, json};

use crate::logs::engine::QueryError;
use crate::logs::lang::ParseError;

const JSON: &str = "application/json; charset=UTF-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// A response: status and body.
#[derive(Debug)]
pub(super) struct ApiResponse {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

/// A response, or an error response.
pub(super) type ApiResult = Result<ApiResponse, ApiResponse>;

impl ApiResponse {
    /// `{"status":"success","data":…}`; `data` is left out if it is `None`.
    pub(super) fn data(data: Option<Json>) -> Self {
        let body = match data {
            Some(data) => json!({"status": "success", "data": data}),
            None => json!({"status": "success"}),
        };
        Self::json(&body)
    }

    /// `{"status":"success","data":{"resultType":…,"result":[…]}}` from rows of JSON. The rows are written
    /// one by one, so that memory holds a large response once.
    ///
    /// # Errors
    /// The body would exceed `most` bytes.
    pub(super) fn rows(kind: &str, rows: impl Iterator<Item = String>, most: usize) -> ApiResult {
        let mut result = ResultBody::new(kind, "", most);
        for (at, row) in rows.enumerate() {
            if at > 0 {
                result.push(",")?;
            }
            result.push(&row)?;
        }
        Ok(result.end())
    }

    /// A JSON body with status 200.
    pub(super) fn json(body: &Json) -> Self {
        Self {
            status: 200,
            content_type: JSON,
            body: body.to_string(),
        }
    }

    /// An error with a plain text body.
    pub(super) fn error(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            content_type: TEXT,
            body: text.into(),
        }
    }

    /// 400: the request is not valid.
    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::error(400, text)
    }

    /// Splits the body off.
    pub(super) fn into_parts(self) -> (Head, Vec<u8>) {
        let head = Head {
            status: self.status,
            content_type: self.content_type,
        };
        (head, self.body.into_bytes())
    }

    /// Writes status, content type and body.
    pub(super) fn write(self, res: &mut Response) {
        let (head, body) = self.into_parts();
        head.write(body.into(), res);
    }
}

/// A response without its body.
#[derive(Debug)]
pub(super) struct Head {
    status: u16,
    content_type: &'static str,
}

impl Head {
    /// Writes status, content type and body; 204 has no body.
    pub(super) fn write(self, body: Bytes, res: &mut Response) {
        res.status_code(StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK));
        if self.status != 204 {
            res.headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            res.body(ResBody::Once(body));
        }
    }
}

/// The body of a query response, written piece by piece up to a limit.
pub(super) struct ResultBody {
    text: String,
    most: usize,
}

impl ResultBody {
    /// Begins a body with `resultType` `kind`. `more` holds further fields of `data`, each with a leading comma: what
    /// says how the result is to be read comes before it, since Grafana reads as it goes. The whole body may have
    /// `most` bytes.
    pub(super) fn new(kind: &str, more: &str, most: usize) -> Self {
        let text = format!(
            "{{\"status\":\"success\",\"data\":{{\"resultType\":\"{kind}\"{more},\"result\":["
        );
        Self { text, most }
    }

    /// Appends JSON.
    ///
    /// # Errors
    /// [`QueryError::HoldsTooMuch`]: the body would exceed its limit.
    pub(super) fn push(&mut self, json: &str) -> Result<(), QueryError> {
        if self.text.len() + json.len() > self.most {
            return Err(QueryError::HoldsTooMuch(self.most));
        }
        self.text.push_str(json);
        Ok(())
    }

    /// Ends the body.
    pub(super) fn end(mut self) -> ApiResponse {
        self.text.push_str("]}}");
        ApiResponse {
            status: 200,
            content_type: JSON,
            body: self.text,
        }
    }
}

impl From<QueryError> for ApiResponse {
    fn from(error: QueryError) -> Self {
        Self::error(error.status(), error.to_string())
    }
}

impl From<ParseError> for ApiResponse {
    fn from(error: ParseError) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// Formats a time as Prometheus' API does: Unix seconds, with milliseconds unless they are zero.
pub(super) fn seconds(ts: i64) -> Json {
    let millis = ts.div_euclid(1_000_000);
    if millis % 1000 == 0 {
        return json!(millis / 1000);
    }
    json!(millis as f64 / 1000.0)
}

/// Formats a number as Prometheus' API does: without an exponent.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}
