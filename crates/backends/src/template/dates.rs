//! Functions on times and durations, and texts in base 64.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::context::{Context, Fault};
use super::functions::{Made, text};
use super::number::{Bad, parse_decimal};
use super::time::{NANOS, Time, Zone, parse};
use super::value::{IntType, Value};
use crate::wire::duration::go;
use crate::wire::quote::{quoted, valid};

/// The present.
pub(crate) fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = since
        .ok()
        .and_then(|since| i64::try_from(since.as_nanos()).ok());
    Time::from_nanos(nanos.unwrap_or(0))
}

/// Parses a time; the zero time if the text is not one.
pub(crate) fn parsed(layout: &[u8], text: &[u8], zone: Zone) -> Time {
    parse(layout, text, zone).unwrap_or_else(Time::zero)
}

/// `date`: a time, or seconds since the Unix epoch, in a layout; anything else is the present.
pub(crate) fn date(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    let time = match arguments.get(1).map(Value::unboxed) {
        Some(Value::Time(time)) => time,
        Some(Value::Int(seconds, IntType::Int | IntType::Int64)) => Time::unix(seconds, 0),
        _ => now(),
    };
    let layout = text(arguments, 0)?;
    // A formatted part is at most a few times as long as its part of the layout.
    context.room(layout.len().saturating_mul(8))?;
    let shown = time.to_zone(Zone::Local).format(layout);
    context.text(shown)
}

/// Unix time in a unit, given as units per second.
pub(crate) fn in_units(time: &Time, units: i64) -> i64 {
    let fraction = i64::from(time.nsec) / (NANOS / units);
    time.sec.wrapping_mul(units).wrapping_add(fraction)
}

/// `unixToTime`: the number of digits decides the unit.
pub(crate) fn unix_to_time(text: &[u8]) -> Result<Time, String> {
    let shown = valid(text);
    let number = parse_decimal(&shown).map_err(|bad: Bad| {
        let digits = quoted(text);
        format!("unable to parse time '{shown}': strconv.ParseInt: parsing {digits}: {bad}")
    })?;
    match text.len() {
        5 => Ok(Time::unix(number.wrapping_mul(86_400), 0)),
        10 => Ok(Time::unix(number, 0)),
        13 => Ok(Time::unix(0, number.wrapping_mul(1_000_000))),
        16 => Ok(Time::unix(0, number.wrapping_mul(1_000))),
        19 => Ok(Time::unix(0, number)),
        _ => Err(format!("unable to parse time '{shown}': %!w(<nil>)")),
    }
}

/// `duration`: the seconds of a text such as `1m30s`.
pub(crate) fn duration(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    let nanos = go::parse(text(arguments, 0)?).map_err(Fault::Function)?;
    Ok(Value::Float(seconds(nanos)))
}

/// Nanoseconds as seconds, rounded as Go does it.
pub(crate) fn seconds(nanos: i64) -> f64 {
    (nanos / NANOS) as f64 + (nanos % NANOS) as f64 / 1e9
}

pub(crate) fn base64_encode(context: &mut Context<'_>, text: &[u8]) -> Made {
    context.text(STANDARD.encode(text))
}

/// Decodes base 64. As in sprig the result for an invalid text is Go's error message.
pub(crate) fn base64_decode(context: &mut Context<'_>, text: &[u8]) -> Made {
    // Go accepts leftover bits, and line breaks anywhere.
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let plain: Vec<u8> = text.iter().copied().filter(|b| !is_line_end(b)).collect();
    match engine.decode(&plain) {
        Ok(decoded) => context.text(decoded),
        Err(_) => {
            let at = first_bad(text);
            context.text(format!("illegal base64 data at input byte {at}"))
        }
    }
}

/// The offset at which Go reports invalid base 64.
fn first_bad(text: &[u8]) -> usize {
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let is_digit = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    let mut in_quantum = 0;
    let mut bytes = text
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, b)| !is_line_end(b));
    while let Some((at, byte)) = bytes.next() {
        if is_digit(byte) {
            in_quantum = (in_quantum + 1) % 4;
            continue;
        }
        if byte != b'=' || in_quantum < 2 {
            return at;
        }
        // Padding ends the text.
        if in_quantum == 2 {
            match bytes.next() {
                None => return text.len(),
                Some((_, b'=')) => {}
                Some((at, _)) => return at - 1,
            }
        }
        return bytes.next().map_or(text.len(), |(at, _)| at);
    }
    text.len().saturating_sub(in_quantum)
}
