//! What a scrape promises, seen through the wire: labels, staleness, limits, and what a target may do wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::metrics::{Embedded, OPEN_METRICS, Page, fixture, until};
use lab_backends::metrics::{FirstScrape, Limits, Scraper};
use serde_json::Value;

fn job(address: &str, more: &str) -> String {
    format!(
        "scrape_configs:\n- job_name: j\n  scrape_interval: 5s\n  static_configs: [{{targets: ['{address}']}}]\n{more}"
    )
}

async fn scraped(body: &str) -> Embedded {
    let body = body.to_owned();
    let address = fixture(move |_| Page::open_metrics(body.clone())).await;
    let embedded = Embedded::start(&job(&address, ""), Limits::default()).await;
    embedded.scrape().await;
    embedded
}

/// The one target's health and error text, as the API tells them.
async fn target(embedded: &Embedded) -> (String, String) {
    let (status, json) = embedded.http.get("/api/v1/targets", &[]).await;
    assert_eq!(status, 200);
    let target = &json["data"]["activeTargets"][0];
    let text = |name: &str| target[name].as_str().unwrap().to_owned();
    (text("health"), text("lastError"))
}

async fn refusal(
    page: impl Fn() -> Page + Send + Sync + 'static,
    more: &str,
    limits: Limits,
) -> String {
    let address = fixture(move |_| page()).await;
    let embedded = Embedded::start(&job(&address, more), limits).await;
    embedded.scrape().await;
    let (health, error) = target(&embedded).await;
    assert_eq!(health, "down");
    assert_eq!(
        embedded.vector("up").await,
        [("{\"__name__\":\"up\"}".to_owned(), 0.0)]
    );
    assert_eq!(embedded.vector("scrape_samples_scraped").await[0].1, 0.0);
    assert_eq!(
        embedded
            .vector("count({job=\"j\",__name__!~\"up|scrape_.*\"})")
            .await,
        []
    );
    error
}

#[tokio::test]
async fn a_scrape_tells_about_itself_and_its_target() {
    let embedded = scraped(
        "# TYPE a counter\n# HELP a Help.\na_total{x=\"1\"} 3\na_total{x=\"2\"} 4\n# EOF\n",
    )
    .await;
    assert_eq!(target(&embedded).await, ("up".to_owned(), String::new()));
    for (query, value) in [
        ("up", 1.0),
        ("scrape_samples_scraped", 2.0),
        ("scrape_samples_post_metric_relabeling", 2.0),
        ("scrape_series_added", 2.0),
        ("sum(a_total)", 7.0),
    ] {
        assert_eq!(embedded.vector(query).await[0].1, value, "{query}");
    }
    embedded.scrape().await;
    assert_eq!(embedded.vector("scrape_series_added").await[0].1, 0.0);
    let (_, json) = embedded.http.get("/api/v1/targets", &[]).await;
    let target = &json["data"]["activeTargets"][0];
    assert_eq!(target["labels"]["job"], "j");
    assert_eq!(target["scrapeInterval"], "5s");
    assert!(target["lastScrape"].as_str().unwrap().ends_with('Z'));
    let (_, json) = embedded.http.get("/api/v1/metadata", &[]).await;
    assert_eq!(
        json["data"]["a"],
        serde_json::json!([{"type": "counter", "help": "Help.", "unit": ""}])
    );
}

#[tokio::test]
async fn the_job_says_whose_labels_win() {
    let body = "a{job=\"own\",x=\"1\"} 1\n# EOF\n";
    let embedded = scraped(body).await;
    let (_, json) = embedded.http.get("/api/v1/query", &[("query", "a")]).await;
    let metric = &json["data"]["result"][0]["metric"];
    assert_eq!(
        (&metric["job"], &metric["exported_job"]),
        (&Value::from("j"), &Value::from("own"))
    );

    let address = fixture(move |_| Page::open_metrics(body)).await;
    let embedded =
        Embedded::start(&job(&address, "  honor_labels: true\n"), Limits::default()).await;
    embedded.scrape().await;
    let (_, json) = embedded.http.get("/api/v1/query", &[("query", "a")]).await;
    let metric = &json["data"]["result"][0]["metric"];
    assert_eq!(
        (&metric["job"], &metric["exported_job"]),
        (&Value::from("own"), &Value::Null)
    );
}

#[tokio::test]
async fn a_series_that_disappears_ends_at_once() {
    let turn = Arc::new(AtomicUsize::new(0));
    let seen = turn.clone();
    let address = fixture(move |_| match seen.load(Ordering::SeqCst) {
        0 => Page::open_metrics("a 1\nb 2\n# EOF\n"),
        1 => Page::open_metrics("a 1\n# EOF\n"),
        2 => Page {
            status: 500,
            ..Page::open_metrics("")
        },
        _ => Page::open_metrics("a 5\nb 6\n# EOF\n"),
    })
    .await;
    let embedded = Embedded::start(&job(&address, ""), Limits::default()).await;
    for (step, (a, b)) in [(1, 1), (1, 0), (0, 0), (1, 1)].into_iter().enumerate() {
        turn.store(step, Ordering::SeqCst);
        // Two samples of one series need two different milliseconds.
        tokio::time::sleep(Duration::from_millis(3)).await;
        embedded.scrape().await;
        assert_eq!(embedded.vector("a").await.len(), a, "step {step}");
        assert_eq!(embedded.vector("b").await.len(), b, "step {step}");
    }
    assert_eq!(
        embedded.vector("count_over_time(b[1m])").await[0].1,
        2.0,
        "markers are no samples"
    );
}

#[tokio::test]
async fn an_exemplar_leads_from_the_bucket_to_the_trace() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 3 # {TraceID=\"0af7651916cd43dd8448eb211c80319c\"} 0.67\nh_bucket{le=\"+Inf\"} 3\n# EOF\n";
    let embedded = scraped(body).await;
    embedded.scrape().await;
    let (status, json) = embedded
        .http
        .post(
            "/api/v1/query_exemplars",
            &[("query", "rate(h_bucket[1m])")],
        )
        .await;
    assert_eq!(status, 200);
    let found = json["data"].as_array().unwrap();
    assert_eq!(found.len(), 1);
    // The page says le="1": Prometheus 3 writes bounds as numbers.
    assert_eq!(found[0]["seriesLabels"]["le"], "1.0");
    let exemplars = found[0]["exemplars"].as_array().unwrap();
    assert_eq!(exemplars.len(), 1, "the same exemplar seen twice is one");
    assert_eq!(
        exemplars[0]["labels"]["TraceID"],
        "0af7651916cd43dd8448eb211c80319c"
    );
    assert_eq!(exemplars[0]["value"], "0.67");
    assert!(exemplars[0]["timestamp"].is_number());
}

#[tokio::test]
async fn a_malformed_exposition_is_refused_as_a_whole() {
    for (body, named) in [
        (b"a 1\nb two\n# EOF\n".to_vec(), "line 2"),
        (b"a 1\n".to_vec(), "# EOF"),
        (b"<html>not metrics</html>".to_vec(), "line 1"),
        (vec![0xff, 0xfe, 0x00], "UTF-8"),
    ] {
        let error = refusal(
            move || Page::open_metrics(body.clone()),
            "",
            Limits::default(),
        )
        .await;
        assert!(error.contains(named), "{error}");
    }
    let html = || Page {
        content_type: "text/html",
        ..Page::open_metrics("a 1\n# EOF\n")
    };
    assert!(
        refusal(html, "", Limits::default())
            .await
            .contains("unsupported Content-Type \"text/html\"")
    );
}

#[tokio::test]
async fn a_target_that_is_down_or_slow_says_why() {
    let failing = || Page {
        status: 503,
        ..Page::open_metrics("")
    };
    assert_eq!(
        refusal(failing, "", Limits::default()).await,
        "server returned HTTP status 503 Service Unavailable"
    );
    let slow = || Page {
        delay: Duration::from_secs(20),
        ..Page::open_metrics("a 1\n# EOF\n")
    };
    let error = refusal(slow, "  scrape_timeout: 100ms\n", Limits::default()).await;
    assert!(error.contains("context deadline exceeded"), "{error}");

    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let embedded = Embedded::start(&job(&closed.to_string(), ""), Limits::default()).await;
    embedded.scrape().await;
    let (health, error) = target(&embedded).await;
    assert_eq!(health, "down");
    assert!(error.contains("connection refused"), "{error}");
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused_without_being_held() {
    let line = "a{b=\"0123456789012345678901234567890123456789\"} 1\n";
    let body = Arc::new(line.repeat(100 * (1 << 20) / line.len()).into_bytes());
    let page = move || Page::open_metrics(body.as_slice());
    assert_eq!(
        refusal(page, "", Limits::default()).await,
        "body size limit exceeded"
    );
    let page = || Page::open_metrics("a 1\n# EOF\n");
    let error = refusal(page, "  body_size_limit: 8B\n", Limits::default()).await;
    assert_eq!(error, "body size limit exceeded");
}

#[tokio::test]
async fn a_million_series_are_refused_clearly() {
    let body = Arc::new(
        (0..1_000_000)
            .map(|i| format!("a{{i=\"{i}\"}} 1\n"))
            .collect::<String>()
            + "# EOF\n",
    );
    let limits = Limits {
        max_body_bytes: 64 << 20,
        ..Limits::default()
    };
    let page = {
        let body = body.clone();
        move || Page::open_metrics(body.as_bytes())
    };
    let error = refusal(page, "", limits.clone()).await;
    assert!(error.starts_with("sample limit exceeded"), "{error}");
    let small = "a{i=\"1\"} 1\na{i=\"2\"} 1\na{i=\"3\"} 1\n# EOF\n";
    let error = refusal(
        move || Page::open_metrics(small),
        "  sample_limit: 2\n",
        limits.clone(),
    )
    .await;
    assert!(error.starts_with("sample limit exceeded"), "{error}");
    let limits = Limits {
        max_series: 7,
        ..limits
    };
    let address = fixture(move |_| Page::open_metrics(small)).await;
    let embedded = Embedded::start(&job(&address, ""), limits).await;
    embedded.scrape().await;
    assert_eq!(target(&embedded).await.0, "up", "what fits is stored");
    let eight = "b{i=\"1\"} 1\nc 1\nd 1\ne 1\nf 1\ng 1\nh 1\ni 1\n# EOF\n";
    let address = fixture(move |_| Page::open_metrics(eight)).await;
    let limits = Limits {
        max_series: 7,
        ..Limits::default()
    };
    let other = Embedded::start(&job(&address, ""), limits).await;
    other.scrape().await;
    let (health, error) = target(&other).await;
    assert_eq!(health, "down");
    assert!(error.starts_with("series limit exceeded"), "{error}");
    assert_eq!(other.store.stats().refused_series, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scraper_keeps_the_interval_of_each_job() {
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = hits.clone();
    let address = fixture(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Page {
            content_type: "text/plain; version=0.0.4",
            ..Page::open_metrics("a 1\n")
        }
    })
    .await;
    let yaml = job(&address, "").replace("5s", "50ms");
    let embedded = Embedded::start(&yaml, Limits::default()).await;
    let scraper = Scraper::start(&embedded.store, &embedded.targets, FirstScrape::Immediate);
    until("the target was scraped five times", async || {
        hits.load(Ordering::SeqCst) >= 5
    })
    .await;
    until("the samples can be queried", async || {
        embedded
            .vector("count_over_time(a[1m])")
            .await
            .first()
            .is_some_and(|(_, count)| *count >= 4.0)
    })
    .await;
    scraper.stop().await;
    let after = hits.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(hits.load(Ordering::SeqCst), after, "stopped is stopped");
}

#[tokio::test]
async fn a_scrape_asks_as_prometheus_does() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let head = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut piece = vec![0; 4096];
        let length = tokio::io::AsyncReadExt::read(&mut socket, &mut piece)
            .await
            .unwrap();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {OPEN_METRICS}\r\nContent-Length: 6\r\n\r\n# EOF\n"
        );
        tokio::io::AsyncWriteExt::write_all(&mut socket, answer.as_bytes())
            .await
            .unwrap();
        String::from_utf8_lossy(&piece[..length]).to_lowercase()
    });
    let embedded = Embedded::start(&job(&address, ""), Limits::default()).await;
    embedded.scrape().await;
    let head = head.await.unwrap();
    assert!(
        head.contains("accept: application/openmetrics-text;version=1.0.0"),
        "{head}"
    );
    assert!(
        head.contains("x-prometheus-scrape-timeout-seconds: 5"),
        "{head}"
    );
    assert!(head.contains("accept-encoding: gzip"), "{head}");
    assert_eq!(target(&embedded).await.0, "up");
}
