//! Whole numbers in parameters, with the errors of Go's `strconv`.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use super::quote::quoted;

/// Reads a number as `strconv.Atoi` does.
///
/// # Errors
/// The text of Go's error.
pub(crate) fn atoi(text: &str) -> Result<i64, String> {
    parse("Atoi", text)
}

/// Reads a number as a function of `strconv` does, with as many bits as `T` has.
///
/// # Errors
/// The text of Go's error.
pub(crate) fn parse<T: FromStr<Err = ParseIntError>>(
    function: &str,
    text: &str,
) -> Result<T, String> {
    text.parse().map_err(|error: ParseIntError| {
        let problem = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        let text = quoted(text.as_bytes());
        format!("strconv.{function}: parsing {text}: {problem}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_go() {
        assert_eq!(atoi("-5"), Ok(-5));
        for (text, problem) in [
            ("", r#""": invalid syntax"#),
            ("a\u{a0}", r#""a\u00a0": invalid syntax"#),
            (
                "9223372036854775808",
                r#""9223372036854775808": value out of range"#,
            ),
        ] {
            assert_eq!(atoi(text), Err(format!("strconv.Atoi: parsing {problem}")));
        }
        let error = parse::<i32>("ParseInt", "2147483648");
        assert_eq!(
            error,
            Err("strconv.ParseInt: parsing \"2147483648\": value out of range".to_owned())
        );
    }
}
