//! What is not done, why, and what to do about it.

use std::fmt;

use http::StatusCode;
use serde_json::{Value, json};

use crate::lab::command::Failure;

/// A command that is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// As HTTP says it.
    pub status: StatusCode,
    /// The reason, and what to do on the command line.
    pub text: String,
    /// The same for somebody at the console, if that is something else.
    page: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            page: None,
        }
    }

    /// With another text in the console.
    #[must_use]
    pub(super) fn on_page(mut self, text: impl Into<String>) -> Self {
        self.page = Some(text.into());
        self
    }

    /// The reason, and what to do in the console.
    #[must_use]
    pub fn for_page(&self) -> &str {
        self.page.as_ref().unwrap_or(&self.text)
    }

    /// Something that was given is wrong.
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// There is no such thing.
    pub(in crate::lab) fn missing(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// It does not go with what there is now.
    pub(in crate::lab) fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, text)
    }

    /// The lab does not answer.
    pub(super) fn unreachable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, text)
    }

    /// Files or processes of this machine fail.
    pub(in crate::lab) fn broken(text: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

impl Failure for Refusal {
    fn json(&self) -> Value {
        json!({"ok": false, "error": self.text})
    }
}
