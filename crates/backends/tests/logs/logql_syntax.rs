//! LogQL as text: nothing makes the parser fail badly, and what it lays out means the same.

use lab_backends::logs::lang::{parse, pretty};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn formatted_queries_are_laid_out_for_reading() {
    let cases = [
        (
            r#"{ a = "b",c!="d" }|="x"|json"#,
            r#"{a="b", c!="d"} |= "x" | json"#,
        ),
        ("1+2*3", "7"),
        ("(1+2)*3", "9"),
        ("(vector(1)+2)*3", "((vector(1.000000) + 2) * 3)"),
        (
            r#"sum(rate({a="b"}[60s]))by(x)"#,
            r#"sum by (x)(rate({a="b"}[1m]))"#,
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
            (inner.clone(), prop::sample::select(ops), inner.clone()).prop_map(|(a, op, b)| {
                // Numbers are no sides of operators on sets.
                match op.starts_with(|c: char| c.is_alphabetic()) {
                    true => format!("sum({a}) {op} sum({b})"),
                    false => format!("({a}) {op} ({b})"),
                }
            }),
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
