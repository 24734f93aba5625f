//! Normalised request paths, so that no alternative spelling bypasses a check.

use std::borrow::Cow;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Characters to escape in a path: all but the unreserved ones.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The decoded segments of a relative path; none for an ambiguous path: with an
/// empty segment, a dot segment, or an escape that hides a separator or a further escape.
pub(super) fn segments(path: &str) -> Option<Vec<Cow<'_, str>>> {
    path.split('/').map(segment).collect()
}

fn segment(text: &str) -> Option<Cow<'_, str>> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    let odd = |it: char| matches!(it, '/' | '\\' | '%') || it.is_control();
    let plain = !matches!(&*decoded, "" | "." | "..") && !decoded.contains(odd);
    plain.then_some(decoded)
}

/// The canonical path of segments.
pub(super) fn joined(segments: &[Cow<'_, str>]) -> String {
    let mut path = String::new();
    for segment in segments {
        let _ = write!(path, "/{}", utf8_percent_encode(segment, ESCAPED));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_becomes_one() {
        for (path, expected) in [
            ("a/b", "/a/b"),
            ("%61/b", "/a/b"),
            ("resource.service.name", "/resource.service.name"),
            ("a b/%c3%a9", "/a%20b/%C3%A9"),
            ("a?b", "/a%3Fb"),
        ] {
            assert_eq!(joined(&segments(path).expect(path)), expected, "{path}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_path() {
        for path in [
            "", "/a", "a/", "a//b", ".", "..", "a/../b", "%2e%2e", "a%2fb", "a%2Fb", "a%5cb",
            "a\\b", "%252e", "%zz", "%", "a%00", "%0d%0a", "%ff",
        ] {
            assert_eq!(segments(path), None, "{path:?}");
        }
    }
}
