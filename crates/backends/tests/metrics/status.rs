//! What the server says of itself, its targets and its index, and the page that another Prometheus scrapes.

use lab_backends::metrics::{Labels, now_ms};
use serde_json::{Value, json};

use crate::support::metrics::{Embedded, Page, fixture};

/// A server with a few series, each with a sample of now.
async fn with_series() -> (Embedded, i64) {
    let embedded = Embedded::empty().await;
    let now = now_ms();
    let put = |pairs: &[(&str, &str)], time: i64, value: f64| {
        let labels = Labels::from_pairs(pairs.iter().copied());
        embedded.store.append(&labels, time, value, now).unwrap();
    };
    put(
        &[("__name__", "up"), ("job", "b"), ("instance", "i:1")],
        now - 1000,
        0.0,
    );
    put(
        &[("__name__", "up"), ("job", "b"), ("instance", "i:1")],
        now,
        1.0,
    );
    put(&[("__name__", "up"), ("job", "a")], now, 22_748_859_187.0);
    put(&[("__name__", "a"), ("x", "\"\\\n")], now, f64::NAN);
    put(
        &[("__name__", "dotted.name"), ("d.l", "é")],
        now,
        f64::NEG_INFINITY,
    );
    put(&[("__name__", "old")], now - 600_000, 1.0);
    put(&[("__name__", "ended")], now - 1000, 1.0);
    put(
        &[("__name__", "ended")],
        now,
        f64::from_bits(0x7ff0_0000_0000_0002),
    );
    (embedded, now)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_samples_are_a_page_for_another_prometheus() {
    let (embedded, now) = with_series().await;
    let path = "/federate?match[]=up&match[]=up%7Bjob%3D%22a%22%7D&match[]=%7B__name__%3D~%22a%7Cold%7Cended%7Cdotted.*%22%7D";
    let (status, body) = embedded.http.try_get(path).await.unwrap();
    let page = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(status, 200, "{page}");
    let wanted = format!(
        "# TYPE a untyped\na{{x=\"\\\"\\\\\\n\",instance=\"\"}} NaN {now}\n\
         # TYPE dotted_name untyped\ndotted_name{{d_l=\"é\",instance=\"\"}} -Inf {now}\n\
         # TYPE up untyped\nup{{instance=\"i:1\",job=\"b\"}} 1 {now}\n\
         up{{job=\"a\",instance=\"\"}} 2.2748859187e+10 {now}\n"
    );
    assert_eq!(page, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_scraped_whole_by_the_embedded_server_too() {
    let (embedded, _) = with_series().await;
    let address = embedded.http.base.trim_start_matches("http://");
    let yaml = format!(
        "scrape_configs: [{{job_name: federate, honor_labels: true, metrics_path: '/federate?match[]=up', \
         static_configs: [{{targets: ['{address}']}}]}}]"
    );
    let other = Embedded::start(&yaml, lab_backends::metrics::Limits::default()).await;
    other.scrape().await;
    let found = other.vector("up{job=~\"a|b\"}").await;
    assert_eq!(found.len(), 2, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_bad_selector_is_refused_in_plain_text() {
    let (embedded, _) = with_series().await;
    let (status, body) = embedded
        .http
        .try_get("/federate?match[]=%7B")
        .await
        .unwrap();
    assert_eq!(status, 400);
    assert_eq!(
        &body[..],
        b"1:2: parse error: unexpected end of input inside braces"
    );
    let (status, body) = embedded.http.try_get("/federate").await.unwrap();
    assert_eq!((status.as_u16(), &body[..]), (200, &b""[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_is_counted() {
    let (embedded, now) = with_series().await;
    let (_, answer) = embedded
        .http
        .get("/api/v1/status/tsdb", &[("limit", "2")])
        .await;
    let wanted = json!({
        "headStats": {"numSeries": 6, "numLabelPairs": 10, "chunkCount": 6, "minTime": now - 600_000, "maxTime": now},
        "seriesCountByMetricName": [{"name": "up", "value": 2}, {"name": "a", "value": 1}],
        "labelValueCountByLabelName": [{"name": "__name__", "value": 5}, {"name": "job", "value": 2}],
        "memoryInBytesByLabelName": [{"name": "__name__", "value": 84}, {"name": "instance", "value": 13}],
        "seriesCountByLabelValuePair": [{"name": "__name__=up", "value": 2}, {"name": "__name__=a", "value": 1}],
    });
    assert_eq!(answer["data"], wanted);
    for (limit, problem) in [
        ("0", "limit must be a positive number"),
        ("x", "limit must be a positive number"),
        ("10001", "limit must not exceed 10000"),
    ] {
        let (status, answer) = embedded
            .http
            .get("/api/v1/status/tsdb", &[("limit", limit)])
            .await;
        assert_eq!(
            (status.as_u16(), &answer["error"]),
            (400, &Value::from(problem))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_tell_their_metadata_and_the_server_its_settings() {
    let page = "# HELP m_seconds What.\n# TYPE m_seconds gauge\n# UNIT m_seconds seconds\nm_seconds 1\n# EOF\n";
    let address = fixture(move |_| Page::open_metrics(page)).await;
    let yaml = format!(
        "scrape_configs: [{{job_name: 'a \"job\"', static_configs: [{{targets: ['{}']}}]}}]",
        address
    );
    let embedded = Embedded::start(&yaml, lab_backends::metrics::Limits::default()).await;
    embedded.scrape().await;
    let ask = async |path: &str, params: &[(&str, &str)]| {
        embedded
            .http
            .get(&format!("/api/v1/{path}"), params)
            .await
            .1
    };
    let mut wanted = json!({
        "target": {"instance": address, "job": "a \"job\""},
        "metric": "m_seconds", "type": "gauge", "help": "What.", "unit": "seconds",
    });
    assert_eq!(ask("targets/metadata", &[]).await["data"], json!([wanted]));
    wanted.as_object_mut().unwrap().remove("metric");
    let one = [("metric", "m_seconds"), ("match_target", "{job=~\"a.*\"}")];
    assert_eq!(ask("targets/metadata", &one).await["data"], json!([wanted]));
    let none = [("match_target", "{job=\"x\"}")];
    assert_eq!(ask("targets/metadata", &none).await["data"], json!([]));
    let refused = ask("targets/metadata", &[("match_target", "{")]).await;
    assert_eq!(
        refused["error"],
        "invalid parameter \"match_target\": 1:2: parse error: unexpected end of input inside braces"
    );
    assert_eq!(
        ask("targets/metadata", &[("limit", "x")]).await["error"],
        "limit must be a number"
    );
    assert_eq!(
        ask("scrape_pools", &[]).await["data"]["scrapePools"],
        json!(["a \"job\""])
    );
    // The configuration that it tells is one that it takes.
    let told = ask("status/config", &[]).await["data"]["yaml"].clone();
    let told = lab_backends::metrics::ScrapeConfig::parse(told.as_str().unwrap()).unwrap();
    assert_eq!(
        told,
        lab_backends::metrics::ScrapeConfig::parse(&yaml).unwrap()
    );
    assert_eq!(
        ask("status/flags", &[]).await["data"]["query.lookback-delta"],
        "5m"
    );
}
