//! Log queries of LogQL beyond the recorded answers; expectations come from Loki's documentation of the language.

use crate::support::logql::{LINES, backend};
use crate::support::logs::{Backend, NOW, SECOND, encode, stream};
use lab_backends::logs::Limits;
use lab_backends::logs::store::Entry;
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

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
        ("", "parse error : syntax error: unexpected $end"),
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
            "parse error at line 0, col 13: unknown unit \"x\" in duration \"5x\"",
        ),
        (
            r#"rate({a="b"}[5m)"#,
            "parse error at line 0, col 13: missing closing ']' in duration",
        ),
        (
            r#"sum({a="b"})"#,
            "parse error at line 1, col 12: syntax error: unexpected )",
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
            r#"{a="b"} | line_format "{{if .a}}x""#,
            "parse error : stage '| line_format \"{{if .a}}x\"' : invalid line template: template: line:1: unexpected EOF",
        ),
        (
            r#"{a="b"} | line_format "{{ nope .a }}""#,
            "parse error : stage '| line_format",
        ),
        (
            r#"histogram_quantile(1, rate({a="b"}[1m]))"#,
            "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER",
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
            r#"1 and vector(1)"#,
            "parse error : unexpected literal for left leg of logical/set binary operation (and): 1.000000",
        ),
        (
            r#"{app="a"} | json | n > 1 [5m]"#,
            "parse error at line 0, col 26: syntax error: unexpected RANGE",
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
        let body = crate::support::logs::encode(&[("query", &query)]);
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
async fn templates_that_make_too_much_of_a_line_are_refused_by_name() {
    let backend = backend().await;
    let doubled = r#" | line_format "{{__line__}}{{__line__}}""#;
    let label = r#" | label_format x="{{.x}}{{.x}}{{__line__}}""#;
    for (stages, stage) in [
        (doubled.repeat(26), "line_format"),
        (label.repeat(26), "label_format"),
    ] {
        let answer = backend.range(&format!("{{app=\"a\"}}{stages}"), &[]).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        let reason = format!("{stage} makes more than 4194304 bytes of one line");
        assert!(answer.text.starts_with(&reason), "{}", answer.text);
    }
    let query = format!("{{app=\"a\"}}{}", doubled.repeat(8));
    assert_eq!(backend.lines(&query).await[5].len(), 26 * 256);
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

#[tokio::test]
async fn what_loki_refuses_is_refused_in_its_words() {
    let backend = backend().await;
    for (query, expected) in [
        (
            r#"bottomk(1.2, count_over_time({k="x"}[5m]))"#,
            "parse error : invalid parameter bottomk(1.2,",
        ),
        (
            r#"{k="x"} | logfmt | n > 0x10"#,
            "parse error : unable to parse literal as a float: strconv.ParseFloat: parsing \"0x10\": invalid syntax",
        ),
        (
            r#"{k="x"} | json bool="b""#,
            "parse error at line 1, col 16: syntax error: unexpected bool",
        ),
        (
            "{k=\"x\"} | json | label_format m=`{{.m}}`,m=lv",
            "parse error : stage '| label_format m=\"{{.m}}\",m=lv' : multiple label name 'm' not allowed in a single format operation",
        ),
        (
            r#"{k="x"} |~ ip("1.2.3.4")"#,
            "parse error : stage '|~ ip(\"1.2.3.4\")' : ip: invalid operation",
        ),
    ] {
        let answer = backend.range(query, &[]).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (400, expected),
            "{query}"
        );
    }
    let path = "/loki/api/v1/query_range?query=%7Bk%3D~%22%A0%A1%22%7D";
    let answer = backend.request("GET", path, &[], "").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.text,
        "parse error at line 1, col 5: invalid UTF-8 encoding"
    );
    let formatted = [(
        r#"sum(count_over_time({k="x"}[5m])) or 1"#,
        "parse error : unexpected literal for right leg of logical/set binary operation (or): 1.000000",
    )];
    for (query, expected) in formatted {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let body = crate::support::logs::encode(&[("query", query)]);
        let path = "/loki/api/v1/format_query";
        let answer = backend.request("POST", path, &headers, body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.json(),
            json!({"status": "invalid-query", "error": expected})
        );
    }
}

/// A backend with lines of one stream, a millisecond apart.
async fn with_lines(limits: Limits, lines: impl Iterator<Item = String>) -> Backend {
    let backend = Backend::start(limits).await;
    let entries = (0..)
        .zip(lines)
        .map(|(at, line)| Entry::new(NOW - SECOND - at * 1_000_000, line));
    let entries = vec![stream(&[("app", "a")], entries.collect())];
    backend.store.push(entries).unwrap();
    backend
}

#[tokio::test]
async fn what_would_take_too_much_memory_is_refused_by_name() {
    let members: Vec<String> = (0..2000).map(|n| format!("\"{n}\":1")).collect();
    let bomb = format!("{{\"{}\":{{{}}}}}", "k".repeat(100_000), members.join(","));
    let backend = with_lines(Limits::default(), std::iter::once(bomb)).await;
    for query in [r#"{app="a"} | json"#, r#"{app="a"} | json | nope!="x""#] {
        let answer = backend.range(query, &[]).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(
            answer
                .text
                .starts_with("json makes more than 4194304 bytes of one line"),
            "{}",
            answer.text
        );
    }
    let filters = r#" |~ "a.*b""#.repeat(101);
    let answer = backend.range(&format!("{{app=\"a\"}}{filters}"), &[]).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text
            .starts_with("the query has more than 100 line filters"),
        "{}",
        answer.text
    );

    let ids = (0..2000).map(|n| format!("id={n}"));
    let backend = with_lines(Limits::default(), ids).await;
    let end = NOW.to_string();
    let start = (NOW - 10_000 * SECOND).to_string();
    let more = [("start", &*start), ("end", &*end), ("step", "1")];
    let query = r#"sum by (id) (count_over_time({app="a"} | logfmt [3h]))"#;
    let answer = backend.range(query, &more).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text
            .starts_with("the query would hold more than 134217728 bytes"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_query_ends_when_its_time_is_over() {
    let limits = Limits {
        query_timeout: std::time::Duration::from_millis(1),
        ..Limits::default()
    };
    let lines = (0..2000).map(|n| format!("n={n} {}", "x=y ".repeat(250)));
    let backend = with_lines(limits, lines).await;
    let slow = r#"{app="a"} !~ "(x=y ){9}z" | logfmt | nope="1""#;
    for (query, path) in [
        (slow.to_owned(), "query_range"),
        (format!("count_over_time({slow}[1h])"), "query"),
    ] {
        let answer = backend
            .get(&format!("/loki/api/v1/{path}"), &[("query", &query)])
            .await;
        assert_eq!(answer.status, 504, "{query}: {}", answer.text);
    }
}

/// A template that makes much of a line, and what its refusal says.
const GREEDY: [(&str, &str); 12] = [
    (
        r#"| line_format "{{repeat 1000000000 __line__}}""#,
        "line_format makes more than 4194304 bytes of one line",
    ),
    (
        r#"| line_format "{{indent 1000000000 __line__}}""#,
        "line_format makes more than 4194304 bytes of one line",
    ),
    (
        r#"| label_format x="{{alignLeft 1000000000 __line__}}""#,
        "label_format makes more than 4194304 bytes of one line",
    ),
    (
        r#"| line_format "{{alignRight 9223372036854775807 __line__}}""#,
        "line_format makes more than 4194304 bytes of one line",
    ),
    (
        r#"| line_format "{{printf \"%900000d%900000d%900000d%900000d%900000d\" 1 2 3 4 5}}""#,
        "line_format makes more than 4194304 bytes of one line",
    ),
    (
        r#"| line_format "{{$x := __line__}}{{range 30}}{{$x = print $x $x}}{{end}}{{len $x}}""#,
        "line_format makes more than 4194304 bytes of one line",
    ),
    (
        r#"| line_format `{{regexReplaceAll "" (repeat 9999 "a") (repeat 9999 "b")}}`"#,
        "line_format makes more than 4194304 bytes of one line",
    ),
    (
        r#"| line_format `{{Replace (repeat 9999 "a") "" (repeat 9999 "b") -1}}`"#,
        "line_format makes more than 4194304 bytes of one line",
    ),
    (
        r#"| line_format "{{range 1000000000}}{{range 1000000000}}{{end}}{{end}}""#,
        "line_format takes more than 1000000 steps for one line",
    ),
    (
        r#"| label_format x="{{range 1000000000}}{{$y := .}}{{end}}""#,
        "label_format takes more than 1000000 steps for one line",
    ),
    (
        r#"| line_format `{{fromJson (printf "[%s1]" (repeat 300000 "1,"))}}`"#,
        "line_format makes more than 4194304 bytes of one line",
    ),
    (
        r#"| line_format `{{$x := 1e300}}{{range 100000}}{{$x = mulf 1e300 1e300 1e-300 1e-300}}{{addf 1e300 1e-300}}{{end}}`"#,
        "line_format makes more than 4194304 bytes of one line",
    ),
];

#[tokio::test]
async fn what_a_template_makes_of_a_line_is_bounded_where_it_is_made() {
    let backend = backend().await;
    for (stage, reason) in GREEDY {
        let query = format!("{{app=\"a\"}} {stage}");
        let answer = backend.range(&query, &[]).await;
        assert_eq!(answer.status, 400, "{stage}: {:.200}", answer.text);
        assert!(answer.text.starts_with(reason), "{stage}: {}", answer.text);
        let query = format!("count_over_time({query}[1h])");
        let answer = backend.instant(&query).await;
        assert_eq!(answer.status, 400, "{stage}: {:.200}", answer.text);
    }
}

#[tokio::test]
async fn verbs_of_templates_may_be_as_wide_as_those_of_go() {
    let backend = backend().await;
    let cases = [
        ("%.100000f", "1.5", 100_002),
        ("%.100000e", "1.5", 100_006),
        ("%.100000g", "1.5", 3),
        ("%#.100000g", "1.5", 100_001),
        ("%.100000x", "1.5", 100_008),
        ("%.100000d", "7", 100_000),
        ("%0100000d", "7", 100_000),
        ("%.100000U", "65", 100_002),
        ("%100000s", "`x`", 100_000),
        ("%-1000000v", "nil", 1_000_000),
    ];
    for (format, argument, length) in cases {
        let template = format!("{{{{printf `{format}` {argument} | len}}}}");
        let query = format!("{{app=\"b\"}} | line_format {}", json!(template));
        assert_eq!(
            backend.lines(&query).await,
            [length.to_string()],
            "{format}"
        );
    }
}

/// Opens a connection, sends a query and reads nothing.
fn asked(backend: &Backend, query: &str) -> TcpStream {
    let mut stream = TcpStream::connect(backend.address).unwrap();
    let query = encode(&[("query", query)]);
    let head = format!(
        "GET /loki/api/v1/query_range?{query}&start={}&end={NOW} HTTP/1.1\r\nHost: lab\r\n\r\n",
        NOW - 60 * SECOND
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_ends_its_query() {
    let hour = Duration::from_secs(3600);
    let backend = Backend::start(Limits {
        max_concurrent_queries: 1,
        query_timeout: hour,
        ..Limits::default()
    })
    .await;
    let lines = (0..50_000).map(|at| Entry::new(NOW - SECOND + at, "line"));
    backend
        .store
        .push(vec![stream(&[("app", "a")], lines.collect())])
        .unwrap();
    // Milliseconds for each line, and no line is returned: minutes for all of them.
    let endless = "{app=\"a\"} | line_format `{{range 900000}}{{end}}` |= `never`";
    let other = async |wait| {
        let other = backend.range("{app=\"b\"}", &[]);
        tokio::time::timeout(wait, other).await
    };
    let open = asked(&backend, endless);
    // It has the only slot as soon as another query gets none.
    let taken = async { while other(Duration::from_millis(300)).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(30), taken)
        .await
        .expect("the query runs");
    drop(open);
    let answer = other(Duration::from_secs(30)).await;
    let answer = answer.expect("the slot is free again");
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn templates_that_call_themselves_fail_and_the_server_goes_on() {
    let backend = backend().await;
    let endless =
        r#"{app="a"} | line_format `{{define "T"}}{{template "T" .}}{{end}}{{template "T" .}}`"#;
    let answer = backend.range(endless, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.text.contains("exceeded maximum template depth"));
    for (open, close) in [
        ("(", ")"),
        ("{{if 1}}", "{{end}}"),
        ("{{range 1}}", "{{end}}"),
    ] {
        let (open, close) = (open.repeat(99), close.repeat(99));
        let template = match open.starts_with('(') {
            true => format!("{{{{{open}1{close}}}}}"),
            false => format!("{open}1{close}"),
        };
        let query = format!("{{app=\"b\"}} | line_format `{template}`");
        assert_eq!(backend.lines(&query).await, ["1"], "{template}");
    }
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let query = format!("{{app=\"b\"}} | line_format `{{{{fromJson \"{deep}\"}}}}`");
    assert_eq!(backend.lines(&query).await, ["<no value>"]);
}

/// Recorded from Go's `text/template` with the functions of Loki 3.7.6: templates that were written
/// by hand, and many that a seeded generator made.
#[tokio::test]
async fn templates_answer_as_those_of_loki() {
    let golden: Value =
        serde_json::from_str(include_str!("../golden/logql_templates.json")).unwrap();
    let years = std::time::Duration::from_secs(100 * 365 * 86_400);
    let backend = crate::support::logs::Backend::start(lab_backends::logs::Limits {
        discover_log_levels: false,
        max_age: years,
        reject_older_than: years,
        ..Default::default()
    })
    .await;
    let mut worlds = Vec::new();
    for world in golden["worlds"].as_array().unwrap() {
        let labels: Vec<(&str, &str)> = world["labels"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let ts = world["ts"].as_i64().unwrap();
        let line = world["line"].as_str().unwrap();
        let entry = lab_backends::logs::store::Entry::new(ts, line);
        backend
            .store
            .push(vec![crate::support::logs::stream(&labels, vec![entry])])
            .unwrap();
        let selector = format!("{{app={}}}", json!(world["labels"]["app"]));
        worlds.push((selector, ts.to_string(), (ts + 1).to_string()));
    }
    let mut differ = Vec::new();
    for case in golden["cases"].as_array().unwrap() {
        let (selector, start, end) = &worlds[case["world"].as_u64().unwrap() as usize];
        let template = json!(case["template"]).to_string();
        let stage = match case["kind"].as_str() {
            Some("label") => format!("label_format made={template}"),
            _ => format!("line_format {template}"),
        };
        let query = format!("{selector} | {stage}");
        let body =
            crate::support::logs::encode(&[("query", &query), ("start", start), ("end", end)]);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let path = "/loki/api/v1/query_range";
        let answer = backend.request("POST", path, &headers, body).await;
        let made = if answer.status == 200 {
            let answer = answer.json();
            let found = &answer["data"]["result"][0];
            match found["stream"]["__error_details__"].as_str() {
                Some(details) => json!({"error": details}),
                None if case["kind"] == "label" => {
                    json!({"text": found["stream"]["made"].as_str().unwrap_or_default()})
                }
                None => json!({"text": found["values"][0][1]}),
            }
        } else {
            json!({"refused": answer.text.trim_end()})
        };
        let same = ["text", "error"].iter().all(|key| made[key] == case[key])
            && match case["refused"].as_str() {
                None => made["refused"].is_null(),
                Some(reason) => made["refused"]
                    .as_str()
                    .is_some_and(|refused| refused.ends_with(&format!(": {reason}"))),
            };
        if !same {
            differ.push(format!("{case}\n    made {made}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n")
    );
}
