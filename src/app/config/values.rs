//! The forms that values can have, each read by one function: `None` when it is not that form.

use http::Uri;
use jiff::tz::TimeZone;

use crate::telemetry::Propagator;

/// `http://host:port` of `host`, `host:port` or a URL without anything behind the port.
pub(super) fn origin(text: &str, default_port: u16) -> Option<Uri> {
    let authority = match text.split_once("://") {
        Some(("http", rest)) => rest.strip_suffix('/').unwrap_or(rest),
        Some(_) => return None,
        None => text,
    };
    let uri: Uri = format!("http://{authority}").parse().ok()?;
    let parsed = uri.authority()?;
    let plain =
        parsed.as_str() == authority && !parsed.host().is_empty() && !authority.contains('@');
    // A port out of range parses as part of the authority but is none.
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'));
    match parsed.port_u16() {
        _ if !plain => None,
        Some(_) => Some(uri),
        None if has_port => None,
        None => format!("http://{authority}:{default_port}").parse().ok(),
    }
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
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

pub(super) fn propagators(text: &str) -> Option<Vec<Propagator>> {
    if text == "none" {
        return Some(Vec::new());
    }
    text.split(',')
        .map(|name| match name.trim() {
            "tracecontext" => Some(Propagator::TraceContext),
            "baggage" => Some(Propagator::Baggage),
            _ => None,
        })
        .collect()
}

/// A time zone as `TZ` names it: with or without a colon in front, by name, by file, or as a rule.
pub(super) fn time_zone(text: &str) -> Option<TimeZone> {
    let name = text.strip_prefix(':').unwrap_or(text);
    if name.starts_with('/') {
        let file = std::fs::read(name).ok()?;
        return TimeZone::tzif(name, &file).ok();
    }
    TimeZone::get(name).or_else(|_| TimeZone::posix(name)).ok()
}
