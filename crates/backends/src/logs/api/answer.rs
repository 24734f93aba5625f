//! Answers: bodies with their content types, and errors as plain text.

use salvo::http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use salvo::prelude::Response;
use serde_json::{Value as Json, json};

use crate::logs::engine::QueryError;
use crate::logs::lang::ParseError;

const JSON: &str = "application/json; charset=UTF-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// A body on its way out.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

/// An answer, or an error as text.
pub(super) type Asked = Result<Answer, Answer>;

impl Answer {
    /// `{"status":"success","data":…}`; without data when there is none.
    pub(super) fn data(data: Option<Json>) -> Self {
        let body = match data {
            Some(data) => json!({"status": "success", "data": data}),
            None => json!({"status": "success"}),
        };
        Self::json(&body)
    }

    /// `{"status":"success","data":{"resultType":…,"result":[…]}}` of rows that are JSON already. They
    /// are written one by one, so that a large answer is in memory once.
    ///
    /// # Errors
    /// The answer has more bytes than `most`.
    pub(super) fn rows(kind: &str, rows: impl Iterator<Item = String>, most: usize) -> Asked {
        let mut result = ResultBody::new(kind, most);
        for (at, row) in rows.enumerate() {
            if at > 0 {
                result.push(",")?;
            }
            result.push(&row)?;
        }
        Ok(result.end(""))
    }

    /// Any JSON.
    pub(super) fn json(body: &Json) -> Self {
        Self {
            status: 200,
            content_type: JSON,
            body: body.to_string(),
        }
    }

    /// An error as text.
    pub(super) fn error(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            content_type: TEXT,
            body: text.into(),
        }
    }

    /// An error of the request's parameters.
    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::error(400, text)
    }

    /// Fills in a response.
    pub(super) fn write(self, res: &mut Response) {
        res.status_code(StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK));
        if self.status != 204 {
            res.headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            res.body(self.body);
        }
    }
}

/// The body of a query's answer, written piece by piece up to its limit.
pub(super) struct ResultBody {
    text: String,
    most: usize,
}

impl ResultBody {
    /// A result of some type, and the most bytes that it may have.
    pub(super) fn new(kind: &str, most: usize) -> Self {
        let text =
            format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"{kind}\",\"result\":[");
        Self { text, most }
    }

    /// Appends JSON.
    ///
    /// # Errors
    /// [`QueryError::HoldsTooMuch`] beyond the limit.
    pub(super) fn push(&mut self, json: &str) -> Result<(), QueryError> {
        if self.text.len() + json.len() > self.most {
            return Err(QueryError::HoldsTooMuch(self.most));
        }
        self.text.push_str(json);
        Ok(())
    }

    /// Closes the result; `more` are further fields of `data`, with a comma in front of each.
    pub(super) fn end(mut self, more: &str) -> Answer {
        self.text.push(']');
        self.text.push_str(more);
        self.text.push_str("}}");
        Answer {
            status: 200,
            content_type: JSON,
            body: self.text,
        }
    }
}

impl From<QueryError> for Answer {
    fn from(error: QueryError) -> Self {
        Self::error(error.status(), error.to_string())
    }
}

impl From<ParseError> for Answer {
    fn from(error: ParseError) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// A time as Prometheus' API has it: seconds, with milliseconds if there are any.
pub(super) fn seconds(ts: i64) -> Json {
    let millis = ts.div_euclid(1_000_000);
    if millis % 1000 == 0 {
        return json!(millis / 1000);
    }
    json!(millis as f64 / 1000.0)
}

/// A number as Prometheus' API has it: a text without exponent.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}
