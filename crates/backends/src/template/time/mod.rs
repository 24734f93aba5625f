//! Times of Go's package `time`: an instant with the zone that it is shown in.

mod layout;
mod parse;
mod zone;

pub(crate) use parse::parse;
pub(crate) use zone::Zone;

use layout::{Chunk, chunks};

pub(crate) const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// Seconds from the Unix epoch back to year 1, which is the zero of Go's times.
const YEAR_ONE: i64 = -62_135_596_800;

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(crate) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// The name of a number, counted from `first`, or Go's text for a number without a name.
pub(crate) fn name_of(names: &[&str], value: i64, first: i64, kind: &str) -> String {
    let at = value
        .checked_sub(first)
        .and_then(|at| usize::try_from(at).ok());
    match at.and_then(|at| names.get(at)) {
        Some(name) => (*name).to_owned(),
        None => format!("%!{kind}({})", value.cast_unsigned()),
    }
}

/// A time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Time {
    /// Since the Unix epoch.
    pub(crate) sec: i64,
    pub(crate) nsec: u32,
    pub(crate) zone: Zone,
}

/// Date and time of day in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    /// From 1.
    pub(crate) year_day: i64,
    /// Sunday is 0.
    pub(crate) weekday: i64,
}

/// Days from the Unix epoch to the first of March of a year that begins with March, so that leap
/// days come last.
fn days_before_march(year: i64) -> i64 {
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) - 719_468
}

/// Days from the Unix epoch to a day; months and days may lie outside of their range.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let months = month - 3;
    let year = year.saturating_add(months.div_euclid(12));
    let month = months.rem_euclid(12);
    days_before_march(year)
        .saturating_add((153 * month + 2) / 5)
        .saturating_add(day - 1)
}

fn clock(seconds: i64) -> Clock {
    let days_since = seconds.div_euclid(DAY);
    let of_day = seconds.rem_euclid(DAY);
    let shifted = days_since + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let year = year_of_era + era * 400;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = if month <= 2 { year + 1 } else { year };
    Clock {
        year,
        month,
        day,
        hour: of_day / 3600,
        minute: of_day % 3600 / 60,
        second: of_day % 60,
        year_day: days_since - days(year, 1, 1) + 1,
        weekday: (days_since + 4).rem_euclid(7),
    }
}

impl Time {
    /// The zero of Go's times.
    pub(crate) fn zero() -> Self {
        Self {
            sec: YEAR_ONE,
            nsec: 0,
            zone: Zone::Utc,
        }
    }

    /// `time.Unix(0, nanos)`, which is local.
    pub(crate) fn from_nanos(nanos: i64) -> Self {
        Self::unix(0, nanos)
    }

    /// `time.Unix`
    pub(crate) fn unix(sec: i64, nanos: i64) -> Self {
        Self {
            sec: sec.saturating_add(nanos.div_euclid(NANOS)),
            nsec: nanos.rem_euclid(NANOS) as u32,
            zone: Zone::Local,
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.sec == YEAR_ONE && self.nsec == 0
    }

    pub(crate) fn to_zone(&self, zone: Zone) -> Self {
        Self {
            zone,
            ..self.clone()
        }
    }

    /// Unix nanoseconds; they wrap around as in Go.
    pub(crate) fn nanos(&self) -> i64 {
        self.sec
            .wrapping_mul(NANOS)
            .wrapping_add(i64::from(self.nsec))
    }

    pub(crate) fn clock(&self) -> Clock {
        let (offset, ..) = self.zone.at(self.sec);
        clock(self.sec.saturating_add(i64::from(offset)))
    }

    /// The instant at which a zone shows this date and time of day.
    pub(crate) fn of_clock(days: i64, of_day: i64, nsec: u32, zone: Zone) -> Self {
        let shown = days.saturating_mul(DAY).saturating_add(of_day);
        let (first, ..) = zone.at(shown);
        let (offset, ..) = zone.at(shown.saturating_sub(i64::from(first)));
        Self {
            sec: shown.saturating_sub(i64::from(offset)),
            nsec,
            zone,
        }
    }

    /// Adds nanoseconds.
    pub(crate) fn plus(&self, nanos: i64) -> Self {
        let total = i64::from(self.nsec) + nanos.rem_euclid(NANOS);
        Self {
            sec: self
                .sec
                .saturating_add(nanos.div_euclid(NANOS))
                .saturating_add(total / NANOS),
            nsec: (total % NANOS) as u32,
            zone: self.zone.clone(),
        }
    }

    /// Nanoseconds since another time, as far as they fit.
    pub(crate) fn since(&self, other: &Self) -> i64 {
        let seconds = i128::from(self.sec) - i128::from(other.sec);
        let nanos = seconds * i128::from(NANOS) + i128::from(self.nsec) - i128::from(other.nsec);
        let bounded = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        i64::try_from(bounded).unwrap_or(i64::MAX)
    }

    /// Nanoseconds since year 1, from which Go rounds times.
    pub(crate) fn since_zero(&self) -> i128 {
        (i128::from(self.sec) - i128::from(YEAR_ONE)) * i128::from(NANOS) + i128::from(self.nsec)
    }

    /// The time in a layout of Go.
    pub(crate) fn format(&self, layout: &[u8]) -> Vec<u8> {
        let clock = self.clock();
        let (offset, name, _) = self.zone.at(self.sec);
        let mut out = Vec::with_capacity(layout.len() + 10);
        for (text, chunk) in chunks(layout) {
            out.extend_from_slice(text);
            if let Some(chunk) = chunk {
                let shown = self.show(chunk, &clock, offset, &name);
                out.extend_from_slice(shown.as_bytes());
            }
        }
        out
    }

    fn show(&self, chunk: Chunk, clock: &Clock, offset: i32, zone: &str) -> String {
        let name = |names: &[&str], at: i64| {
            let name = usize::try_from(at).ok().and_then(|at| names.get(at));
            (*name.unwrap_or(&"")).to_owned()
        };
        let short = |name: String| name.chars().take(3).collect::<String>();
        let hour12 = match clock.hour % 12 {
            0 => 12,
            hour => hour,
        };
        let half = if clock.hour >= 12 { "PM" } else { "AM" };
        match chunk {
            Chunk::Year => format!("{:02}", clock.year.max(0) % 100),
            Chunk::LongYear if clock.year < 0 => format!("-{:04}", -clock.year),
            Chunk::LongYear => format!("{:04}", clock.year),
            Chunk::Month => short(name(&MONTHS, clock.month - 1)),
            Chunk::LongMonth => name(&MONTHS, clock.month - 1),
            Chunk::NumMonth => clock.month.to_string(),
            Chunk::ZeroMonth => format!("{:02}", clock.month),
            Chunk::Weekday => short(name(&WEEKDAYS, clock.weekday)),
            Chunk::LongWeekday => name(&WEEKDAYS, clock.weekday),
            Chunk::Day => clock.day.to_string(),
            Chunk::UnderDay => format!("{:2}", clock.day),
            Chunk::ZeroDay => format!("{:02}", clock.day),
            Chunk::UnderYearDay => format!("{:3}", clock.year_day),
            Chunk::ZeroYearDay => format!("{:03}", clock.year_day),
            Chunk::Hour => format!("{:02}", clock.hour),
            Chunk::Hour12 => hour12.to_string(),
            Chunk::ZeroHour12 => format!("{hour12:02}"),
            Chunk::Minute => clock.minute.to_string(),
            Chunk::ZeroMinute => format!("{:02}", clock.minute),
            Chunk::Second => clock.second.to_string(),
            Chunk::ZeroSecond => format!("{:02}", clock.second),
            Chunk::UpperHalf => half.to_owned(),
            Chunk::LowerHalf => half.to_lowercase(),
            Chunk::ZoneName if zone.is_empty() => {
                let minutes = offset / 60;
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.abs();
                format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
            }
            Chunk::ZoneName => zone.to_owned(),
            Chunk::Offset { z: true, .. } if offset == 0 => "Z".to_owned(),
            Chunk::Offset { parts, colon, .. } => {
                let minutes = offset / 60;
                let sign = if minutes < 0 { '-' } else { '+' };
                let colon = if colon { ":" } else { "" };
                let minutes = minutes.abs();
                let mut text = format!("{sign}{:02}", minutes / 60);
                if parts > 1 {
                    text.push_str(&format!("{colon}{:02}", minutes % 60));
                }
                if parts > 2 {
                    text.push_str(&format!("{colon}{:02}", offset.abs() % 60));
                }
                text
            }
            Chunk::Fraction {
                digits,
                trims,
                separator,
            } => {
                if trims && (digits == 0 || self.nsec == 0) {
                    return String::new();
                }
                let all = format!("{:09}", self.nsec);
                let mut text: String = all.chars().take(digits).collect();
                // More than nine digits are filled up on the right.
                text.extend(std::iter::repeat_n('0', digits.saturating_sub(9)));
                if trims {
                    text.truncate(text.trim_end_matches('0').len());
                    if text.is_empty() {
                        return text;
                    }
                }
                format!("{}{text}", char::from(separator))
            }
        }
    }
}

impl std::fmt::Display for Time {
    /// `2006-01-02 15:04:05.999999999 -0700 MST`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.format(b"2006-01-02 15:04:05.999999999 -0700 MST");
        f.write_str(&String::from_utf8_lossy(&text))
    }
}
