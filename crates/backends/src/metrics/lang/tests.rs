//! Properties that hold for every input.

use super::{Times, literal, parse as parse_at, position, token::Place};
use crate::metrics::engine::signature;
use crate::metrics::lang::ast::Expr;

fn parse(query: &str) -> Result<Expr, String> {
    parse_at(query, Times::INSTANT, signature)
}

fn refused(query: &str) -> String {
    match parse(query) {
        Err(text) => text,
        Ok(expr) => panic!("{query:.60} gave {expr:?}"),
    }
}

#[test]
fn depth_and_length_are_bounded() {
    assert!(refused(&format!("{}1{}", "(".repeat(1_000), ")".repeat(1_000))).contains("deeper"));
    assert!(refused(&format!("{}1{}", "(".repeat(30_000), ")".repeat(30_000))).contains("deeper"));
    assert!(refused(&"(".repeat(100_000)).contains("longer than"));
    assert!(refused(&format!("1{}", "+1".repeat(20_000))).contains("deeper"));
    assert!(refused(&format!("1{}", "^1".repeat(20_000))).contains("deeper"));
    assert!(refused(&format!("{}a", "-".repeat(20_000))).contains("deeper"));
    assert!(refused(&format!("a{}", " or a".repeat(10_000))).contains("deeper"));
    assert!(refused(&format!("a{}", "[1m:]".repeat(10_000))).contains("deeper"));
    assert!(refused(&format!("a[{}1]", "-".repeat(20_000))).contains("deeper"));
    assert!(refused(&format!("a[1m{}]", "+1m".repeat(20_000))).contains("deeper"));
    assert!(refused(&format!("a[1m{}]", "^1".repeat(20_000))).contains("deeper"));
    let chains = (0..90).fold("1".to_owned(), |inner, _| {
        format!("({inner}){}", "+1".repeat(90))
    });
    assert!(refused(&format!("a offset ({chains})")).contains("deeper"));
    assert!(parse(&format!("a[1m{}]", "+1m".repeat(90))).is_ok());
    assert!(parse(&format!("a{{b=\"{}\"}}", "(".repeat(1_000))).is_ok());
    assert!(parse(&format!("a{}", " + a".repeat(90))).is_ok());
}

#[test]
fn numbers_that_are_no_durations_are_refused() {
    for query in [
        "up[NaN]",
        "up[Inf]",
        "up[1e300]",
        "up[5m:1e300]",
        "up offset 1e300",
        "up offset -1e300",
        "up offset Inf",
        "up[0]",
        "up[5m:nan]",
        "up[0xffffffffffffffff]",
    ] {
        refused(query);
    }
    assert!(parse("up[90] offset -30").is_ok());
    assert!(parse("max_over_time(up[5m:30s] offset 1m)").is_ok());
}

#[test]
fn expensive_expressions_are_refused() {
    assert!(refused(r#"a{b=~"(x{900}){900}"}"#).contains("invalid repeat count"));
    assert!(refused(r#"a{b=~"\\w{900}\\pL{900}"}"#).contains("too large"));
    assert!(refused(r#"a{b=~ "(\\pL\x7b30}){30}"}"#).contains("too large"));
    let many = r#",b=~"x""#.repeat(65);
    assert!(refused(&format!("a{{c=\"\"{many}}}")).contains("regular expressions"));
}

#[test]
fn numbers_are_read_as_by_go() {
    for (text, value) in [
        ("1_000", 1000.0),
        ("0x_1F", 31.0),
        ("010", 8.0),
        ("09", 9.0),
        ("1_0.5", 10.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("Inf", f64::INFINITY),
    ] {
        assert_eq!(literal::number(text), Ok(value), "{text}");
    }
    for text in ["1e999", "1__0", "_1", "1_", "0x"] {
        assert!(literal::number(text).is_err(), "{text}");
    }
}

#[test]
fn strings_are_unquoted_by_their_quotes() {
    assert_eq!(
        literal::unquote(r#""a\"\x41\101\u00e9\xc3\xa9\n""#),
        "a\"AA\u{e9}\u{e9}\n"
    );
    assert_eq!(literal::unquote(r"`a\d\n`"), r"a\d\n");
    assert_eq!(literal::unquote(r"'it\'s'"), "it's");
    assert_eq!(literal::unquote(r#""\xff""#), "\u{fffd}");
}

#[test]
fn places_are_lines_and_columns() {
    assert_eq!(position("a +\n b", Place(5)), "2:2");
    assert_eq!(position("", Place(0)), "unknown position");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(query in "[a-c0-9(){}\\[\\]+*/%^=!~<>\"'`\\\\.é,: @_eExX#\nsumbyrateoffsetInf-]{0,40}") {
        let _ = parse(&query);
    }

    #[test]
    fn no_row_of_words_makes_the_parser_panic(
        words in proptest::collection::vec("sum|by|on|\\(|\\)|\\{|\\}|\\[|\\]|,|:|a|5m|1|\"x\"|=~|=|offset|@|-|start|bool|fill|rate|step|and|group_left|anchored", 0..24)
    ) {
        let _ = parse(&words.join(" "));
    }
}
