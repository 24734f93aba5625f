//! No text makes the TraceQL parser panic or overflow.

use lab_backends::traces::lang;
use proptest::prelude::*;

#[test]
fn a_hundred_thousand_parentheses_are_an_error_and_not_a_crash() {
    for (open, close) in [("(", ")"), ("!", ""), ("-", ""), ("{", "}")] {
        let query = format!("{{ {}1{} }}", open.repeat(100_000), close.repeat(100_000));
        assert!(lang::parse(&query).is_err());
        let query = format!("{}{{}}{}", open.repeat(100_000), close.repeat(100_000));
        assert!(lang::parse(&query).is_err());
    }
}

proptest! {
    #[test]
    fn the_parser_never_panics(text in "\\PC{0,80}") {
        let _ = lang::parse(&text);
    }

    #[test]
    fn the_parser_never_panics_on_what_looks_like_a_query(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "(", ")", "&&", "||", "=", "!=", "=~", "!~", ">", ">>", "<<", "~", "!",
                "-", "+", "*", "/", "%", "^", "|", ",", ".a", "span.", "resource.\"x y\"", "name",
                "duration", "status", "error", "kind", "client", "nil", "true", "1", "2.5", "3s",
                "\"t\"", "`r`", "\"(\"", "count()", "avg(", "by(", "select(", "coalesce()", "with",
                "rate()", "topk(2)", "compare(", "quantile_over_time(", "trace:id", "event:name", "parent.x", "//", "/*", "\n", "&", "\\", "é",
            ]),
            0..40,
        )
    ) {
        let _ = lang::parse(&parts.join(" "));
        let _ = lang::parse(&parts.concat());
    }
}
