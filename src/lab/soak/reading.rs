//! The counters of all parts at one time.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::Request;
use http_body_util::Full;

use super::scraping::Scrapes;
use super::shipper::Lines;
use super::stage::Stage;
use crate::client::{Bounds, Client, Size};

/// Bounds of one page of metrics.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(5),
    size: Size::Whole(4 << 20),
};

/// What an instance tells about itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct App {
    /// Requests of the load that arrived.
    pub(super) requests: u64,
    /// Spans by outcome.
    pub(super) exported: u64,
    pub(super) dropped: u64,
    pub(super) failed: u64,
    /// Log lines that standard output did not take.
    pub(super) lines_dropped: u64,
    /// Open files, threads, and resident bytes; 0 where the system does not tell.
    pub(super) files: u64,
    pub(super) threads: u64,
    pub(super) resident: u64,
}

impl App {
    /// Reads the page of the instance at `address`.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn of(client: &Client, address: SocketAddr) -> anyhow::Result<Self> {
        let page = page(client, address).await?;
        let spans = |outcome: &str| {
            let label = format!("outcome=\"{outcome}\"");
            sum(&page, "salvo_telemetry_spans_total", &label)
        };
        let routes = ["path=\"/\"", "path=\"/items/{item_id}\""];
        let requests = routes.map(|path| sum(&page, "salvo_requests_total", path));
        Ok(Self {
            requests: requests.iter().sum(),
            exported: spans("exported"),
            dropped: spans("dropped"),
            failed: spans("failed"),
            lines_dropped: sum(&page, "salvo_telemetry_log_lines_dropped_total", ""),
            files: sum(&page, "process_open_fds", ""),
            threads: sum(&page, "process_threads", ""),
            resident: sum(&page, "process_resident_memory_bytes", ""),
        })
    }
}

/// The page `/metrics` of a server.
///
/// # Errors
/// When it does not answer.
pub(super) async fn page(client: &Client, address: SocketAddr) -> anyhow::Result<String> {
    let request = Request::get(format!("http://{address}/metrics")).body(Full::default())?;
    let response = client.exchange(request, BOUNDS).await;
    let response = response.with_context(|| format!("the metrics of {address}"))?;
    if !response.status().is_success() {
        bail!("{address} answers /metrics with {}", response.status());
    }
    Ok(String::from_utf8_lossy(response.body()).into_owned())
}

/// The sum of the series of a metric that have a label.
pub(super) fn sum(page: &str, metric: &str, label: &str) -> u64 {
    let of_metric = page.lines().filter_map(|line| line.strip_prefix(metric));
    let named = of_metric.filter(|rest| rest.starts_with(['{', ' ']) && rest.contains(label));
    let values = named.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum::<f64>() as u64
}

/// All counters.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// The instances.
    pub(super) apps: Vec<App>,
    /// Spans that Tempo took.
    pub(super) spans: u64,
    /// Entries that Loki took.
    pub(super) entries: u64,
    /// The shipper.
    pub(super) lines: Lines,
    /// The scraper.
    pub(super) scrapes: Scrapes,
}

impl Reading {
    /// Reads all counters.
    ///
    /// # Errors
    /// When an instance does not answer.
    pub(super) async fn of(stage: &Stage) -> anyhow::Result<Self> {
        let mut apps = Vec::new();
        for address in stage.apps() {
            apps.push(App::of(&stage.client, address).await?);
        }
        Ok(Self {
            apps,
            spans: stage.servers.spans(&stage.client).await?,
            entries: stage.servers.entries(&stage.client).await?,
            lines: stage.shipper.lines(),
            scrapes: stage.scraping.counts(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn a_metric_is_summed_over_the_series_with_a_label() {
        let page = "# TYPE a counter\na{x=\"1\",y=\"2\"} 3\na{x=\"1\",y=\"3\"} 4e0\na{x=\"2\"} 5\nab 7\nb 8\n";
        assert_eq!(sum(page, "a", "x=\"1\""), 7);
        assert_eq!(sum(page, "a", ""), 12);
        assert_eq!(sum(page, "b", ""), 8);
        assert_eq!(sum(page, "c", ""), 0);
    }
}
