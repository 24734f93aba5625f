//! One request's worth of each signal, sent over OTLP as a program does that has an SDK: a server span, a log line in it
//! and its duration, whose exemplar names the trace.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::finding::Finding;
use super::http::Server;
use super::promises::Attempt;
use super::wait::until;
use crate::lab::excerpt::excerpt;

/// `service.name` of what is sent.
pub(super) const SERVICE: &str = "lab-verify";

/// The line.
pub(super) const LINE: &str = "a request of lab verify was answered";

/// The duration of the request, and the upper bounds of the buckets that count it, in seconds.
const SECONDS: f64 = 0.042;
const BOUNDS: [f64; 5] = [0.01, 0.025, 0.05, 0.1, 1.0];
const BUCKETS: [&str; 6] = ["0", "0", "1", "0", "0", "0"];

/// Statuses with which a receiver says that the same is to be sent again later.
const LATER: [u16; 4] = [429, 502, 503, 504];

/// A request that never was, and the outcome of sending its telemetry.
pub(super) struct Sent {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// `service.instance.id`, of this run alone.
    pub instance: String,
    /// Outcome: a finding when a signal was not taken.
    pub taken: Attempt,
}

impl Sent {
    /// Sends each signal to a receiver for OTLP over HTTP, again while it asks for that, for `patience` at most.
    pub(super) async fn send(receiver: &Server, patience: Duration) -> Self {
        let mut sent = Self {
            trace_id: format!("{:032x}", rand::random::<u128>().max(1)),
            span_id: format!("{:016x}", rand::random::<u64>().max(1)),
            instance: format!("{:016x}", rand::random::<u64>()),
            taken: Ok("traces, logs, metrics".to_owned()),
        };
        let deadline = Instant::now() + patience;
        for (path, body) in sent.signals() {
            let taken = until(deadline, async || take(receiver, path, &body).await).await;
            if let Err(finding) = taken {
                sent.taken = Err(finding);
                break;
            }
        }
        sent
    }

    /// The three requests, by their paths.
    fn signals(&self) -> [(&'static str, Value); 3] {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let began = now.saturating_sub(Duration::from_secs_f64(SECONDS));
        let (now, began) = (now.as_nanos().to_string(), began.as_nanos().to_string());
        let (trace, span) = (&self.trace_id, &self.span_id);
        let resource = json!({"attributes": [
            text("service.name", SERVICE),
            text("service.instance.id", &self.instance),
        ]});
        let attributes = json!([
            text("http.request.method", "GET"),
            text("http.route", "/lab/verify"),
            {"key": "http.response.status_code", "value": {"intValue": "200"}},
        ]);
        let scope = json!({"name": "lab verify"});
        let served = json!({
            "traceId": trace, "spanId": span, "name": "GET /lab/verify", "kind": 2, "attributes": attributes,
            "startTimeUnixNano": began, "endTimeUnixNano": now,
        });
        let line = json!({
            "timeUnixNano": now, "observedTimeUnixNano": now, "severityNumber": 9, "severityText": "INFO",
            "body": {"stringValue": LINE}, "traceId": trace, "spanId": span, "flags": 1,
        });
        let point = json!({
            "startTimeUnixNano": began, "timeUnixNano": now, "attributes": attributes,
            "count": "1", "sum": SECONDS, "explicitBounds": BOUNDS, "bucketCounts": BUCKETS,
            "exemplars": [{"timeUnixNano": now, "asDouble": SECONDS, "traceId": trace, "spanId": span}],
        });
        let duration = json!({"name": "http.server.request.duration", "unit": "s", "histogram": {
            "aggregationTemporality": 2, "dataPoints": [point],
        }});
        [
            (
                "/v1/traces",
                json!({"resourceSpans": [
                    {"resource": resource, "scopeSpans": [{"scope": scope, "spans": [served]}]}]}),
            ),
            (
                "/v1/logs",
                json!({"resourceLogs": [
                    {"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": [line]}]}]}),
            ),
            (
                "/v1/metrics",
                json!({"resourceMetrics": [
                    {"resource": resource, "scopeMetrics": [{"scope": scope, "metrics": [duration]}]}]}),
            ),
        ]
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// Sends one signal, of which nothing may be refused.
async fn take(receiver: &Server, path: &str, body: &Value) -> Result<(), Finding> {
    let answer = receiver.post_json(path, body).await?;
    if answer.status == 404 {
        let came = "HTTP 404: the address does not take this signal";
        return Err(answer.finding(came).settled());
    }
    if !(200..300).contains(&answer.status) {
        let came = format!("HTTP {}: {}", answer.status, excerpt(&answer.body));
        let finding = answer.finding(came);
        return Err(match LATER.contains(&answer.status) {
            true => finding,
            false => finding.settled(),
        });
    }
    // A receiver need not say anything when it has taken everything.
    let said = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    let partial = said["partialSuccess"].as_object();
    let refused = partial
        .into_iter()
        .flatten()
        .find(|(name, value)| name.starts_with("rejected") && **value != json!("0"));
    match refused {
        None => Ok(()),
        Some(_) => Err(answer.finding(excerpt(&answer.body)).settled()),
    }
}
