//! HTTP responses of the Prometheus API: their JSON, and the number formats inside.

use std::fmt::Write as _;

use salvo::http::StatusCode;

use crate::metrics::engine::QueryError;
use crate::metrics::histogram::Histogram;
use crate::metrics::labels::Labels;
use crate::wire::QueueError;

/// A successful response.
pub(super) struct ApiResponse {
    /// JSON; `None` is a response without content.
    data: Option<String>,
    warnings: Vec<String>,
    infos: Vec<String>,
}

impl ApiResponse {
    /// A response whose `data` is this JSON.
    pub(super) fn data(json: impl Into<String>) -> Self {
        Self {
            data: Some(json.into()),
            warnings: Vec::new(),
            infos: Vec::new(),
        }
    }

    /// A response without content.
    pub(super) fn empty() -> Self {
        Self {
            data: None,
            warnings: Vec::new(),
            infos: Vec::new(),
        }
    }

    pub(super) fn with_warnings(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    pub(super) fn with_infos(mut self, infos: impl IntoIterator<Item = String>) -> Self {
        self.infos.extend(infos);
        self
    }

    /// The body; `None` when there is no content.
    pub(super) fn into_json(self) -> Option<String> {
        let data = self.data?;
        let mut json = String::with_capacity(data.len() + 64);
        json.push_str(r#"{"status":"success","data":"#);
        json.push_str(&data);
        for (name, list) in [("warnings", &self.warnings), ("infos", &self.infos)] {
            if !list.is_empty() {
                let _ = write!(json, ",\"{name}\":");
                push_list(&mut json, list, |json, text| push_string(json, text));
            }
        }
        json.push('}');
        Some(json)
    }
}

/// A response that reports an error: Prometheus' error type, its HTTP status and a text.
pub(super) struct ApiError {
    kind: &'static str,
    status: StatusCode,
    text: String,
}

impl ApiError {
    pub(super) fn bad_data(text: impl Into<String>) -> Self {
        Self {
            kind: "bad_data",
            status: StatusCode::BAD_REQUEST,
            text: text.into(),
        }
    }

    /// The error for a parameter, as Prometheus words it.
    pub(super) fn invalid(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {problem}"))
    }

    pub(super) fn timeout(text: impl Into<String>) -> Self {
        Self {
            kind: "timeout",
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: text.into(),
        }
    }

    pub(super) fn unavailable(text: impl Into<String>) -> Self {
        Self {
            kind: "unavailable",
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: text.into(),
        }
    }

    pub(super) fn internal(text: impl Into<String>) -> Self {
        Self {
            kind: "internal",
            status: StatusCode::INTERNAL_SERVER_ERROR,
            text: text.into(),
        }
    }

    /// The error of a query given in parameter `name`.
    pub(super) fn of_query(name: &str, error: QueryError) -> Self {
        match error {
            QueryError::BadData(text) => Self::invalid(name, text),
            QueryError::Timeout => Self::timeout(error.to_string()),
            QueryError::Canceled => Self {
                kind: "canceled",
                ..Self::unavailable(error.to_string())
            },
            QueryError::Execution(text) => Self {
                kind: "execution",
                status: StatusCode::UNPROCESSABLE_ENTITY,
                text,
            },
        }
    }

    /// The error of a query that did not run to its end.
    pub(super) fn of_queue(error: QueueError) -> Self {
        match error {
            QueueError::TimedOut => Self::timeout("query timed out in query queue"),
            QueueError::Full | QueueError::Unread => Self::unavailable(error.to_string()),
            QueueError::Panicked => Self::internal(error.to_string()),
        }
    }

    /// Its text alone, for responses that are no JSON.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn into_json(self) -> String {
        let mut json = format!(r#"{{"status":"error","errorType":"{}","error":"#, self.kind);
        push_string(&mut json, &self.text);
        json.push('}');
        json
    }
}

/// Appends a JSON string.
pub(super) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for one in text.chars() {
        match one {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if control < ' ' => {
                let _ = write!(json, "\\u{:04x}", control as u32);
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

/// Appends a JSON array.
pub(super) fn push_list<T>(
    json: &mut String,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut String, T),
) {
    json.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        each(json, item);
    }
    json.push(']');
}

/// Appends a JSON object of strings.
pub(super) fn push_labels(json: &mut String, labels: &Labels) {
    json.push('{');
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        push_string(json, name);
        json.push(':');
        push_string(json, value);
    }
    json.push('}');
}

/// Appends milliseconds as seconds.
pub(super) fn push_time(json: &mut String, millis: i64) {
    if millis < 0 {
        json.push('-');
    }
    let (seconds, rest) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    let _ = write!(json, "{seconds}");
    if rest != 0 {
        let _ = write!(json, ".{rest:03}");
    }
}

/// Appends a value in quotes: the shortest digits that read back as the same number, with an exponent
/// only where Go's JSON has one.
pub(super) fn push_value(json: &mut String, value: f64) {
    json.push('"');
    let size = value.abs();
    if value.is_nan() {
        json.push_str("NaN");
    } else if value.is_infinite() {
        json.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        let _ = write!(json, "{digits}e{sign}{exponent}");
    } else {
        let _ = write!(json, "{value}");
    }
    json.push('"');
}

/// Appends `[time, "value"]`.
pub(super) fn push_sample(json: &mut String, time: i64, value: f64) {
    json.push('[');
    push_time(json, time);
    json.push(',');
    push_value(json, value);
    json.push(']');
}

/// Appends `[time, {"count":…,"sum":…,"buckets":[[bounds, lower, upper, count],…]}]`. The buckets are those that have
/// observations. `bounds` tells which of the two belong to the bucket: 0 the upper one, 1 the lower one, 2 none, 3 both.
pub(super) fn push_histogram(json: &mut String, time: i64, histogram: &Histogram) {
    json.push('[');
    push_time(json, time);
    json.push_str(r#",{"count":"#);
    push_value(json, histogram.count);
    json.push_str(r#","sum":"#);
    push_value(json, histogram.sum);
    let mut buckets = histogram.all_buckets();
    buckets.retain(|bucket| bucket.count != 0.0);
    if !buckets.is_empty() {
        json.push_str(r#","buckets":"#);
        push_list(json, &buckets, |json, bucket| {
            let bounds = match (bucket.lower_inclusive, bucket.upper_inclusive) {
                (false, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (true, true) => 3,
            };
            let _ = write!(json, "[{bounds}");
            for value in [bucket.lower, bucket.upper, bucket.count] {
                json.push(',');
                push_value(json, value);
            }
            json.push(']');
        });
    }
    json.push_str("}]");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_like_those_of_prometheus() {
        for (value, text) in [
            (0.0, "\"0\""),
            (1.0, "\"1\""),
            (-0.5, "\"-0.5\""),
            (1e20, "\"100000000000000000000\""),
            (1.5e21, "\"1.5e+21\""),
            (1.25e-7, "\"1.25e-7\""),
            (f64::NEG_INFINITY, "\"-Inf\""),
        ] {
            let mut json = String::new();
            push_value(&mut json, value);
            assert_eq!(json, text);
        }
        let mut json = String::new();
        push_time(&mut json, 1_700_000_000_050);
        assert_eq!(json, "1700000000.050");
    }

    #[test]
    fn strings_are_valid_json() {
        let text = "\"\\\n\u{1}é";
        let mut json = String::new();
        push_string(&mut json, text);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
