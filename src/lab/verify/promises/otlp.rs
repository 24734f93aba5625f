//! One request's worth of each signal, sent over OTLP: all three are taken, found again, and lead to each other.

use super::super::finding::Finding;
use super::super::otlp::{LINE, SERVICE, Sent};
use super::super::{loki, prometheus, tempo};
use super::{Attempt, Run};

/// The histogram of durations, as Prometheus names it.
const DURATION: &str = "http_server_request_duration_seconds";

/// What Prometheus names the trace in the exemplars of OTLP.
const TRACE_ID: &str = "trace_id";

/// What was sent. Rows of these promises are checked only after sending.
fn sent(run: &Run) -> Result<&Sent, Finding> {
    let nothing = || Finding::new("telemetry of this run", "none: it was run without --otlp");
    run.otlp.as_ref().ok_or_else(|| nothing().settled())
}

/// The address takes all three signals.
pub(crate) async fn taken(run: &Run) -> Attempt {
    sent(run)?.taken.clone()
}

/// Tempo has the span.
pub(crate) async fn span(run: &Run) -> Attempt {
    let sent = sent(run)?;
    let trace = tempo::trace(&run.lab.tempo, &sent.trace_id).await?;
    match &trace.spans[..] {
        [span] if span.span_id == sent.span_id && span.service() == SERVICE && span.is_server() => {
            Ok(format!("{} {:?}", span.service(), span.name))
        }
        spans => Err(Finding::new(
            trace.asked,
            format!(
                "{} spans, none or others beside {}",
                spans.len(),
                sent.span_id
            ),
        )),
    }
}

/// Loki has the line with the ids of its trace and span.
pub(crate) async fn line(run: &Run) -> Attempt {
    let sent = sent(run)?;
    written_in(run, &sent.trace_id, &sent.span_id).await
}

/// Prometheus has the duration, counted once.
pub(crate) async fn duration(run: &Run) -> Attempt {
    let sent = sent(run)?;
    let query = format!("{DURATION}_count{}", own(sent));
    let (asked, samples) = prometheus::instant(&run.lab.prometheus, &query).await?;
    match &samples[..] {
        [sample] if sample.value == 1.0 => Ok(format!("{DURATION}_count 1")),
        _ => {
            let came = format!("{} series instead of one with the value 1", samples.len());
            Err(Finding::new(asked, came))
        }
    }
}

/// From the metric by its exemplar to the trace, and from the span there to its line.
pub(crate) async fn correlated(run: &Run) -> Attempt {
    let sent = sent(run)?;
    let query = format!("{DURATION}_bucket{}", own(sent));
    let (answer, ids) =
        prometheus::exemplars(&run.lab.prometheus, &query, TRACE_ID, run.window()).await?;
    let [id] = &ids[..] else {
        return Err(answer.finding(format!("{} exemplars with {TRACE_ID}", ids.len())));
    };
    let trace = tempo::trace(&run.lab.tempo, id).await?;
    let Some(span) = trace.spans.first() else {
        return Err(Finding::new(trace.asked, "no span"));
    };
    written_in(run, id, &span.span_id).await?;
    Ok(format!("exemplar → trace {id} → line"))
}

/// The matchers of this run's series.
fn own(sent: &Sent) -> String {
    format!("{{job=\"{SERVICE}\",instance=\"{}\"}}", sent.instance)
}

/// The line of a span.
async fn written_in(run: &Run, trace: &str, span: &str) -> Attempt {
    let query =
        format!("{{service_name=\"{SERVICE}\"}} | trace_id=\"{trace}\" | span_id=\"{span}\"");
    let found = loki::entries(&run.lab.loki, &query, run.window_ns()).await?;
    match &found.entries[..] {
        [entry] if entry.line == LINE => Ok(entry.line.clone()),
        entries => Err(Finding::new(
            found.asked,
            format!("{} lines instead of {LINE:?}", entries.len()),
        )),
    }
}
