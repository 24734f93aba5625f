//! The headers that carry a trace.

use std::collections::HashSet;
use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue};
use regex::bytes::Regex;
use salvo_observability::telemetry::propagation::{Propagation, Told};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The form of a `traceparent`, written down a second time.
static FORM: LazyLock<Regex> = LazyLock::new(|| {
    let form = r"(?-u)^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\s\S]*)?$";
    Regex::new(form).expect("a literal")
});

/// The headers that go on after a request with these.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let context = Propagation::default().extract(headers);
    let mut onward = HeaderMap::new();
    Propagation::default().inject(&context, &mut onward);
    let mut told = HeaderMap::new();
    Propagation::default().respond(&context, &mut told);
    let is_traced = onward.contains_key("traceparent");
    assert_eq!(Told::by(&told).is_some(), is_traced);
    onward
}

/// The headers of this name that the lines of the input are.
fn lines(name: &'static str, data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name, value);
        }
    }
    headers
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(value.to_str().expect("ASCII").to_owned())
}

/// A well-formed header is passed on as it was read, and no other.
pub fn traceparent(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", value);
    let printed = text(&passed_on(&headers), "traceparent");
    let expected = FORM.captures(data.trim_ascii()).and_then(|parts| {
        let part = |index: usize| String::from_utf8_lossy(&parts[index]).into_owned();
        let (version, trace, span) = (part(1), part(2), part(3));
        let zeros = |id: &str| id.bytes().all(|digit| digit == b'0');
        let refused = version == "ff"
            || (version == "00" && parts.get(5).is_some())
            || zeros(&trace)
            || zeros(&span);
        let flags = u8::from_str_radix(&part(4), 16).expect("two hex digits") & 3;
        (!refused).then(|| format!("00-{trace}-{span}-{flags:02x}"))
    });
    assert_eq!(printed, expected);
}

/// What is passed on is well-formed, has no key twice, and is passed on unchanged by the next service.
pub fn tracestate(data: &[u8]) {
    let mut headers = lines("tracestate", data);
    headers.insert("traceparent", HeaderValue::from_static(PARENT));
    let onward = passed_on(&headers);
    assert_eq!(text(&onward, "traceparent").as_deref(), Some(PARENT));
    let Some(members) = text(&onward, "tracestate") else {
        return;
    };
    let mut keys = HashSet::new();
    for member in members.split(',') {
        let (key, value) = member.split_once('=').expect("key and value");
        assert!(keys.insert(key), "{key} is there twice");
        assert!(!value.is_empty() && key.len() <= 256 && value.len() <= 256);
        assert!(
            headers
                .get_all("tracestate")
                .iter()
                .any(|header| { header.to_str().is_ok_and(|header| header.contains(member)) })
        );
    }
    assert!(keys.len() <= 32);
    assert_eq!(passed_on(&onward), onward);
}

/// What is passed on came in, keeps the limits, and is passed on unchanged by the next service.
pub fn baggage(data: &[u8]) {
    let headers = lines("baggage", data);
    let onward = passed_on(&headers);
    assert!(!onward.contains_key("traceparent"));
    let Some(members) = text(&onward, "baggage") else {
        return;
    };
    assert!(members.len() <= 8192 && members.split(',').count() <= 64);
    for member in members.split(',') {
        assert!(member.contains('='));
        assert!(
            headers
                .get_all("baggage")
                .iter()
                .any(|header| { header.to_str().is_ok_and(|header| header.contains(member)) })
        );
    }
    assert_eq!(passed_on(&onward), onward);
}
