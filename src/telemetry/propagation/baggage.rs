//! `baggage`: members that an application sends to all services behind it.
//! <https://www.w3.org/TR/baggage/>
//!
//! The service reads no member and passes all on, in their order.

use http::{HeaderMap, HeaderValue};

/// Members and bytes that every service must pass on. Members beyond them may be left out.
const MEMBERS: usize = 64;
const BYTES: usize = 8192;

/// The members of all headers together, as one header has them, as far as the limits allow. A
/// member that is malformed is left out, the others go on: they have nothing to do with each other.
pub(super) fn of(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut joined = String::new();
    let members = headers
        .get_all(super::BAGGAGE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(','))
        .map(|member| member.trim_matches([' ', '\t']))
        .filter(|member| is_member(member))
        .take(MEMBERS);
    for member in members {
        let comma = usize::from(!joined.is_empty());
        if joined.len() + comma + member.len() > BYTES {
            break;
        }
        if comma == 1 {
            joined.push(',');
        }
        joined.push_str(member);
    }
    if joined.is_empty() {
        return None;
    }
    HeaderValue::try_from(joined).ok()
}

/// `key=value` with any number of `;property` or `;property=value` behind it, and white space around
/// each of them.
fn is_member(member: &str) -> bool {
    let mut parts = member.split(';');
    let pair = parts.next().and_then(|part| part.split_once('='));
    pair.is_some_and(|(key, value)| is_token(key) && is_value(value))
        && parts.all(|property| match property.split_once('=') {
            Some((key, value)) => is_token(key) && is_value(value),
            None => is_token(property),
        })
}

/// A token of [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#name-tokens).
fn is_token(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(known)
}

/// Everything else is percent-encoded in a value.
fn is_value(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
    text.trim_matches([' ', '\t']).bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(headers: &[&str]) -> Option<String> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(super::super::BAGGAGE, header.parse().expect("a value"));
        }
        of(&map).map(|value| value.to_str().expect("text").to_owned())
    }

    #[test]
    fn members_of_all_headers_go_on_as_they_came() {
        for (headers, expected) in [
            (&["user=ada%20l,plan=x"][..], "user=ada%20l,plan=x"),
            (&["a=1", "b=2,c=3"], "a=1,b=2,c=3"),
            (&["", "a=1", " , "], "a=1"),
            (&[" a = 1 ; p ; q = 2 , b=2\t"], "a = 1 ; p ; q = 2,b=2"),
            (&["empty=,token=YWJj=="], "empty=,token=YWJj=="),
            // A malformed member does not cost the others.
            (&["no,=1,a=1,b=\"x\",c=a b,d=2,e=2;=3,f=3;p q"], "a=1,d=2"),
        ] {
            assert_eq!(joined(headers).as_deref(), Some(expected), "{headers:?}");
        }
        assert_eq!(joined(&["", "no", ","]), None);
    }

    #[test]
    fn whole_members_are_left_out_beyond_the_limits() {
        let member = |number: usize| format!("k{number}=v");
        let all: Vec<_> = (0..100).map(member).collect();
        assert_eq!(joined(&[&all.join(",")]), Some(all[..64].join(",")));

        let long: Vec<_> = (0..3)
            .map(|n| format!("k{n}={}", "v".repeat(4000)))
            .collect();
        let headers: Vec<_> = long.iter().map(String::as_str).collect();
        assert_eq!(joined(&headers), Some(long[..2].join(",")));
    }
}
