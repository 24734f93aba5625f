//! `tracestate`: a member of each tracing system that a request came through, the newest first.
//! <https://www.w3.org/TR/trace-context-2/#tracestate-header>
//!
//! The service adds no member. It passes the header on without the parts that the specification allows to
//! leave out: white space, empty members, and the older of two equal keys.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

/// Most members.
const MEMBERS: usize = 32;

/// Most bytes of a key, and of a value.
const LONGEST: usize = 256;

/// The members of all headers together, as one header has them. A malformed member or too many members
/// discard all, because the rest may be incomplete.
pub(super) fn of(headers: &HeaderMap) -> Option<Arc<str>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let mut count = 0;
    for header in headers.get_all(super::TRACESTATE) {
        for member in header.to_str().ok()?.split(',') {
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            count += 1;
            if !is_key(key) || !is_value(value) || count > MEMBERS {
                return None;
            }
            if members.iter().all(|(known, _)| *known != key) {
                members.push((key, value));
            }
        }
    }
    let mut joined = String::new();
    for (key, value) in members {
        for part in [if joined.is_empty() { "" } else { "," }, key, "=", value] {
            joined.push_str(part);
        }
    }
    (!joined.is_empty()).then(|| joined.into())
}

/// Level 2 takes an at sign anywhere but in front; level 1 knew it only between tenant and system.
fn is_key(key: &str) -> bool {
    let rest = |byte: &u8| matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    let plain = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let bytes = key.as_bytes();
    key.len() <= LONGEST
        && bytes.first().is_some_and(plain)
        && bytes.iter().all(|byte| plain(byte) || rest(byte))
}

/// Blanks may begin a value but not end one; those were taken for white space behind it.
fn is_value(value: &str) -> bool {
    let known = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b',' && byte != b'=';
    (1..=LONGEST).contains(&value.len()) && value.bytes().all(known)
}

/// The header of members that [`of`] has read.
#[expect(clippy::expect_used, reason = "printable ASCII, as it was read")]
pub(super) fn value(members: &str) -> HeaderValue {
    HeaderValue::from_str(members).expect("a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(headers: &[&str]) -> Option<String> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(super::super::TRACESTATE, header.parse().expect("a value"));
        }
        of(&map).map(|members| members.to_string())
    }

    /// `count` members from number `first` on.
    fn members(first: usize, count: usize) -> String {
        let member = |number| format!("k{number}={number}");
        let all: Vec<_> = (first..first + count).map(member).collect();
        all.join(",")
    }

    #[test]
    fn members_of_all_headers_are_joined_in_their_order() {
        for (headers, expected) in [
            (&["a=1", "b=2"][..], "a=1,b=2"),
            (&["a=1,b=2", "c=3", "d=4,e=5"], "a=1,b=2,c=3,d=4,e=5"),
            (&["", "a=1"], "a=1"),
            (&["a=1", ""], "a=1"),
            (&[" \t", ",", "a=1,,b=2,"], "a=1,b=2"),
            (&["a=1 \t , \t b=2,\tc=3\t"], "a=1,b=2,c=3"),
            // The first of two equal keys is the newest.
            (&["a=1,b=2,a=3"], "a=1,b=2"),
            (&["a=1", "a=1"], "a=1"),
            // Blanks in front belong to the value, those behind do not.
            (&["a=  x y  ,b=2"], "a=  x y,b=2"),
            (
                &["a=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"],
                "a=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~",
            ),
            (&["0_-*/@=1"], "0_-*/@=1"),
            (
                &["t@s=1,foo@=1,foo@@bar=1,a@b@c=1"],
                "t@s=1,foo@=1,foo@@bar=1,a@b@c=1",
            ),
        ] {
            assert_eq!(joined(headers).as_deref(), Some(expected), "{headers:?}");
        }
    }

    #[test]
    fn one_malformed_member_discards_all() {
        for bad in [
            "foo=",
            "foo",
            "=1",
            "foo =1",
            "Foo=1",
            "foo.bar=1",
            "@foo=1",
            "_foo=1",
            "foo=a=b",
            "foo=a\tb",
            "foo= ",
            "föö=1",
        ] {
            let Ok(value) = bad.parse::<HeaderValue>() else {
                panic!("{bad:?} is a header value")
            };
            for headers in [
                vec![value.clone()],
                vec![HeaderValue::from_static("ok=1"), value.clone()],
                vec![value, HeaderValue::from_static("ok=1")],
            ] {
                let mut map = HeaderMap::new();
                for header in headers {
                    map.append(super::super::TRACESTATE, header);
                }
                assert_eq!(of(&map), None, "{map:?}");
            }
        }
    }

    #[test]
    fn keys_and_values_have_256_characters_at_most() {
        for length in [255, 256] {
            let long = "z".repeat(length);
            for member in [format!("{long}=1"), format!("a={long}")] {
                assert_eq!(joined(&["foo=1", &member]), Some(format!("foo=1,{member}")));
            }
        }
        let long = "z".repeat(257);
        for member in [format!("{long}=1"), format!("a={long}")] {
            assert_eq!(joined(&["foo=1", &member]), None);
        }
        for key in [
            format!("{}@{}", "t".repeat(241), "v".repeat(14)),
            format!("{}@v", "t".repeat(242)),
            format!("t@{}", "v".repeat(15)),
        ] {
            let member = format!("{key}=1");
            assert_eq!(joined(&[&member]), Some(member));
        }
    }

    #[test]
    fn there_are_32_members_at_most_over_all_headers() {
        let [one, two] = [members(0, 10), members(10, 22)];
        assert_eq!(joined(&[&one, &two]), Some(format!("{one},{two}")));
        assert_eq!(
            joined(&[&one, ",,", &two, ""]),
            Some(format!("{one},{two}"))
        );
        assert_eq!(joined(&[&one, &two, "more=1"]), None);
        assert_eq!(joined(&[&members(0, 33)]), None);
    }
}
