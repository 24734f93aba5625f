//! Letters and digits as Go's `unicode.IsLetter` and `unicode.IsDigit` know them: the categories L and
//! Nd. Rust's `is_alphabetic` and `is_numeric` take more, `Ⅷ` and `½` for example.

use std::sync::LazyLock;

use regex::Regex;

#[expect(clippy::expect_used, reason = "a literal")]
static LETTER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{L}").expect("a literal"));

#[expect(clippy::expect_used, reason = "a literal")]
static DIGIT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{Nd}").expect("a literal"));

/// `unicode.IsLetter`
pub(crate) fn is_letter(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphabetic(),
        false => LETTER.is_match(c.encode_utf8(&mut [0; 4])),
    }
}

/// `unicode.IsDigit`
pub(crate) fn is_digit(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_digit(),
        false => DIGIT.is_match(c.encode_utf8(&mut [0; 4])),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_digit, is_letter};

    #[test]
    fn letters_and_digits_are_those_of_go() {
        for c in ['a', 'Z', 'é', '日', 'ª'] {
            assert!(is_letter(c), "{c}");
        }
        for c in ['_', '1', 'Ⅷ', '\u{301}', '²', '½'] {
            assert!(!is_letter(c), "{c}");
        }
        for c in ['0', '٣', '𝟙'] {
            assert!(is_digit(c), "{c}");
        }
        for c in ['a', '²', '½', 'Ⅷ'] {
            assert!(!is_digit(c), "{c}");
        }
    }
}
