//! Requests that a run has sent, kept in a file so that a later run can look for it again.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::args::UsageError;
use crate::lab::file_text::file_text;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 16;

/// Requests that a run has sent.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(super) struct Sent {
    /// Id of the trace of `/chain`.
    pub chain: String,
    /// Id of the trace of `/error_test`.
    pub error: String,
    /// Id of the trace of `/items/{item_id}`.
    pub item: String,
    /// Names of the instances, in the order of the `--app` flags.
    pub services: Vec<String>,
    /// Begin of the run, Unix seconds.
    pub began: i64,
    /// Time at which the followed requests were answered, Unix seconds.
    pub answered: i64,
}

impl Sent {
    /// No requests, at a time (Unix seconds).
    #[must_use]
    pub(super) fn nothing(now: i64) -> Self {
        Self {
            chain: String::new(),
            error: String::new(),
            item: String::new(),
            services: Vec::new(),
            began: now,
            answered: now,
        }
    }

    /// Reads what an earlier run has kept.
    ///
    /// # Errors
    /// [`UsageError::File`] when there is no such file or it is not understood.
    pub(super) fn load(file: &Path) -> Result<Self, UsageError> {
        let wrong =
            |problem: String| UsageError::file("--state", format!("{}: {problem}", file.display()));
        let text = file_text(file, LARGEST).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
    }

    /// Keeps it for a later run.
    ///
    /// # Errors
    /// [`UsageError::File`] when the file cannot be written.
    pub(super) fn save(&self, file: &Path) -> Result<(), UsageError> {
        let wrong =
            |problem: String| UsageError::file("--state", format!("{}: {problem}", file.display()));
        let text = serde_json::to_string_pretty(self).map_err(|error| wrong(error.to_string()))?;
        std::fs::write(file, text + "\n").map_err(|error| wrong(error.to_string()))
    }
}
