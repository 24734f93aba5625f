//! Parses times by a layout: `time.ParseInLocation`.

use std::sync::Arc;

use super::layout::{Chunk, next_chunk};
use super::{MONTHS, Time, WEEKDAYS, Zone, days};

/// The parts read so far.
struct Parts {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nsec: u32,
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone: Option<String>,
}

/// Parses a time, in a zone unless the text names another. `None` if the text does not fit the
/// layout or is not a valid time.
pub(crate) fn parse(layout: &[u8], text: &[u8], local: Zone) -> Option<Time> {
    let mut parts = Parts {
        year: 0,
        month: None,
        day: None,
        year_day: None,
        hour: 0,
        minute: 0,
        second: 0,
        nsec: 0,
        afternoon: None,
        utc: false,
        offset: None,
        zone: None,
    };
    let (mut layout, mut rest) = (layout, text);
    loop {
        let (prefix, chunk, after) = next_chunk(layout);
        rest = skip(rest, prefix)?;
        let Some(chunk) = chunk else {
            return if rest.is_empty() {
                parts.time(local)
            } else {
                None
            };
        };
        layout = after;
        rest = parts.read(chunk, rest, layout)?;
    }
}

/// Skips literal text of the layout; a space matches any number of spaces.
fn skip<'t>(mut value: &'t [u8], mut prefix: &[u8]) -> Option<&'t [u8]> {
    while let Some(wanted) = prefix.first() {
        if *wanted == b' ' {
            if value.first().is_some_and(|byte| *byte != b' ') {
                return None;
            }
            prefix = without_spaces(prefix);
            value = without_spaces(value);
            continue;
        }
        if value.first() != Some(wanted) {
            return None;
        }
        prefix = prefix.get(1..)?;
        value = value.get(1..)?;
    }
    Some(value)
}

fn without_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(spaces..).unwrap_or_default()
}

/// A number of one or two digits, of two if `fixed`.
fn number(value: &[u8], fixed: bool) -> Option<(i64, &[u8])> {
    let second = value.get(1).is_some_and(u8::is_ascii_digit);
    if fixed && !second {
        return None;
    }
    digits(value, if second { 2 } else { 1 })
}

/// A number of so many digits.
fn digits(value: &[u8], count: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = value.split_at_checked(count)?;
    let number = digits.iter().try_fold(0i64, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
    })?;
    Some((number, rest))
}

/// Reads one of the names, ignoring case, in full or by its first three letters.
fn name<'t>(names: &[&str], value: &'t [u8], short: bool) -> Option<(i64, &'t [u8])> {
    (0..).zip(names).find_map(|(at, name)| {
        let name = if short { name.get(..3)? } else { name };
        let (found, rest) = value.split_at_checked(name.len())?;
        found
            .eq_ignore_ascii_case(name.as_bytes())
            .then_some((at, rest))
    })
}

/// Nanoseconds of a fraction with its separator.
fn fraction(value: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (text, rest) = value.split_at_checked(digits + 1)?;
    let (separator, text) = text.split_first()?;
    if !matches!(separator, b'.' | b',') || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let nanos = (0..9).fold(0, |nanos, at| {
        let digit = text.get(at).map_or(0, |digit| digit - b'0');
        nanos * 10 + u32::from(digit)
    });
    Some((nanos, rest))
}

fn within(number: i64, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    range.contains(&number).then_some(number)
}

impl Parts {
    /// Reads one part; `layout` is what follows in the layout.
    fn read<'t>(&mut self, chunk: Chunk, value: &'t [u8], layout: &[u8]) -> Option<&'t [u8]> {
        let (found, rest) = match chunk {
            Chunk::Year => {
                let (year, rest) = digits(value, 2)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
                return Some(rest);
            }
            Chunk::LongYear => digits(value, 4)?,
            Chunk::Month => name(&MONTHS, value, true)?,
            Chunk::LongMonth => name(&MONTHS, value, false)?,
            Chunk::NumMonth => number(value, false)?,
            Chunk::ZeroMonth => number(value, true)?,
            Chunk::Weekday => return Some(name(&WEEKDAYS, value, true)?.1),
            Chunk::LongWeekday => return Some(name(&WEEKDAYS, value, false)?.1),
            Chunk::UnderDay => number(value.strip_prefix(b" ").unwrap_or(value), false)?,
            Chunk::ZeroDay | Chunk::ZeroHour12 | Chunk::ZeroMinute | Chunk::ZeroSecond => {
                number(value, true)?
            }
            Chunk::Day | Chunk::Hour | Chunk::Hour12 | Chunk::Minute | Chunk::Second => {
                number(value, false)?
            }
            Chunk::ZeroYearDay => digits(value, 3)?,
            Chunk::UnderYearDay => {
                let value = value.strip_prefix(b" ").unwrap_or(value);
                let value = value.strip_prefix(b" ").unwrap_or(value);
                let count = value.iter().take(3).take_while(|b| b.is_ascii_digit());
                digits(value, count.count().max(1))?
            }
            Chunk::UpperHalf | Chunk::LowerHalf => return self.half(chunk, value),
            Chunk::Offset { z, parts, colon } => return self.offset(value, z, parts, colon),
            Chunk::ZoneName => return self.zone_name(value),
            Chunk::Fraction {
                digits,
                trims: false,
                ..
            } => {
                let (nanos, rest) = fraction(value, digits)?;
                self.nsec = nanos;
                return Some(rest);
            }
            Chunk::Fraction { .. } => return self.any_fraction(value),
        };
        match chunk {
            Chunk::LongYear => self.year = found,
            Chunk::Month | Chunk::LongMonth => self.month = Some(found + 1),
            Chunk::NumMonth | Chunk::ZeroMonth => self.month = Some(within(found, 1..=12)?),
            Chunk::ZeroYearDay | Chunk::UnderYearDay => self.year_day = Some(found),
            Chunk::Hour => self.hour = within(found, 0..=23)?,
            Chunk::Hour12 | Chunk::ZeroHour12 => self.hour = within(found, 0..=12)?,
            Chunk::Minute | Chunk::ZeroMinute => self.minute = within(found, 0..=59)?,
            Chunk::Second | Chunk::ZeroSecond => {
                self.second = within(found, 0..=59)?;
                // A fraction may follow even if the layout has none.
                let (_, next, _) = next_chunk(layout);
                if !matches!(next, Some(Chunk::Fraction { .. })) {
                    return self.any_fraction(rest);
                }
            }
            _ => self.day = Some(found),
        }
        Some(rest)
    }

    fn any_fraction<'t>(&mut self, value: &'t [u8]) -> Option<&'t [u8]> {
        let fits = matches!(value.first(), Some(b'.' | b','));
        if !fits || !value.get(1).is_some_and(u8::is_ascii_digit) {
            return Some(value);
        }
        let count = value
            .iter()
            .skip(1)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let (nanos, rest) = fraction(value, count)?;
        self.nsec = nanos;
        Some(rest)
    }

    fn half<'t>(&mut self, chunk: Chunk, value: &'t [u8]) -> Option<&'t [u8]> {
        let (half, rest) = value.split_at_checked(2)?;
        self.afternoon = Some(match (chunk, half) {
            (Chunk::UpperHalf, b"PM") | (Chunk::LowerHalf, b"pm") => true,
            (Chunk::UpperHalf, b"AM") | (Chunk::LowerHalf, b"am") => false,
            _ => return None,
        });
        Some(rest)
    }

    fn offset<'t>(&mut self, value: &'t [u8], z: bool, parts: u8, colon: bool) -> Option<&'t [u8]> {
        if z && let Some(rest) = value.strip_prefix(b"Z") {
            self.utc = true;
            return Some(rest);
        }
        let (sign, mut rest) = value.split_first()?;
        let mut seconds = 0;
        for (part, most) in (0..parts).zip([24, 60, 60]) {
            if part > 0 && colon {
                rest = rest.strip_prefix(b":")?;
            }
            let (found, after) = digits(rest, 2)?;
            seconds = seconds * 60 + within(found, 0..=most)?;
            rest = after;
        }
        for _ in parts..3 {
            seconds *= 60;
        }
        let seconds = i32::try_from(seconds).ok()?;
        self.offset = Some(match sign {
            b'+' => seconds,
            b'-' => -seconds,
            _ => return None,
        });
        Some(rest)
    }

    fn zone_name<'t>(&mut self, value: &'t [u8]) -> Option<&'t [u8]> {
        if let Some(rest) = value.strip_prefix(b"UTC") {
            self.utc = true;
            return Some(rest);
        }
        let length = zone_name_length(value)?;
        let (name, rest) = value.split_at_checked(length)?;
        self.zone = Some(String::from_utf8_lossy(name).into_owned());
        Some(rest)
    }

    fn time(mut self, local: Zone) -> Option<Time> {
        match self.afternoon {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let (month, day) = self.month_and_day()?;
        let first = days(self.year, month, 1);
        if day < 1 || day > days(self.year, month + 1, 1) - first {
            return None;
        }
        let day = first + day - 1;
        let of_day = self.hour * 3600 + self.minute * 60 + self.second;
        let in_zone = |zone| Some(Time::of_clock(day, of_day, self.nsec, zone));
        if self.utc {
            return in_zone(Zone::Utc);
        }
        let shown = in_zone(Zone::Utc)?.sec;
        let name = self.zone.as_deref();
        if let Some(offset) = self.offset {
            let unix = shown.saturating_sub(i64::from(offset));
            let (here, found, _) = local.at(unix);
            if here == offset && name.is_none_or(|name| name == found) {
                return Some(Time {
                    sec: unix,
                    nsec: self.nsec,
                    zone: local,
                });
            }
            return in_zone(Zone::Fixed(Arc::from(name.unwrap_or_default()), offset));
        }
        let Some(name) = name else {
            return in_zone(local);
        };
        if let Some(offset) = local.offset_of(name, shown) {
            let sec = shown.saturating_sub(i64::from(offset));
            return Some(Time {
                sec,
                nsec: self.nsec,
                zone: local,
            });
        }
        // An unknown abbreviation does not determine the offset, except in the form `GMT+3`.
        let hours = name.strip_prefix("GMT").filter(|hours| !hours.is_empty());
        let hours = hours.and_then(|hours| hours.parse::<i32>().ok());
        let offset = hours.unwrap_or(0) * 3600;
        // Go reads the time of day as UTC, whatever offset the abbreviation has.
        Some(Time {
            sec: shown,
            nsec: self.nsec,
            zone: Zone::Fixed(Arc::from(name), offset),
        })
    }

    /// The day of the year decides if it is given; otherwise missing parts are those of January 1.
    fn month_and_day(&self) -> Option<(i64, i64)> {
        let Some(year_day) = self.year_day else {
            return Some((self.month.unwrap_or(1), self.day.unwrap_or(1)));
        };
        let year = days(self.year, 1, 1);
        let length = days(self.year + 1, 1, 1) - year;
        let clock = super::clock((year + within(year_day, 1..=length)? - 1) * 86_400);
        let agrees = self.month.is_none_or(|month| month == clock.month)
            && self.day.is_none_or(|day| day == clock.day);
        agrees.then_some((clock.month, clock.day))
    }
}

/// Length of the zone abbreviation at the start of a text.
fn zone_name_length(value: &[u8]) -> Option<usize> {
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = value.strip_prefix(b"GMT") {
        return Some(3 + signed_hours_length(rest));
    }
    if matches!(value.first(), Some(b'+' | b'-')) {
        return Some(signed_hours_length(value)).filter(|length| *length > 0);
    }
    let upper = value.iter().take(6).take_while(|b| b.is_ascii_uppercase());
    let upper = upper.count();
    let fits = match upper {
        3 => true,
        4 => value.get(3) == Some(&b'T') || value.starts_with(b"WITA"),
        5 => value.get(4) == Some(&b'T'),
        _ => false,
    };
    fits.then_some(upper)
}

/// Length of an offset such as `+3` or `-11`; 0 if there is none.
fn signed_hours_length(value: &[u8]) -> usize {
    if !matches!(value.first(), Some(b'+' | b'-')) {
        return 0;
    }
    let count = value
        .iter()
        .skip(1)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let hours = value.get(1..=count).unwrap_or_default();
    let hours = hours.iter().fold(0u64, |hours, digit| {
        hours
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    if count == 0 || hours > 23 {
        0
    } else {
        count + 1
    }
}
