//! Parsers of values. Each gives `None` when the text has not its form.

use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::telemetry::propagation::Propagation;

/// `host:port` of `host`, `host:port` or a URL without anything behind the port.
pub(super) fn authority(text: &str, default_port: u16) -> Option<Authority> {
    let text = match text.split_once("://") {
        Some(("http", rest)) => rest.strip_suffix('/').unwrap_or(rest),
        Some(_) => return None,
        None => text,
    };
    let parsed: Authority = text.parse().ok()?;
    let plain = !parsed.host().is_empty() && !text.contains('@');
    // A port out of range parses as part of the authority but is none.
    let has_port = text
        .rsplit_once(':')
        .is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'));
    match parsed.port_u16() {
        _ if !plain => None,
        Some(_) => Some(parsed),
        None if has_port => None,
        None => format!("{text}:{default_port}").parse().ok(),
    }
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Headers in the form of the specification's `OTEL_EXPORTER_OTLP_HEADERS`.
pub(super) fn headers(text: &str) -> Option<HeaderMap> {
    let pair = |(name, value): (String, String)| {
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    };
    resource_attributes(text)?.into_iter().map(pair).collect()
}

/// Pairs in the form of the specification's `OTEL_RESOURCE_ATTRIBUTES`.
pub(super) fn resource_attributes(text: &str) -> Option<Vec<(String, String)>> {
    text.split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let decoded = |part: &str| {
                percent_encoding::percent_decode_str(part.trim())
                    .decode_utf8()
                    .ok()
                    .map(String::from)
            };
            Some((decoded(key).filter(|key| !key.is_empty())?, decoded(value)?))
        })
        .collect()
}

pub(super) fn propagators(text: &str) -> Option<Propagation> {
    let mut formats = Propagation {
        trace_context: false,
        baggage: false,
    };
    if text == "none" {
        return Some(formats);
    }
    for name in text.split(',') {
        match name.trim() {
            "tracecontext" => formats.trace_context = true,
            "baggage" => formats.baggage = true,
            _ => return None,
        }
    }
    Some(formats)
}
