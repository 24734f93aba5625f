//! Settings of the generator.

use std::time::Duration;

/// Settings of a [`Generator`](super::Generator), by Tempo's names where they differ.
#[derive(Clone, Debug)]
pub struct Config {
    /// Interval at which all series are written (`registry.collection_interval`).
    pub collection_interval: Duration,
    /// Time after its last span at which a series is no longer written (`registry.stale_duration`).
    pub stale_after: Duration,
    /// Labels that every series gets in addition (`registry.external_labels`).
    pub external_labels: Vec<(String, String)>,
    /// Series that may be active; spans and edges beyond share one with the label `metric_overflow="true"`
    /// (`max_active_series`).
    pub max_active_series: usize,
    /// Bytes of a label's value; what is longer is cut (`registry.max_label_value_length`).
    pub max_label_bytes: usize,
    /// Time between the end of a span and its arrival, either way, beyond which it is left out
    /// (`metrics_ingestion_time_range_slack`).
    pub slack: Duration,
    /// Time that one span of a request waits for the other (`processor.service_graphs.wait`).
    pub edge_wait: Duration,
    /// Spans that may wait for their other one (`processor.service_graphs.max_items`).
    pub max_edges: usize,
    /// Label of the trace id in exemplars (`trace_id_label_name`).
    pub trace_id_label: String,
}

impl Config {
    /// A label's value, cut.
    pub(super) fn cut<'t>(&self, text: &'t str) -> &'t str {
        &text[..text.floor_char_boundary(self.max_label_bytes)]
    }
}

/// As Tempo's, but for three: series are written every 5 s instead of every 15 s, as often as the lab's services are
/// scraped; 50,000 series may be active where Tempo has no bound; and 100,000 spans may wait instead of 10,000, which
/// 1,000 requests a second to a service without spans reach.
impl Default for Config {
    fn default() -> Self {
        Self {
            collection_interval: Duration::from_secs(5),
            stale_after: Duration::from_secs(15 * 60),
            external_labels: Vec::new(),
            max_active_series: 50_000,
            max_label_bytes: 2048,
            slack: Duration::from_secs(30),
            edge_wait: Duration::from_secs(10),
            max_edges: 100_000,
            trace_id_label: "traceID".to_owned(),
        }
    }
}
