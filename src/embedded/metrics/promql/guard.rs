//! A look at the text of a query before the parser sees it: its length, its nesting, the cost of its
//! regular expressions and its numbers, so that no query can overflow a stack or fill the memory.

use promql_parser::util::unquote_string;

use crate::embedded::wire::regex::{Problem, compile_anchored};

/// Longest query, bytes.
const MAX_LENGTH: usize = 64 * 1024;
/// Deepest nesting of brackets.
const MAX_NESTING: usize = 64;
/// Most operators. A chain of operators nests as deep as it is long.
const MAX_OPERATORS: usize = 250;
/// Most regular expressions, each of which may take some megabytes.
const MAX_REGEXES: usize = 64;
/// Longest range, offset or step: a thousand years in seconds.
const MAX_SECONDS: f64 = 3.2e10;

/// Refuses a text that would be dangerous to parse or to evaluate.
pub(super) fn check(query: &str) -> Result<(), String> {
    if query.len() > MAX_LENGTH {
        return Err(format!(
            "parse error: query of {} bytes is longer than the limit of {MAX_LENGTH}",
            query.len()
        ));
    }
    let mut seen = Seen::default();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' | '`' => {
                let (length, closed) = string(rest, first)?;
                if seen.after_regex_operator && closed {
                    seen.regex(&rest[..length])?;
                }
                seen.after_token("");
                length
            }
            _ if first.is_alphanumeric() || matches!(first, '_' | '.' | ':') => {
                // A colon inside brackets separates the range from the step.
                let colon_joins = !seen.in_range;
                let length = if first == ':' && !colon_joins {
                    1
                } else {
                    rest.find(|one: char| {
                        !(one.is_alphanumeric()
                            || matches!(one, '_' | '.')
                            || (one == ':' && colon_joins))
                    })
                    .unwrap_or(rest.len())
                    .max(first.len_utf8())
                };
                seen.word(&rest[..length])?;
                length
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                seen.symbol(rest)?;
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Ok(())
}

/// The length of a string with its quotes, and whether it is closed; an open one runs to the end, which
/// the parser will refuse.
///
/// # Errors
/// For a backslash before a character outside ASCII, which the parser's unquoting would cut in two.
fn string(rest: &str, quote: char) -> Result<(usize, bool), String> {
    let mut escaped = false;
    for (index, one) in rest.char_indices().skip(1) {
        if escaped && !one.is_ascii() {
            return Err(format!("parse error: unknown escape sequence \"\\{one}\""));
        }
        if one == quote && !escaped {
            return Ok((index + 1, true));
        }
        escaped = one == '\\' && !escaped && quote != '`';
    }
    Ok((rest.len(), false))
}

#[derive(Default)]
struct Seen {
    nesting: usize,
    operators: usize,
    regexes: usize,
    in_range: bool,
    /// The next number is a duration.
    wants_seconds: bool,
    after_regex_operator: bool,
}

impl Seen {
    fn after_token(&mut self, token: &str) {
        self.after_regex_operator = false;
        self.wants_seconds = self.in_range || token.eq_ignore_ascii_case("offset");
    }

    fn operator(&mut self) -> Result<(), String> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            return Err(format!(
                "parse error: more than {MAX_OPERATORS} operators in one query"
            ));
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        if matches!(
            word.to_ascii_lowercase().as_str(),
            "and" | "or" | "unless" | "atan2"
        ) {
            self.operator()?;
        }
        let number = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16)
                .ok()
                .map(|number| number as f64),
            None => word.parse::<f64>().ok(),
        };
        if self.wants_seconds
            && let Some(seconds) = number
            && !(seconds > 0.0 && seconds <= MAX_SECONDS)
            && (seconds != 0.0 || self.in_range)
        {
            return Err(format!(
                "parse error: duration {word:?} must be greater than 0 and finite"
            ));
        }
        self.after_token(word);
        Ok(())
    }

    fn symbol(&mut self, rest: &str) -> Result<(), String> {
        let sign = rest.starts_with(['+', '-']);
        let wanted = self.wants_seconds;
        match rest.as_bytes().first() {
            Some(b'(' | b'{' | b'[') => {
                self.nesting += 1;
                if self.nesting > MAX_NESTING {
                    return Err(format!(
                        "parse error: nested deeper than {MAX_NESTING} brackets"
                    ));
                }
            }
            Some(b')' | b'}' | b']') => self.nesting = self.nesting.saturating_sub(1),
            Some(b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'<' | b'>' | b'@') => {
                self.operator()?
            }
            Some(b'=' | b'!') if rest[1..].starts_with('=') => self.operator()?,
            _ => {}
        }
        match rest.as_bytes().first() {
            Some(b'[') => self.in_range = true,
            Some(b']') => self.in_range = false,
            _ => {}
        }
        self.after_token("");
        // `offset -5m`: the sign stands between the keyword and the number.
        self.wants_seconds |= wanted && sign;
        self.after_regex_operator =
            rest.starts_with('~') || rest.starts_with("=~") || rest.starts_with("!~");
        Ok(())
    }

    fn regex(&mut self, literal: &str) -> Result<(), String> {
        self.regexes += 1;
        if self.regexes > MAX_REGEXES {
            return Err(format!(
                "parse error: more than {MAX_REGEXES} regular expressions in one query"
            ));
        }
        // What is malformed is the parser's to report; only the size is judged here.
        let Ok(pattern) = unquote_string(literal) else {
            return Ok(());
        };
        match compile_anchored(&pattern) {
            Err(error) if error.problem() == &Problem::Large => {
                Err(format!("parse error: {error}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::embedded::metrics::promql::{QueryError, parse};

    fn refused(query: &str) -> String {
        match parse(query) {
            Err(QueryError::BadData(text)) => text,
            other => panic!("{query:.60} gave {other:?}"),
        }
    }

    #[test]
    fn depth_and_length_are_refused_before_parsing() {
        assert!(refused(&"(".repeat(1_000)).contains("nested deeper"));
        assert!(
            refused(&format!("{}1{}", "(".repeat(30_000), ")".repeat(30_000)))
                .contains("nested deeper")
        );
        assert!(refused(&"(".repeat(100_000)).contains("longer than"));
        assert!(refused(&format!("1{}", "+1".repeat(20_000))).contains("operators"));
        assert!(refused(&format!("{}1", "-".repeat(20_000))).contains("operators"));
        assert!(refused(&format!("a{}", " or a".repeat(10_000))).contains("operators"));
        assert!(parse(&format!("a{{b=\"{}\"}}", "(".repeat(1_000))).is_ok());
    }

    #[test]
    fn numbers_that_are_no_durations_do_not_panic() {
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
    fn escapes_that_are_none_do_not_panic() {
        for query in [
            r#"up{a=~"\é"}"#,
            r#""\é""#,
            r"'\é'",
            r#"up{"\é"="x"}"#,
            r#"up{a=~"\xé"}"#,
        ] {
            refused(query);
        }
    }

    #[test]
    fn an_expensive_regex_is_refused() {
        assert!(refused(r#"a{b=~"(x{900}){900}"}"#).contains("too large"));
        assert!(refused(r#"a{b=~"\\w{900}\\pL{900}"}"#).contains("too large"));
        assert!(refused(r#"a{b=~ "(x\x7b900}){900}"}"#).contains("too large"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(query in "[a-c0-9(){}\\[\\]+*/%^=!~<>\"'`\\\\.é,: @_eE#\nsumbyrateoffsetInf-]{0,40}") {
            let _ = parse(&query);
        }
    }
}
