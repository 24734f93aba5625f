//! `traceparent`: `version-trace-parent-flags`, of 2, 32, 16 and 2 lower-case hex digits.
//! <https://www.w3.org/TR/trace-context-2/#traceparent-header>

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

use crate::telemetry::hex;

/// Bytes of the four parts with their dashes.
const LENGTH: usize = 55;

/// The ids of a header.
pub(super) struct Ids {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) flags: TraceFlags,
}

/// The parent that a request names. Two headers that differ name none, because either may be the right one.
pub(super) fn of(headers: &HeaderMap) -> Option<Ids> {
    single(headers, &super::TRACEPARENT)
}

/// The ids in the header `name`, which has the form of a `traceparent`.
pub(super) fn single(headers: &HeaderMap, name: &HeaderName) -> Option<Ids> {
    let mut values = headers
        .get_all(name)
        .iter()
        .map(|value| value.as_bytes().trim_ascii());
    let first = values.next()?;
    if values.any(|other| other != first) {
        return None;
    }
    parse(first)
}

/// Reads a header. Only a version after 00 may have more behind the flags, after a dash; what it
/// means is not known and not carried on. Version ff is none.
fn parse(header: &[u8]) -> Option<Ids> {
    let (head, rest) = header.split_at_checked(LENGTH)?;
    let well_formed = head.iter().enumerate().all(|(at, byte)| match at {
        2 | 35 | 52 => *byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    });
    let version = &head[..2];
    let may_end = rest.is_empty() || (version != b"00" && rest[0] == b'-');
    if !well_formed || version == b"ff" || !may_end {
        return None;
    }
    let head = std::str::from_utf8(head).ok()?;
    let ids = Ids {
        trace_id: TraceId::from_hex(&head[3..35]).ok()?,
        span_id: SpanId::from_hex(&head[36..52]).ok()?,
        flags: TraceFlags::new(u8::from_str_radix(&head[53..], 16).ok()?),
    };
    (ids.trace_id != TraceId::INVALID && ids.span_id != SpanId::INVALID).then_some(ids)
}

/// The header for the span of `ids`.
#[expect(clippy::expect_used, reason = "hex digits and dashes")]
pub(super) fn value(ids: &SpanContext, is_random: bool) -> HeaderValue {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    let flags = u8::from(ids.is_sampled()) | u8::from(is_random) << 1;
    hex::write(&mut text[3..35], &ids.trace_id().to_bytes());
    hex::write(&mut text[36..52], &ids.span_id().to_bytes());
    hex::write(&mut text[53..], &[flags]);
    HeaderValue::from_bytes(&text).expect("a header value")
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceState;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn only_the_form_of_the_specification_is_a_traceparent() {
        let is_traceparent = |text: &str| parse(text.as_bytes()).is_some();
        assert!(is_traceparent(GOOD));
        assert!(is_traceparent(&GOOD.replacen("00", "cc", 1)));
        assert!(is_traceparent(&format!(
            "{}-more",
            GOOD.replacen("00", "cc", 1)
        )));
        for bad in [
            String::new(),
            "00-1-1-01".to_owned(),
            GOOD.to_uppercase(),
            GOOD.replacen("00", "ff", 1),
            format!("{GOOD}-more"),
            format!("{GOOD}0"),
            format!("{}.more", GOOD.replacen("00", "cc", 1)),
            GOOD.replacen("0af7", "+af7", 1),
            GOOD.replace('-', "_"),
            GOOD[..54].to_owned(),
            "é".repeat(55),
            format!("00-{:032}-b7ad6b7169203331-01", 0),
            format!("00-0af7651916cd43dd8448eb211c80319c-{:016}-01", 0),
        ] {
            assert!(!is_traceparent(&bad), "{bad}");
        }
    }

    #[test]
    fn what_is_read_is_written_with_the_flags_that_are_known() {
        for (read, written) in [("00", "00"), ("01", "01"), ("02", "02"), ("ff", "03")] {
            let ids = parse(format!("{}{read}", &GOOD[..53]).as_bytes()).expect("ids");
            let is_random = ids.flags.to_u8() & 2 == 2;
            let ids =
                SpanContext::new(ids.trace_id, ids.span_id, ids.flags, true, TraceState::NONE);
            let expected = format!("{}{written}", &GOOD[..53]);
            assert_eq!(value(&ids, is_random), expected.as_str());
        }
    }
}
