//! The panels about the backends show the same for the embedded ones as for the real Tempo, Loki,
//! Prometheus, Promtail and Alloy, each by its own metrics.

use crate::support::up;
use std::collections::{BTreeMap, BTreeSet};

use crate::support::metrics::{Embedded, Page, fixture, now_ms};
use lab_backends::metrics::Limits;
use salvo_observability::lab::provisioning::dashboards;
use salvo_observability::lab::verify::dashboard::{Dashboard, Query};
use salvo_observability::lab::verify::template::{Language, Times, filled};

/// Panels with the label that tells their series apart.
const PANELS: [(&str, &str); 6] = [
    ("Log Entries Shipped", "outcome"),
    ("Ingested", "store"),
    ("Storage", "store"),
    ("Held", "kind"),
    ("Refused", "store"),
    ("Thrown Away", "store"),
];

/// What each real server has of its own, all of it by its source.
const TEMPO: [&str; 4] = [
    r#"tempo_distributor_spans_received_total{tenant="single-tenant"}"#,
    r#"tempodb_backend_bytes_total{status="live",tenant="single-tenant"}"#,
    r#"tempodb_backend_bytes_total{status="compacted",tenant="single-tenant"}"#,
    "tempodb_retention_deleted_total",
];
const TEMPO_2: &str = r#"tempo_ingester_live_traces{tenant="single-tenant"}"#;
const TEMPO_3: &str = r#"tempo_live_store_live_traces{tenant="single-tenant"}"#;
const TEMPO_REFUSES: &str =
    r#"tempo_discarded_spans_total{reason="rate_limited",tenant="single-tenant"}"#;
const LOKI: [&str; 2] = [
    r#"loki_distributor_lines_received_total{format="",is_internal_stream="false",policy="",tenant="fake"}"#,
    r#"loki_ingester_memory_streams{tenant="fake"}"#,
];
const LOKI_REFUSES: &str = r#"loki_discarded_samples_total{format="",policy="",reason="rate_limited",retention_hours="744",tenant="fake"}"#;
const PROMETHEUS: [&str; 12] = [
    r#"prometheus_tsdb_head_samples_appended_total{type="float"}"#,
    r#"prometheus_tsdb_head_samples_appended_total{type="histogram"}"#,
    "prometheus_tsdb_storage_blocks_bytes",
    "prometheus_tsdb_head_chunks_storage_size_bytes",
    "prometheus_tsdb_wal_storage_size_bytes",
    "prometheus_tsdb_head_series",
    "prometheus_tsdb_exemplar_exemplars_in_storage",
    "prometheus_target_scrapes_sample_out_of_order_total",
    "prometheus_target_scrapes_sample_out_of_bounds_total",
    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
    "prometheus_tsdb_time_retentions_total",
    "prometheus_tsdb_size_retentions_total",
];
const PROMTAIL: [&str; 4] = [
    r#"promtail_sent_entries_total{host="127.0.0.1:3100"}"#,
    r#"promtail_dropped_entries_total{host="127.0.0.1:3100",reason="rate_limited",tenant=""}"#,
    r#"promtail_dropped_entries_total{host="127.0.0.1:3100",reason="ingester_error",tenant=""}"#,
    r#"promtail_batch_retries_total{host="127.0.0.1:3100",tenant=""}"#,
];
const ALLOY: [&str; 3] = [
    r#"loki_write_sent_entries_total{component_id="loki.write.lab",endpoint="one",host="127.0.0.1:3100"}"#,
    r#"loki_write_dropped_entries_total{component_id="loki.write.lab",endpoint="one",host="127.0.0.1:3100",reason="rate_limited",tenant=""}"#,
    r#"loki_write_batch_retries_total{component_id="loki.write.lab",endpoint="one",host="127.0.0.1:3100",tenant=""}"#,
];

/// A server that has scraped these series each 15 seconds for the last two minutes. Each grows by
/// 150 in that time to the next.
async fn scraped(series: &[String]) -> Embedded {
    let now = now_ms() / 1000;
    let mut page = String::new();
    for series in series {
        for step in 0..=8 {
            let at = now - 15 * (8 - step);
            page.push_str(&format!("{series} {} {at}\n", 150 * step));
        }
    }
    page.push_str("# EOF\n");
    let address = fixture(move |_| Page::open_metrics(page.clone())).await;
    let config =
        format!("scrape_configs: [{{job_name: x, static_configs: [{{targets: ['{address}']}}]}}]");
    let server = Embedded::start(&config, Limits::default()).await;
    server.scrape().await;
    assert_eq!(server.targets.targets()[0].last_scrape().error, "");
    server
}

fn queries() -> Vec<Query> {
    let (_, content) = dashboards(None)
        .expect("dashboards")
        .into_iter()
        .find(|(name, _)| name == "salvo-telemetry.json")
        .expect("the dashboard");
    Dashboard::read(&content).expect("a dashboard").queries()
}

/// The series of each panel by the label that tells them apart, with their values now.
async fn shown(server: &Embedded) -> BTreeMap<&'static str, BTreeMap<String, f64>> {
    let queries = queries();
    let mut all = BTreeMap::new();
    for (panel, label) in PANELS {
        let query = queries.iter().find(|query| query.panel == panel);
        let query = query.unwrap_or_else(|| panic!("no panel {panel}"));
        let times = Times::of(query, Language::PromQl, 900.0, Some(5.0));
        let text = filled(&query.expr, Language::PromQl, times, &[]).expect("no variables");
        let params = [("query", text.as_str())];
        let (status, json) = server.http.post("/api/v1/query", &params).await;
        assert_eq!(status, 200, "{panel}: {json}");
        let found = json["data"]["result"].as_array().unwrap().iter().map(|it| {
            let labels = it["metric"].as_object().unwrap();
            assert_eq!(labels.len(), 1, "{panel}: {labels:?}");
            let name = labels[label].as_str().unwrap().to_owned();
            (name, it["value"][1].as_str().unwrap().parse().unwrap())
        });
        all.insert(panel, found.collect());
    }
    all
}

fn names(series: &BTreeMap<String, f64>) -> Vec<&str> {
    series.keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_backends_are_shown_by_the_metrics_of_lab_up() {
    let lab = tokio::task::spawn_blocking(|| up::Lab::start(&[]))
        .await
        .unwrap();
    let page = lab.get("console", "/metrics").body;
    let own: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with("lab_"))
        .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()))
        .collect();
    let shown = shown(&scraped(&own.into_iter().collect::<Vec<_>>()).await).await;
    let all = ["logs", "metrics", "traces"];
    for panel in ["Ingested", "Storage", "Refused", "Thrown Away"] {
        assert_eq!(names(&shown[panel]), all, "{panel}");
    }
    let kinds = ["exemplar", "series", "stream", "trace"];
    assert_eq!(names(&shown["Held"]), kinds);
    let outcomes = ["delivered", "dropped", "retried"];
    assert_eq!(names(&shown["Log Entries Shipped"]), outcomes);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_servers_are_shown_alike_and_what_they_never_refused_is_zero() {
    let tempos = [TEMPO_2, TEMPO_3];
    let shippers = [&PROMTAIL[..], &ALLOY[..]];
    for (tempo, shipper) in tempos.into_iter().zip(shippers) {
        let all = [&TEMPO[..], &[tempo], &LOKI, &PROMETHEUS, shipper].concat();
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let before = shown(&scraped(&all).await).await;
        let refusing = [TEMPO_REFUSES, LOKI_REFUSES].map(str::to_owned);
        let after = shown(&scraped(&[all, refusing.to_vec()].concat()).await).await;
        for shown in [&before, &after] {
            for panel in ["Ingested", "Refused"] {
                assert_eq!(names(&shown[panel]), ["logs", "metrics", "traces"]);
            }
            for panel in ["Storage", "Thrown Away"] {
                assert_eq!(names(&shown[panel]), ["metrics", "traces"], "{panel}");
            }
            let kinds = ["exemplar", "series", "stream", "trace"];
            assert_eq!(names(&shown["Held"]), kinds);
            let outcomes = ["delivered", "dropped", "retried"];
            assert_eq!(names(&shown["Log Entries Shipped"]), outcomes);
            // 150 in 15 s for each of one or two series.
            assert_eq!(shown["Ingested"]["traces"].round(), 10.0);
            assert_eq!(shown["Ingested"]["metrics"].round(), 20.0);
            assert_eq!(shown["Storage"]["traces"], 2.0 * 1200.0);
            assert_eq!(shown["Storage"]["metrics"], 3.0 * 1200.0);
        }
        for (store, refused) in [("logs", 1200.0), ("traces", 1200.0)] {
            assert_eq!(before["Refused"][store], 0.0, "{store}");
            assert!(after["Refused"][store] >= refused, "{store}");
        }
    }
}
