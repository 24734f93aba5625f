//! TraceQL selects what Tempo 2.10 selects, and refuses the rest by name. That is mostly what the
//! documentation says
//! (<https://grafana.com/docs/tempo/latest/traceql/construct-traceql-queries/>); where it is not,
//! the answer here is the one that a Tempo gave for these spans.

use crate::support::shop;
use crate::support::traces::Backend;
use lab_backends::traces::{Limits, lang};
use serde_json::{Value, json};

/// Ids of all matching spans, sorted.
fn ids(traces: &[Value]) -> Vec<u64> {
    let sets = traces
        .iter()
        .flat_map(|t| t["spanSets"].as_array().unwrap());
    let spans = sets.flat_map(|set| set["spans"].as_array().unwrap());
    let mut ids: Vec<u64> = spans
        .map(|span| u64::from_str_radix(span["spanID"].as_str().unwrap(), 16).unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn queries_select_the_spans_that_tempo_selects() {
    let backend = shop::backend().await;
    let all: &[u64] = &[1, 2, 3, 4, 5, 6];
    let table: &[(&str, &[u64])] = &[
        // Everything, nothing, comments, white space.
        ("{}", all),
        ("{ true }", all),
        ("{ false }", &[]),
        ("  {\n } // the end", all),
        ("{ /* within */ }", all),
        // Scopes.
        (r#"{ resource.service.name = "gateway" }"#, &[1, 2, 3]),
        (r#"{ .service.name = "cart" }"#, &[4]),
        (r#"{ span.service.name = "cart" }"#, &[]),
        (r#"{ span.http.route = "/shop" }"#, &[1]),
        (r#"{ resource.http.route = "/shop" }"#, &[]),
        (
            r#"{ .region = "eu" && span.server.address = "stock" }"#,
            &[3],
        ),
        (r#"{ instrumentation:name = "queue" }"#, &[6]),
        (r#"{ instrumentation:version = "1.2" }"#, all),
        // Quoted names.
        (r#"{ span."odd key" = "here" }"#, &[1]),
        (r#"{ ."odd key" = "here" }"#, &[1]),
        (r#"{ span."http".route = "/shop" }"#, &[1]),
        (r#"{ span."back\\slash" = "there" }"#, &[1]),
        // Intrinsics, in both spellings.
        (r#"{ name = "GET" }"#, &[2, 3]),
        (r#"{ span:name = "GET" }"#, &[2, 3]),
        ("{ status = error }", &[5]),
        ("{ span:status = ok }", &[6]),
        ("{ status != unset }", &[5, 6]),
        (r#"{ statusMessage = "sold out" }"#, &[5]),
        (r#"{ span:statusMessage =~ "sold.*" }"#, &[5]),
        ("{ kind = server }", &[1, 4, 5]),
        ("{ span:kind = client }", &[2, 3]),
        ("{ kind = internal }", &[6]),
        ("{ duration > 1s }", &[1, 3]),
        ("{ duration >= 1s }", &[1, 3, 5]),
        ("{ span:duration < 50ms }", &[6]),
        ("{ duration = 1.2s }", &[3]),
        ("{ duration > 1s && duration <= 1200ms }", &[3]),
        // A constant on the left reads only what is below it.
        ("{ 1s < duration }", &[]),
        (r#"{ rootName = "GET /shop" }"#, &[1, 2, 3, 4, 5]),
        (r#"{ trace:rootName = "run job" }"#, &[6]),
        (
            r#"{ rootServiceName = "gateway" && kind = client }"#,
            &[2, 3],
        ),
        (r#"{ trace:rootService = "worker" }"#, &[6]),
        ("{ traceDuration > 1s }", &[1, 2, 3, 4, 5]),
        ("{ trace:duration < 1s }", &[6]),
        (r#"{ trace:id = "000000000000000000000000000000b2" }"#, &[6]),
        (r#"{ trace:id = "b2" }"#, &[6]),
        // Tempo finds no id of a span that begins with a zero byte; others are found, see below.
        (r#"{ span:id = "0000000000000004" }"#, &[]),
        (r#"{ span:parentID = "0000000000000001" }"#, &[]),
        // Not stored by Tempo 2.10.
        ("{ span:childCount = 2 }", &[]),
        ("{ nestedSetParent < 0 }", &[1, 6]),
        ("{ nestedSetParent = 1 && kind = client }", &[2, 3]),
        // Events and links.
        (r#"{ event:name = "exception" }"#, &[5]),
        (r#"{ event.exception.type = "OutOfStock" }"#, &[5]),
        // Without a scope it is the span's or else its resource's, and no other.
        (r#"{ .exception.message =~ "none.*" }"#, &[]),
        (r#"{ event.exception.message =~ "none.*" }"#, &[5]),
        ("{ event:timeSinceStart = 150ms }", &[5]),
        (r#"{ link.why = "retry" }"#, &[6]),
        (r#"{ link:spanID = "0000000000000005" }"#, &[]),
        (r#"{ link:traceID = "a1" }"#, &[6]),
        // Literals.
        ("{ span.http.response.status_code = 500 }", &[1]),
        (
            "{ .http.response.status_code >= 500 && .http.response.status_code < 503 }",
            &[1],
        ),
        ("{ span.ratio = 0.25 }", &[1]),
        ("{ span.ratio > .2 }", &[1]),
        ("{ resource.replica = 3.0 && kind = internal }", &[]),
        ("{ span.cached = false }", &[1]),
        ("{ span.cached = true }", &[]),
        ("{ span.http.route = `/shop` }", &[1]),
        (r#"{ span.http.route = "\u002fshop" }"#, &[1]),
        (r#"{ span.http.response.status_code = "500" }"#, &[]),
        // Nil.
        ("{ span.server.address != nil }", &[2, 3]),
        ("{ nil != span.http.route }", &[1]),
        (
            "{ span.http.response.status_code = nil && kind = server }",
            &[],
        ),
        // Regular expressions are anchored.
        (r#"{ name =~ "GET" }"#, &[2, 3]),
        (r#"{ name =~ "GET.*" }"#, &[1, 2, 3, 4, 5]),
        (r#"{ name =~ "GET /(cart|stock)" }"#, &[4, 5]),
        (r#"{ name !~ "GET.*" }"#, &[6]),
        (r#"{ span.server.address !~ "ca.*" }"#, &[3]),
        // A missing attribute that has a column of its own in Tempo compares as the text "nil".
        (r#"{ span.server.address != "cart" }"#, &[1, 3, 4, 5, 6]),
        // Only values that fulfil the comparison are read, whatever stands in front of it.
        (
            r#"{ !(span.server.address = "cart") && kind = client }"#,
            &[],
        ),
        // An array matches if one of its elements does.
        (r#"{ span.tags = "blue" }"#, &[2]),
        (r#"{ span.tags =~ "gre.*" }"#, &[]),
        // && and || bind alike, from left to right; parentheses group.
        (
            r#"{ kind = client || kind = server && status = error }"#,
            &[5],
        ),
        (
            r#"{ kind = client || (kind = server && status = error) }"#,
            &[2, 3, 5],
        ),
        (r#"{ !(kind = client) && !(kind = server) }"#, &[]),
        // Arithmetic.
        ("{ span.http.response.status_code - 3 = 500 }", &[5]),
        ("{ span.http.response.status_code * 2 > 1001 }", &[5]),
        ("{ duration > 2 * 600ms - 100ms + 1ms }", &[1, 3]),
        ("{ span.http.response.status_code % 100 = 3 }", &[5]),
        // Tempo raises the second number to the first.
        ("{ 2 ^ 3 = 9 && kind = internal }", &[6]),
        ("{ 2 ^ 3 ^ 2 = 512 && kind = internal }", &[]),
        ("{ -1 < span.ratio }", &[]),
        ("{ span.http.response.status_code / 0 = 1 }", &[]),
        // Spansets combined: the trace must have both, or one.
        (r#"{ name = "GET /cart" } && { status = error }"#, &[4, 5]),
        (r#"{ name = "GET /cart" } && { status = ok }"#, &[]),
        (r#"{ name = "GET /cart" } || { status = ok }"#, &[4, 6]),
        (
            r#"({ kind = client } && { status = error }) || { status = ok }"#,
            &[2, 3, 5, 6],
        ),
        // Structure.
        ("{ kind = client } > { kind = server }", &[4, 5]),
        (r#"{ name = "GET /shop" } > { kind = server }"#, &[]),
        (r#"{ name = "GET /shop" } >> { kind = server }"#, &[4, 5]),
        (r#"{ name = "GET /shop" } >> { status = error }"#, &[5]),
        ("{ status = error } << { kind = server }", &[1]),
        ("{ status = error } < { kind = client }", &[3]),
        (
            r#"{ span.server.address = "cart" } ~ { kind = client }"#,
            &[3],
        ),
        ("{ kind = client } !> { kind = server }", &[1]),
        (r#"{ name = "GET /shop" } !>> {}"#, &[1, 6]),
        ("{ kind = client } &> { status = error }", &[3, 5]),
        (
            "{ rootName = `GET /shop` && kind = server } &>> { status = error }",
            &[1, 5],
        ),
        // Pipelines.
        ("{ kind = client } | count() > 1", &[2, 3]),
        ("{ kind = client } | count() > 2", &[]),
        ("{ kind = server } | avg(duration) > 800ms", &[1, 4, 5]),
        ("{ kind = server } | max(duration) > 2s", &[]),
        ("{ kind = server } | min(duration) < 100ms", &[1, 4, 5]),
        (
            "{ } | sum(span.http.response.status_code) = 1003",
            &[1, 2, 3, 4, 5],
        ),
        ("{ } | { kind = client }", &[2, 3]),
        ("{ } | select(span.http.route) | { kind = internal }", &[]),
        ("{ } | by(resource.service.name) | count() > 2", &[1, 2, 3]),
        (
            "{ } | by(resource.service.name) | coalesce() | count() = 5",
            &[1, 2, 3, 4, 5],
        ),
        (
            "({ kind = client } | count() = 2) && ({ status = error })",
            &[2, 3, 5],
        ),
        ("{ status = ok } with (most_recent=true)", &[6]),
    ];
    for (query, expected) in table {
        let found = ids(&backend.search(query).await);
        assert_eq!(&found, expected, "{query}");
    }
}

#[tokio::test]
async fn ids_are_found_with_and_without_zeros_in_front() {
    let span = |id: &str, parent: &str| {
        json!({
            "traceId": "0a0000000000000000000000000000f6", "spanId": id, "parentSpanId": parent,
            "name": "ids", "startTimeUnixNano": "1795360000000000000",
            "endTimeUnixNano": "1795360000001000000",
        })
    };
    let spans = [
        span("b7ad6b7169203331", ""),
        span("0b7a6b7169203331", "b7ad6b7169203331"),
    ];
    let backend = Backend::start(Limits::default()).await;
    backend
        .ingest(&json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] }))
        .await;
    let (first, second) = (0xb7ad_6b71_6920_3331, 0x0b7a_6b71_6920_3331);
    for (query, expected) in [
        (r#"{ span:id = "b7ad6b7169203331" }"#, vec![first]),
        (r#"{ span:id = "0b7a6b7169203331" }"#, vec![second]),
        (r#"{ span:id != "b7ad6b7169203331" }"#, vec![second]),
        (r#"{ span:parentID = "b7ad6b7169203331" }"#, vec![second]),
        (
            r#"{ trace:id = "0a0000000000000000000000000000f6" }"#,
            vec![second, first],
        ),
        (
            r#"{ trace:id = "a0000000000000000000000000000f6" }"#,
            vec![second, first],
        ),
        (r#"{ trace:id = "f6" }"#, vec![]),
    ] {
        assert_eq!(ids(&backend.search(query).await), expected, "{query}");
    }
}

#[tokio::test]
async fn a_hit_shows_what_the_query_mentions() {
    let backend = shop::backend().await;
    let first = |traces: Vec<Value>| traces[0]["spanSets"][0].clone();

    let set = first(
        backend
            .search(r#"{ status = error } | select(span.http.response.status_code, kind)"#)
            .await,
    );
    let mut shown: Vec<String> = set["spans"][0]["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| format!("{}={}", a["key"].as_str().unwrap(), a["value"]))
        .collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            r#"http.response.status_code={"intValue":"503"}"#,
            r#"kind={"stringValue":"server"}"#,
            r#"status={"stringValue":"error"}"#,
        ]
    );

    // Of an alternative only the part that holds is shown.
    let set = first(
        backend
            .search(r#"{ span.server.address = "stock" || status = error }"#)
            .await,
    );
    let shown: Vec<&Value> = set["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["attributes"])
        .collect();
    assert_eq!(shown[0].as_array().unwrap().len(), 1);
    assert_eq!(shown[1].as_array().unwrap().len(), 1);

    let set = first(backend.search("{ kind = client } | count() > 1").await);
    assert_eq!(
        set["attributes"],
        json!([{ "key": "count()", "value": { "intValue": "2" } }])
    );

    let traces = backend
        .search("{ rootServiceName = `gateway` } | by(resource.service.name)")
        .await;
    let groups = traces[0]["spanSets"].as_array().unwrap();
    assert_eq!(groups.len(), 3);
    assert_eq!(traces[0]["spanSet"], groups[0]);
    assert_eq!(
        groups[0]["attributes"],
        json!([{ "key": "by(resource.service.name)", "value": { "stringValue": "gateway" } }])
    );
}

#[tokio::test]
async fn what_is_not_traceql_or_not_supported_is_refused_by_name() {
    let backend = shop::backend().await;
    let deep = format!("{{ {}true{} }}", "(".repeat(5_000), ")".repeat(5_000));
    let negations = format!("{{ {}true }}", "!".repeat(5_000));
    let chain = format!("{{ true{} }}", " && true".repeat(1_500));
    let table = [
        (
            "{",
            "parse error at line 1, col 2: syntax error: unexpected $end",
        ),
        ("", "parse error"),
        (
            "{ nonsense }",
            "parse error at line 1, col 3: unknown identifier: nonsense",
        ),
        (
            "{ name = }",
            "parse error at line 1, col 10: syntax error: unexpected }",
        ),
        (
            "{\n  name = }",
            "parse error at line 2, col 10: syntax error: unexpected }",
        ),
        (
            "{ .a = 1 } }",
            "parse error at line 1, col 12: syntax error: unexpected }",
        ),
        (
            "{ .a = \"x }",
            "parse error at line 1, col 8: literal not terminated",
        ),
        ("{ . = 1 }", "parse error"),
        (
            "name = \"x\"",
            "parse error at line 1, col 1: syntax error: unexpected name",
        ),
        (
            "{} | max_over_time()",
            "parse error at line 1, col 20: syntax error: unexpected )",
        ),
        (
            "{} | quantile_over_time(duration, 2)",
            "quantile must be between 0 and 1: 2",
        ),
        ("{} | rate() | topk(0)", "limit must be greater than 0"),
        (
            "{} | rate() by (.a, .b, .c, .d, .e, .f)",
            "metrics group by 6 values not yet supported",
        ),
        ("({} | count()) > ({} | count())", "parse error"),
        ("{} | count() + 1 > 2", "parse error"),
        ("{ parent.a = 1 }", "parent not yet supported"),
        (
            "{ duration = \"x\" }",
            "binary operations must operate on the same type",
        ),
        (
            "{ status > error }",
            "illegal operation for the given types",
        ),
        ("{ name =~ \"(\" }", "invalid regex"),
        ("{ name =~ \"a)|(b\" }", "invalid regex"),
        ("{ name =~ .x }", "invalid type for =~ or !~"),
        ("{ name = nil }", "name=nil is not valid"),
        (
            "{ 1 + 1 }",
            "span filter field expressions must resolve to a boolean",
        ),
        (
            "{ name }",
            "span filter field expressions must resolve to a boolean",
        ),
        (
            "{} | by(1)",
            "grouping field expressions must reference the span",
        ),
        (
            "{} | avg(name) > 1",
            "aggregate field expressions must resolve to a number type",
        ),
        (
            deep.as_str(),
            "parse error at line 1, col 103: query is nested too deeply",
        ),
        (
            negations.as_str(),
            "parse error at line 1, col 103: query is nested too deeply",
        ),
        (chain.as_str(), "parse error at line 1"),
    ];
    for (query, message) in table {
        let shown = query.get(..60).unwrap_or(query);
        if query.is_empty() {
            assert!(lang::parse(query).is_err(), "an empty query");
            continue;
        }
        let answer = backend.get("/api/search", &[("q", query)]).await;
        assert_eq!(answer.status, 400, "{shown}");
        assert_eq!(answer.content_type(), Some("text/plain; charset=utf-8"));
        let expected = format!("invalid TraceQL query: {message}");
        let text = answer.text();
        assert!(text.starts_with(&expected), "{shown}: {text}");
    }
}

#[tokio::test]
async fn the_longest_chain_that_is_parsed_can_also_be_evaluated() {
    let backend = shop::backend().await;
    for (part, expected) in [(" && true", 6), (" || false", 6), (" = true", 6)] {
        let query = format!("{{ true{} }}", part.repeat(490));
        assert_eq!(ids(&backend.search(&query).await).len(), expected, "{part}");
    }
    let query = format!("{{}}{}", " && {}".repeat(320));
    assert_eq!(ids(&backend.search(&query).await).len(), 6);
}

#[tokio::test]
async fn tag_values_are_narrowed_by_a_query() {
    let backend = shop::backend().await;
    let values = |tag: &'static str, q: &'static str| {
        let backend = &backend;
        async move {
            let path = format!("/api/v2/search/tag/{tag}/values");
            let answer = backend.json(&path, &[("q", q)]).await;
            let values = answer["tagValues"].as_array().unwrap().iter();
            values
                .map(|v| {
                    format!(
                        "{}:{}",
                        v["type"].as_str().unwrap(),
                        v["value"].as_str().unwrap()
                    )
                })
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(
        values("resource.service.name", "{ kind = server }").await,
        ["string:cart", "string:gateway", "string:stock"]
    );
    assert_eq!(
        values("span.http.response.status_code", "{}").await,
        ["int:500", "int:503"]
    );
    assert_eq!(values("span.cached", "").await, ["bool:false"]);
    assert_eq!(values("name", "{ status = ok }").await, ["string:run job"]);
    assert_eq!(
        values("event.exception.type", "").await,
        ["string:OutOfStock"]
    );
    // A query that is still being typed narrows nothing.
    assert_eq!(values("span.server.address", "{ kind = ").await.len(), 2);
    assert_eq!(values("trace:id", "{}").await.len(), 0);
    let bad = backend.get("/api/v2/search/tag/nonsense/values", &[]).await;
    assert_eq!(bad.status, 400);
    let scope = backend
        .get("/api/v2/search/tags", &[("scope", "nowhere")])
        .await;
    assert_eq!(
        (scope.status.as_u16(), scope.text()),
        (400, "invalid scope: nowhere".to_owned())
    );
}
