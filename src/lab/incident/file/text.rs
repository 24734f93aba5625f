//! `$name` in texts of a file.

use std::collections::BTreeSet;

use super::parameters::{Scalar, Values};

/// Names that mean something of their own in queries: `$range` is the time since the start, as `93s`.
pub(in crate::lab::incident) const RESERVED: [&str; 1] = ["range"];

/// True for a name of a parameter or of an answer.
pub(super) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && name.len() <= 32
        && bytes.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
}

/// The pieces of a text: plain text, and names without their dollar sign. A dollar sign before anything but a
/// lower-case letter is plain: the end of a line in a regular expression.
fn pieces(text: &str) -> Vec<Result<&str, &str>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let behind = &rest[at + 1..];
        let length = behind
            .bytes()
            .take_while(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || *it == b'_')
            .count();
        if behind.starts_with(|it: char| it.is_ascii_lowercase()) {
            pieces.push(Ok(&rest[..at]));
            pieces.push(Err(&behind[..length]));
            rest = &behind[length..];
        } else {
            pieces.push(Ok(&rest[..=at]));
            rest = behind;
        }
    }
    pieces.push(Ok(rest));
    pieces
}

/// The names in a text.
pub(in crate::lab::incident) fn names(text: &str) -> BTreeSet<&str> {
    pieces(text).into_iter().filter_map(Result::err).collect()
}

/// The first name in a text that has no value.
pub(in crate::lab::incident) fn missing<'a>(text: &'a str, values: &Values) -> Option<&'a str> {
    names(text)
        .into_iter()
        .find(|name| !values.contains_key(*name))
}

/// The text with values in the places of names; a name without a value stays.
pub(in crate::lab::incident) fn filled(text: &str, values: &Values) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Ok(plain) => out.push_str(plain),
            Err(name) => match values.get(name) {
                Some(value) => out.push_str(&value.to_string()),
                None => {
                    out.push('$');
                    out.push_str(name);
                }
            },
        }
    }
    out
}

/// As [`filled`]; a text that is one name alone becomes the value itself, a number too.
pub(in crate::lab::incident) fn value(scalar: &Scalar, values: &Values) -> Scalar {
    match scalar {
        Scalar::Text(text) => match text.strip_prefix('$').and_then(|name| values.get(name)) {
            Some(value) => value.clone(),
            None => Scalar::Text(filled(text, values)),
        },
        number => number.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_and_the_end_of_a_line_stays() {
        let values = Values::from([
            ("a".to_owned(), Scalar::Whole(7)),
            ("bc_1".to_owned(), Scalar::Text("x".to_owned())),
        ]);
        for (text, expected) in [
            ("$a", "7"),
            ("item $a of $bc_1.", "item 7 of x."),
            ("^a$", "^a$"),
            ("a$|b$", "a$|b$"),
            ("$none", "$none"),
            ("$$a", "$7"),
            ("€$a", "€7"),
        ] {
            assert_eq!(filled(text, &values), expected, "{text}");
        }
        assert_eq!(names("a $b $c$b $"), BTreeSet::from(["b", "c"]));
        let whole = value(&Scalar::Text("$a".to_owned()), &values);
        assert_eq!(whole, Scalar::Whole(7));
    }
}
