//! LogQL beyond the recorded answers; expectations come from Loki's documentation of the language.

#![allow(clippy::unwrap_used, reason = "a test stops where its set-up fails")]

mod support {
    pub mod logs;
}

use proptest::prelude::*;
use salvo_observability::embedded::logs::Limits;
use salvo_observability::embedded::logs::logql::{parse, pretty};
use salvo_observability::embedded::logs::store::Entry;
use serde_json::{Value, json};
use support::logs::{Backend, NOW, SECOND, stream};

const LINES: [&str; 6] = [
    r#"level=info method=GET path=/a status=200 took=12ms size=1KB"#,
    r#"level=warn method=POST path=/b status=404 took=1.5s size=2MB"#,
    r#"level=error method=GET path=/c status=500 took=2m size=10B"#,
    r#"{"level":"info","req":{"method":"GET","tags":["x","y"]},"n":1.50,"ok":true,"none":null,"a b":"c"}"#,
    r#"127.0.0.1 - - [now] "GET /api HTTP/1.1" 204 17"#,
    "plain words\nover two lines",
];

/// Six lines, one every ten seconds, the last ten seconds ago.
async fn backend() -> Backend {
    let backend = Backend::start(Limits {
        discover_log_levels: false,
        ..Limits::default()
    })
    .await;
    let entries = LINES.iter().zip(0..).map(|(line, at)| {
        let mut entry = Entry::new(NOW - (60 - at * 10) * SECOND, *line);
        if at == 4 {
            entry.metadata.push(("trace_id".into(), "abc".into()));
        }
        entry
    });
    let other = vec![Entry::new(NOW - 5 * SECOND, "level=info from=b")];
    let streams = vec![
        stream(&[("app", "a"), ("env", "test")], entries.collect()),
        stream(&[("app", "b"), ("env", "test")], other),
    ];
    backend.store.push(streams).unwrap();
    backend
}

#[tokio::test]
async fn pipelines_return_the_documented_lines() {
    let backend = backend().await;
    // Query, and which of the lines it returns.
    let cases: &[(&str, &[usize])] = &[
        (r#"{app="a"}"#, &[0, 1, 2, 3, 4, 5]),
        (r#"{app=~"a|x", env!="prod", nope=""}"#, &[0, 1, 2, 3, 4, 5]),
        (r#"{env="test", app!~"b.*"}"#, &[0, 1, 2, 3, 4, 5]),
        (r#"{app="a"} |= "GET""#, &[0, 2, 3, 4]),
        (r#"{app="a"} |= "GET" != "status""#, &[3, 4]),
        (r#"{app="a"} |= "status=404" or "status=500""#, &[1, 2]),
        (r#"{app="a"} != "status" or "GET""#, &[5]),
        (r#"{app="a"} |~ "status=(4|5)..""#, &[1, 2]),
        (r#"{app="a"} |~ `(?i)LEVEL=W\w+`"#, &[1]),
        (r#"{app="a"} !~ "level|GET""#, &[5]),
        (r#"{app="a"} |= """#, &[0, 1, 2, 3, 4, 5]),
        ("{app=\"a\"} # a comment\n |= \"words\"", &[5]),
        (r#"{app="a"} | logfmt | status >= 404"#, &[1, 2]),
        (
            r#"{app="a"} | logfmt | status > 200 and status < 500"#,
            &[1],
        ),
        (r#"{app="a"} | logfmt | status > 200, method="POST""#, &[1]),
        (r#"{app="a"} | logfmt | status > 200 method="POST""#, &[1]),
        (
            r#"{app="a"} | logfmt | status == 200 or method="POST""#,
            &[0, 1],
        ),
        (
            r#"{app="a"} | logfmt | (status == 200 or status == 500) and method="GET""#,
            &[0, 2],
        ),
        (r#"{app="a"} | logfmt | took > 1s"#, &[1, 2]),
        (r#"{app="a"} | logfmt | took <= 1.5s"#, &[0, 1]),
        (r#"{app="a"} | logfmt | size >= 1KB"#, &[0, 1]),
        (r#"{app="a"} | logfmt | size < 1KiB"#, &[0, 2]),
        (
            r#"{app="a"} | logfmt | level!="" | level=~"info|warn""#,
            &[0, 1],
        ),
        (r#"{app="a"} | logfmt way="path" | way="/c""#, &[2]),
        (
            r#"{app="a"} | json | __error__="" | req_method="GET""#,
            &[3],
        ),
        (r#"{app="a"} | json | n = 1.5"#, &[3]),
        (r#"{app="a"} | json | ok="true" | a_b="c""#, &[3]),
        (r#"{app="a"} | json first="req.tags[0]" | first="x""#, &[3]),
        (r#"{app="a"} | json m="req[\"method\"]" | m="GET""#, &[3]),
        (
            r#"{app="a"} | json | __error__="JSONParserErr""#,
            &[0, 1, 2, 4, 5],
        ),
        (
            r#"{app="a"} | pattern `<ip> - - [<_>] "<method> <path> <_>" <code> <_>` | code=204"#,
            &[4],
        ),
        (
            r#"{app="a"} | regexp `status=(?P<code>\d+)` | code="500""#,
            &[2],
        ),
        (r#"{app="a"} | trace_id="abc""#, &[4]),
        (
            r#"{app="a"} | logfmt | label_format way=path | way="/a""#,
            &[0],
        ),
        (
            r#"{app="a"} | logfmt | label_format m="{{.method | lower}}" | m="post""#,
            &[1],
        ),
        (
            r#"{app="a"} | logfmt | drop level | level="" | status=500"#,
            &[2],
        ),
        (
            r#"{app="a"} | logfmt | drop status="500" | status > 0"#,
            &[0, 1],
        ),
        (
            r#"{app="a"} | logfmt | keep level | status="" | level="warn""#,
            &[1],
        ),
        (r#"({app="a"} |= "words")"#, &[5]),
    ];
    for (query, expected) in cases {
        let expected: Vec<&str> = expected.iter().map(|at| LINES[*at]).collect();
        assert_eq!(backend.lines(query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn templates_rewrite_lines() {
    let backend = backend().await;
    let cases = [
        ("{{.method}} {{.path}}", "POST /b"),
        ("{{ .method | lower | trunc 2 }}", "po"),
        ("{{Replace .path \"/\" \"-\" -1}}", "-b"),
        ("{{.nope}}|{{default \"none\" .nope}}", "|none"),
        (
            "{{alignLeft 6 .method}}|{{alignRight 6 (upper .level)}}",
            "POST  |  WARN",
        ),
        ("{{ __line__ | substr 0 5 }}", "level"),
        ("{{ trimPrefix \"/\" .path }}{{`x`}}", "bx"),
        ("no template", "no template"),
    ];
    for (template, expected) in cases {
        let query = format!(
            "{{app=\"a\"}} | logfmt | status=404 | line_format {}",
            json!(template)
        );
        assert_eq!(backend.lines(&query).await, [expected], "{template}");
    }
}

#[tokio::test]
async fn parsed_labels_never_hide_labels_of_the_stream() {
    let backend = backend().await;
    let query = r#"{app="a"} |= "words" | regexp "(?P<app>plain) (?P<other>\\w+)""#;
    let answer = backend.range(query, &[]).await.json();
    let labels = &answer["data"]["result"][0]["stream"];
    assert_eq!(labels["app"], "a");
    assert_eq!(labels["app_extracted"], "plain");
    assert_eq!(labels["other"], "words");
}

#[tokio::test]
async fn numbers_of_json_keep_their_form() {
    let backend = backend().await;
    let answer = backend.range(r#"{app="a"} | json | ok="true""#, &[]).await;
    assert_eq!(answer.json()["data"]["result"][0]["stream"]["n"], "1.50");
}

#[tokio::test]
async fn categorised_answers_tell_labels_from_metadata_and_parsed_fields() {
    let backend = backend().await;
    let path = "/loki/api/v1/query_range?query=%7Bapp%3D%22a%22%7D%7C%3D%22HTTP%22%7Cregexp%22%28%3FP%3Cv%3EGET%29%22&since=1h";
    let flags = [("X-Loki-Response-Encoding-Flags", "categorize-labels")];
    let answer = backend.request("GET", path, &flags, "").await.json();
    assert_eq!(
        answer["data"]["encodingFlags"],
        json!(["categorize-labels"])
    );
    let stream = &answer["data"]["result"][0];
    assert_eq!(stream["stream"], json!({"app": "a", "env": "test"}));
    assert_eq!(
        stream["values"][0][2],
        json!({"structuredMetadata": {"trace_id": "abc"}, "parsed": {"v": "GET"}})
    );
}

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
async fn limit_direction_and_interval_choose_lines() {
    let backend = backend().await;
    let lines = |answer: Value| -> Vec<String> {
        let values = answer["data"]["result"][0]["values"]
            .as_array()
            .unwrap()
            .clone();
        values
            .iter()
            .map(|v| v[1].as_str().unwrap()[..5].to_owned())
            .collect()
    };
    let query = r#"{app="a"} |~ "level=""#;
    let answer = backend
        .range(query, &[("limit", "2"), ("direction", "forward")])
        .await;
    assert_eq!(lines(answer.json()).len(), 2);
    let newest = backend.range(query, &[("limit", "1")]).await.json();
    assert_eq!(newest["data"]["result"][0]["values"][0][1], LINES[2]);
    let spread = backend
        .range(query, &[("interval", "15s"), ("direction", "forward")])
        .await;
    assert_eq!(lines(spread.json()).len(), 2);
}

#[tokio::test]
async fn bad_queries_are_refused_with_place_and_reason() {
    let backend = backend().await;
    let cases = [
        (
            "",
            "parse error at line 1, col 1: syntax error: unexpected $end",
        ),
        (
            "{",
            "parse error at line 1, col 2: syntax error: unexpected $end",
        ),
        (
            "{}",
            "parse error : queries require at least one regexp or equality matcher",
        ),
        (r#"{a!="b"}"#, "parse error : queries require at least one"),
        (
            r#"{a="b"} |"#,
            "parse error at line 1, col 10: syntax error: unexpected $end",
        ),
        (
            r#"{a="b"} |= x"#,
            "parse error at line 1, col 12: syntax error: unexpected IDENTIFIER",
        ),
        (
            "{a=\"b\"}\n | json |= ",
            "parse error at line 2, col 12: syntax error",
        ),
        (
            r#"{a="b}"#,
            "parse error at line 1, col 4: literal not terminated",
        ),
        (
            r#"{a="b"} | a > "x""#,
            "parse error at line 1, col 15: syntax error: unexpected STRING",
        ),
        (
            r#"rate({a="b"}[5x])"#,
            "parse error at line 1, col 13: not a valid duration string",
        ),
        (r#"rate({a="b"}[5m)"#, "parse error at line 1, col 13: "),
        (
            r#"sum({a="b"})"#,
            "parse error at line 1, col 5: syntax error: unexpected {",
        ),
        (r#"{a=~"("}"#, "parse error : error parsing regexp"),
        (r#"{a="b"} |~ "(""#, "parse error : stage '|~ \"(\"' :"),
        (
            r#"{a="b"} | pattern "x""#,
            "parse error : invalid pattern parser: at least one capture",
        ),
        (
            r#"{a="b"} | regexp "x""#,
            "parse error : invalid regexp parser: at least one named capture",
        ),
        (
            r#"{a="b"} | line_format "{{if .a}}x{{end}}""#,
            "parse error : stage '| line_format",
        ),
        (
            r#"{a="b"} | line_format "{{ nope .a }}""#,
            "parse error : stage '| line_format",
        ),
        (
            r#"{a="b"} | decolorize"#,
            "parse error : `decolorize` is not supported",
        ),
        (
            r#"{a="b"} | unpack"#,
            "parse error : `unpack` is not supported",
        ),
        (
            r#"{a="b"} |> "<_>x""#,
            "parse error : `|>` is not supported",
        ),
        (
            r#"{a="b"} |= ip("1.2.3.4")"#,
            "parse error : `ip` is not supported",
        ),
        (
            r#"histogram_quantile(1, rate({a="b"}[1m]))"#,
            "parse error : the function `histogram_quantile` is not supported",
        ),
        (
            r#"sum_over_time({a="b"}[1m])"#,
            "parse error : invalid aggregation sum_over_time without unwrap",
        ),
        (
            r#"count_over_time({a="b"} | unwrap x [1m])"#,
            "parse error : invalid aggregation count_over_time with unwrap",
        ),
        (
            r#"rate({a="b"}[1m]) by (x)"#,
            "parse error : grouping not allowed for rate aggregation",
        ),
        (
            r#"topk(0, rate({a="b"}[1m]))"#,
            "parse error : invalid parameter (must be greater than 0)",
        ),
        (
            r#"1 + bool 2"#,
            "parse error : bool modifier can only be used on comparison operators",
        ),
        (
            r#"1 and vector(1)"#,
            "parse error : unexpected literal for side of logical/set binary operation",
        ),
        (
            r#"{app="a"} | json | n > 1 [5m]"#,
            "parse error at line 1, col 26: syntax error: unexpected RANGE",
        ),
    ];
    for (query, expected) in cases {
        let answer = backend.range(query, &[]).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert_eq!(
            answer.content_type.as_deref(),
            Some("text/plain; charset=utf-8")
        );
        assert!(
            answer.text.starts_with(expected),
            "{query}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn lines_that_cannot_be_read_fail_a_metric_query_unless_skipped() {
    let backend = backend().await;
    let failed = backend
        .instant(r#"sum(count_over_time({app="a"} | json [2m]))"#)
        .await;
    assert_eq!(failed.status, 400);
    assert!(
        failed
            .text
            .starts_with("pipeline error: 'JSONParserErr' for series: '{")
    );
    let skipped = r#"sum(count_over_time({app="a"} | json | __error__="" [2m]))"#;
    assert_eq!(vector(&backend.instant(skipped).await.json()), [" 1"]);
}

#[tokio::test]
async fn bombs_are_refused() {
    let backend = backend().await;
    let deep = format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000));
    let deep_filter = format!("{{a=\"b\"}} | {}x=1", "(".repeat(50_000));
    let deep_sum = format!("{}vector(1){}", "sum(".repeat(9000), ")".repeat(9000));
    let deep_log = format!("count_over_time({}{{a=\"b\"}}[1m]", "(".repeat(50_000));
    let deep_template = format!(
        "{{a=\"b\"}} | line_format \"{{{{ {} }}}}\"",
        "(".repeat(9000)
    );
    let chain = format!("1{}", " + 1".repeat(20_000));
    let powers = format!("1{}", " ^ 1".repeat(20_000));
    let long = format!("{{a=\"{}\"}}", "x".repeat(200_000));
    let regex = r#"{app="a"} |~ "(((a{1000}){1000}){1000})""#.to_owned();
    let nested_regex = format!("{{app=\"a\"}} |~ \"{}\"", "(".repeat(10_000));
    let points = r#"vector(1)"#;
    for query in [
        deep,
        deep_filter,
        deep_sum,
        deep_log,
        deep_template,
        chain,
        powers,
        long,
        regex,
        nested_regex,
    ] {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let body = support::logs::encode(&[("query", &query)]);
        let answer = backend
            .request("POST", "/loki/api/v1/query_range", &headers, body)
            .await;
        assert_eq!(answer.status, 400, "{:.60}: {}", query, answer.text);
    }
    let more = [("start", "1"), ("end", "1795360560"), ("step", "1")];
    let answer = backend.range(points, &more).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text
            .starts_with("exceeded maximum resolution of 11,000 points")
    );
    assert_eq!(backend.instant("vector(1)").await.status, 200);
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

#[tokio::test]
async fn parameters_are_read_as_loki_reads_them() {
    let backend = backend().await;
    let query = ("query", r#"{app="b"}"#);
    let found = async |params: &[(&str, &str)]| {
        let params = [&[query], params].concat();
        let answer = backend.get("/loki/api/v1/query_range", &params).await;
        let found = answer.status == 200 && answer.text.contains("from=b");
        (answer.status, found)
    };
    let seconds = (NOW / SECOND).to_string();
    let fraction = format!("{seconds}.5");
    assert_eq!(found(&[]).await, (200, true));
    assert_eq!(found(&[("since", "1s")]).await, (200, false));
    assert_eq!(found(&[("start", &seconds)]).await, (200, false));
    assert_eq!(
        found(&[("end", &fraction), ("since", "10s")]).await,
        (200, true)
    );
    assert_eq!(
        found(&[("start", "2026-11-22T15:15:00Z")]).await,
        (200, true)
    );
    assert_eq!(found(&[("end", "1"), ("start", "2")]).await, (400, false));
    for (name, value) in [
        ("limit", "0"),
        ("limit", "-1"),
        ("direction", "up"),
        ("since", "x"),
        ("step", "0"),
        ("step", "x"),
        ("interval", "-1"),
    ] {
        assert_eq!(found(&[(name, value)]).await.0, 400, "{name}={value}");
    }
}

#[test]
fn formatted_queries_are_laid_out_for_reading() {
    let cases = [
        (
            r#"{ a = "b",c!="d" }|="x"|json"#,
            r#"{a="b", c!="d"} |= "x" | json"#,
        ),
        ("1+2*3", "1 + 2 * 3"),
        ("(1+2)*3", "(1 + 2) * 3"),
        (
            r#"sum(rate({a="b"}[60s]))by(x)"#,
            r#"sum by (x)(rate({a="b"} [1m]))"#,
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(pretty(&parse(query).unwrap()), expected);
    }
    let long = format!(
        r#"sum by (type) (rate({{app="{}"}} | json | a="b" [1m]))"#,
        "x".repeat(90)
    );
    let text = pretty(&parse(&long).unwrap());
    assert_eq!(text.lines().count(), 7, "{text}");
    assert_eq!(parse(&text).unwrap(), parse(&long).unwrap());
}

/// Queries made of parts that fit together.
fn query() -> impl Strategy<Value = String> {
    let text = "[a-z \"\\\\\n`{}|é]{0,8}".prop_map(|text| json!(text).to_string());
    let name = "[a-z_][a-z0-9_]{0,5}";
    let matcher = (name, prop::sample::select(vec!["=", "!="]), text.clone())
        .prop_map(|(name, op, value)| format!("{name}x{op}{value}"));
    let filter = prop_oneof![
        matcher.clone(),
        (
            name,
            prop::sample::select(vec![">", ">=", "<", "<=", "==", "!="]),
            -1e6..1e6f64
        )
            .prop_map(|(name, op, value)| format!("{name}x {op} {value}")),
        (name, 1..100_000u32).prop_map(|(name, ms)| format!("{name}x > {ms}ms")),
        (name, 1..100_000u32).prop_map(|(name, kb)| format!("{name}x < {kb}KB")),
    ];
    let filter = filter.prop_recursive(3, 8, 3, |inner| {
        (
            inner.clone(),
            prop::sample::select(vec!["and", "or", ","]),
            inner,
        )
            .prop_map(|(a, op, b)| format!("({a} {op} {b})"))
    });
    let stage = prop_oneof![
        (
            prop::sample::select(vec!["|=", "!="]),
            prop::collection::vec(text.clone(), 1..3)
        )
            .prop_map(|(op, texts)| format!("{op} {}", texts.join(" or "))),
        Just("| json".to_owned()),
        Just("| logfmt --strict --keep-empty a, b=\"c\"".to_owned()),
        Just("| pattern `<a> <_>`".to_owned()),
        Just("| regexp `(?P<a>.*)`".to_owned()),
        Just("| label_format a=b, c=\"{{.d}}\"".to_owned()),
        Just("| keep d | drop a, b=\"c\"".to_owned()),
        text.prop_map(|text| format!("| line_format {text}")),
        filter.prop_map(|filter| format!("| {filter}")),
    ];
    let log = (matcher, prop::collection::vec(stage, 0..5))
        .prop_map(|(matcher, stages)| format!("{{must=\"be\", {matcher}}} {}", stages.join(" ")));
    let metric = prop_oneof![
        (log.clone(), 1..9000u32).prop_map(|(log, s)| format!("rate({log} [{s}s] offset 1m)")),
        log.clone().prop_map(|log| format!(
            "quantile_over_time(0.9, {log} | unwrap duration(x) | y=\"z\" [5m]) by (a)"
        )),
        (0.0..1e9f64).prop_map(|value| value.to_string()),
        Just("vector(1)".to_owned()),
    ];
    let metric = metric.prop_recursive(4, 16, 2, |inner| {
        let ops = vec![
            "+",
            "-",
            "*",
            "/",
            "%",
            "^",
            "==",
            "> bool",
            "or",
            "and on (a)",
            "unless",
        ];
        prop_oneof![
            (inner.clone(), prop::sample::select(ops), inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            inner
                .clone()
                .prop_map(|inner| format!("sum by (a, b) ({inner})")),
            inner.prop_map(|inner| format!("topk(3, {inner}) without (a)")),
        ]
    });
    prop_oneof![log, metric]
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn parsing_words_of_the_language_never_panics(
        words in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "(", ")", "a", "=", "\"b\"", "=~", "|", "|=", "json", "[5m]", "sum", "rate",
            "by", ",", "1", "5m", "3KB", "+", "-", "unwrap", "offset", "or", "and", "line_format",
            "`{{.a}}`", "topk", "logfmt", "--strict", "!=", ">", "bool", "on", "vector", "drop", "#", "\n", "[", "\"",
        ]), 0..40)
    ) {
        let _ = parse(&words.join(" "));
    }

    #[test]
    fn formatted_queries_mean_the_same(query in query()) {
        let parsed = parse(&query).unwrap();
        let text = pretty(&parsed);
        let again = parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(parsed, again, "{}", text);
    }
}
