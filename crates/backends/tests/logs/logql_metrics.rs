//! Metric queries of LogQL; expectations come from Loki's documentation of the language.

use crate::support::logql::backend;
use crate::support::logs::{Backend, NOW, SECOND, stream};
use lab_backends::logs::Limits;
use lab_backends::logs::store::Entry;
use serde_json::{Value, json};

/// `label=value;…=number` of each element of a vector, sorted.
fn vector(answer: &Value) -> Vec<String> {
    let result = answer["data"]["result"].as_array().unwrap();
    let mut rows: Vec<String> = result
        .iter()
        .map(|row| {
            let labels: Vec<String> = row["metric"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
                .collect();
            format!("{} {}", labels.join(","), row["value"][1].as_str().unwrap())
        })
        .collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn metric_queries_return_the_documented_numbers() {
    let backend = backend().await;
    let cases: &[(&str, &[&str])] = &[
        (r#"count_over_time({app="b"}[1m])"#, &["app=b,env=test 1"]),
        (r#"sum(count_over_time({env="test"}[2m]))"#, &[" 7"]),
        // The window is (t - range, t]: the line exactly a minute old is out.
        (r#"sum(count_over_time({env="test"}[1m]))"#, &[" 6"]),
        (
            r#"sum by (app) (count_over_time({env="test"}[2m]))"#,
            &["app=a 6", "app=b 1"],
        ),
        (
            r#"sum without (env, trace_id) (count_over_time({env="test"}[2m]))"#,
            &["app=a 6", "app=b 1"],
        ),
        (
            r#"sum(count_over_time({env="test"}[2m] offset 30s))"#,
            &[" 4"],
        ),
        (r#"sum(rate({app="b"}[10s]))"#, &[" 0.1"]),
        (r#"sum(bytes_over_time({app="b"}[1m]))"#, &[" 17"]),
        (r#"sum(bytes_rate({app="b"}[10s]))"#, &[" 1.7"]),
        (r#"absent_over_time({app="c",env=~".*"}[1m])"#, &["app=c 1"]),
        (r#"absent_over_time({app="b"}[1m])"#, &[]),
        (r#"count(count_over_time({env="test"}[2m]))"#, &[" 3"]),
        (
            r#"max(sum by (app) (count_over_time({env="test"}[2m])))"#,
            &[" 6"],
        ),
        (
            r#"min(sum by (app) (count_over_time({env="test"}[2m])))"#,
            &[" 1"],
        ),
        (
            r#"avg(sum by (app) (count_over_time({env="test"}[2m])))"#,
            &[" 3.5"],
        ),
        (
            r#"topk(1, sum by (app) (count_over_time({env="test"}[2m])))"#,
            &["app=a 6"],
        ),
        (
            r#"bottomk(1, sum by (app) (count_over_time({env="test"}[2m])))"#,
            &["app=b 1"],
        ),
        (
            r#"sum by (app) (count_over_time({env="test"}[2m])) > 1"#,
            &["app=a 6"],
        ),
        (
            r#"sum by (app) (count_over_time({env="test"}[2m])) > bool 1"#,
            &["app=a 1", "app=b 0"],
        ),
        (
            r#"sum by (app) (count_over_time({env="test"}[2m])) * 2 + 1"#,
            &["app=a 13", "app=b 3"],
        ),
        (r#"2 ^ 3 ^ 2 + vector(0)"#, &[" 512"]),
        (r#"10 - 2 - 3 + vector(0)"#, &[" 5"]),
        (r#"(1 + 2) * 3 % 5 + vector(0)"#, &[" 4"]),
        (
            r#"sum by (app) (count_over_time({env="test"} |= "GET" [2m])) / sum by (app) (count_over_time({env="test"}[2m]))"#,
            &["app=a 0.6666666666666666"],
        ),
        (
            r#"sum by (app) (count_over_time({app="a"}[2m])) or sum by (app) (count_over_time({app="b"}[2m]))"#,
            &["app=a 6", "app=b 1"],
        ),
        (
            r#"sum by (app) (count_over_time({env="test"}[2m])) unless sum by (app) (count_over_time({app="b"}[2m]))"#,
            &["app=a 6"],
        ),
        (
            r#"sum by (app) (count_over_time({env="test"}[2m])) and on (app) sum by (app) (count_over_time({app="b"}[2m]))"#,
            &["app=b 1"],
        ),
        (
            r#"sum by (level) (count_over_time({app="a"} | logfmt | level != "" [2m]))"#,
            &["level=error 1", "level=info 1", "level=warn 1"],
        ),
        (
            r#"sum(sum_over_time({app="a"} | logfmt | unwrap status [2m]))"#,
            &[" 1104"],
        ),
        (
            r#"max_over_time({app="a"} | logfmt | unwrap duration(took) | __error__="" [2m]) by (app)"#,
            &["app=a 120"],
        ),
        (
            r#"sum(sum_over_time({app="a"} | logfmt | unwrap bytes(size) | status > 200 [2m]))"#,
            &[" 2000010"],
        ),
        (
            r#"quantile_over_time(0.5, {app="a"} | logfmt | unwrap status [2m]) by (env)"#,
            &["env=test 404"],
        ),
        (
            r#"label_replace(sum by (app) (count_over_time({app="b"}[2m])), "x", "<$1>", "app", "(.*)")"#,
            &["app=b,x=<b> 1"],
        ),
    ];
    for (query, expected) in cases {
        let answer = backend.instant(query).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        assert_eq!(vector(&answer.json()), *expected, "{query}");
    }
}

/// Values of lines, with the quantiles 0, 0.5, 0.9 and 1 that Loki 3.7.6 made of them.
const QUANTILES: [(&[&str], [&str; 4]); 3] = [
    (
        &["1", "2.5", "-3", "1e3", "NaN", "5"],
        ["NaN", "1.75", "502.5", "1000"],
    ),
    (&["1", "2", "3", "NaN"], ["NaN", "1.5", "2.7", "3"]),
    (&["NaN", "1", "2", "3"], ["NaN", "1.5", "2.7", "3"]),
];

#[tokio::test]
async fn a_value_that_is_no_number_is_the_least_of_a_quantile() {
    for (values, quantiles) in QUANTILES {
        let backend = Backend::start(Limits::default()).await;
        let entries = values.iter().zip(1..).map(|(value, at)| {
            let ts = NOW - SECOND + at;
            Entry::new(ts, format!("v={value}"))
        });
        backend
            .store
            .push(vec![stream(&[("app", "a")], entries.collect())])
            .unwrap();
        for (q, expected) in ["0", "0.5", "0.9", "1"].iter().zip(quantiles) {
            let query = format!(
                r#"quantile_over_time({q}, {{app="a"}} | logfmt | unwrap v [1m]) by (app)"#
            );
            let answer = backend.instant(&query).await.json();
            let found = &answer["data"]["result"][0]["value"][1];
            assert_eq!(found, expected, "{q} of {values:?}");
        }
    }
}

#[tokio::test]
async fn numbers_alone_are_scalars() {
    let backend = backend().await;
    let answer = backend.instant("1 + 1 == bool 2").await.json();
    assert_eq!(
        answer["data"],
        json!({"resultType": "scalar", "result": [NOW / SECOND, "1"]})
    );
    let more = [("start", "100"), ("end", "105"), ("step", "5")];
    let answer = backend.range("3", &more).await.json();
    assert_eq!(
        answer["data"]["result"],
        json!([{"metric": {}, "values": [[100, "3"], [105, "3"]]}])
    );
}

#[tokio::test]
async fn range_queries_step_at_multiples_of_the_step() {
    let backend = backend().await;
    let (start, end) = ((NOW - 59 * SECOND).to_string(), (NOW - SECOND).to_string());
    let more = [("start", &*start), ("end", &*end), ("step", "30s")];
    let query = r#"sum(count_over_time({app="a"}[30s]))"#;
    let answer = backend.range(query, &more).await.json();
    let at = |seconds: i64| NOW / SECOND + seconds;
    assert_eq!(
        answer["data"]["result"][0]["values"],
        json!([[at(-60), "1"], [at(-30), "3"], [at(0), "2"]])
    );
}

#[tokio::test]
async fn lines_that_cannot_be_read_fail_a_metric_query_unless_skipped() {
    let backend = backend().await;
    let failed = backend
        .instant(r#"count_over_time({app="a"} | json [2m])"#)
        .await;
    assert_eq!(failed.status, 400);
    assert!(
        failed
            .text
            .starts_with("pipeline error: 'JSONParserErr' for series: '{")
    );
    let skipped = r#"sum(count_over_time({app="a"} | json | __error__="" [2m]))"#;
    assert_eq!(vector(&backend.instant(skipped).await.json()), [" 1"]);
    // No label is needed: the lines are not read at all.
    let unread = r#"sum(count_over_time({app="a"} | json [2m]))"#;
    assert_eq!(vector(&backend.instant(unread).await.json()), [" 6"]);
}

#[tokio::test]
async fn too_many_series_are_refused() {
    let backend = Backend::start(Limits::default()).await;
    let entries = (0..600)
        .map(|n| Entry::new(NOW - n, format!("id={n}")))
        .collect();
    backend
        .store
        .push(vec![stream(&[("app", "a")], entries)])
        .unwrap();
    let answer = backend
        .instant(r#"count_over_time({app="a"} | logfmt [1m])"#)
        .await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text
            .starts_with("maximum number of series (500) reached")
    );
    let counted = r#"sum(count_over_time({app="a"} | logfmt [1m]))"#;
    assert_eq!(vector(&backend.instant(counted).await.json()), [" 600"]);
}

/// Enough lines for several threads, if the machine has them: two streams, of `kind` 0, 1 and 2 in turn. The
/// number of a line is its milliseconds before [`NOW`].
async fn many_lines() -> Backend {
    let backend = Backend::start(Limits::default()).await;
    for part in 0..15_i64 {
        let streams = [0_i64, 1].map(|app| {
            let numbers = (0..1000).map(|n| 30_000 - 2 * (part * 1000 + n) - app);
            let line = |n: i64| {
                let line = format!("kind={} n={n}", n % 3);
                Entry::new(NOW - n * SECOND / 1000, line)
            };
            stream(&[("app", &format!("a{app}"))], numbers.map(line).collect())
        });
        backend.store.push(streams.to_vec()).unwrap();
    }
    backend
}

#[tokio::test]
async fn lines_that_threads_share_are_counted_once_and_in_order() {
    let backend = many_lines().await;
    let of = |kind: i64| (1..=30_000).filter(move |n| n % 3 == kind);
    let rows = |number: &dyn Fn(i64) -> i64| -> Vec<String> {
        let row = |kind| format!("kind={kind} {}", number(kind));
        (0..3).map(row).collect()
    };
    let lines = r#"{app=~"a."} | logfmt"#;
    for (query, expected) in [
        (
            format!("sum by (kind) (count_over_time({lines} [1h]))"),
            rows(&|kind| of(kind).count() as i64),
        ),
        (
            format!("sum by (kind) (bytes_over_time({lines} [1h]))"),
            rows(&|kind| of(kind).map(|n| 9 + n.to_string().len() as i64).sum()),
        ),
        (
            format!("sum by (kind) (sum_over_time({lines} | unwrap n [1h]))"),
            rows(&|kind| of(kind).sum()),
        ),
        (
            format!("first_over_time({lines} | unwrap n [1h]) by (kind)"),
            rows(&|kind| of(kind).max().unwrap()),
        ),
        (
            format!("last_over_time({lines} | unwrap n [1m]) by (kind)"),
            rows(&|kind| of(kind).min().unwrap()),
        ),
        (
            format!("count(count_over_time({lines} | n > 29000 [1h]))"),
            vec![" 1000".to_owned()],
        ),
    ] {
        let answer = backend.instant(&query).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        assert_eq!(vector(&answer.json()), expected, "{query}");
    }
}

#[tokio::test]
async fn of_lines_that_threads_share_the_earliest_one_that_cannot_be_read_is_named() {
    let backend = many_lines().await;
    for (app, n) in [("a0", 7), ("a0", 50), ("a1", 20_001)] {
        let line = format!("kind=x n={n}x");
        let entries = vec![Entry::new(NOW - n * SECOND / 1000, line)];
        backend
            .store
            .push(vec![stream(&[("app", app)], entries)])
            .unwrap();
    }
    let query = r#"sum by (kind) (sum_over_time({app=~"a."} | logfmt | unwrap n [1h]))"#;
    let answer = backend.instant(query).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains(r#"n="50x""#), "{}", answer.text);
}
