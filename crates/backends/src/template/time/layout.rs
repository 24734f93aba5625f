//! Layouts of times: the reference time `Mon Jan 2 15:04:05 MST 2006` stands for its parts.

/// A part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    /// `-07:00`: hours, minutes and seconds, by the number of `parts`; with `z`, UTC is written
    /// `Z`.
    Offset {
        z: bool,
        parts: u8,
        colon: bool,
    },
    /// `.000`, or `.999` where zeros at the end are left out.
    Fraction {
        digits: usize,
        trims: bool,
        separator: u8,
    },
}

/// Splits a layout into texts, each with the part of a time that follows it.
pub(crate) fn chunks(layout: &[u8]) -> impl Iterator<Item = (&[u8], Option<Chunk>)> {
    let mut rest = layout;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (text, chunk, after) = next_chunk(rest);
        rest = after;
        Some((text, chunk))
    })
}

/// The text before the next part of a time, that part, and what follows.
pub(crate) fn next_chunk(layout: &[u8]) -> (&[u8], Option<Chunk>, &[u8]) {
    for at in 0..layout.len() {
        let rest = layout.get(at..).unwrap_or_default();
        if let Some((chunk, length)) = chunk_at(rest) {
            // In `_2006` the underscore is text.
            let text = at + usize::from(chunk == Chunk::LongYear && rest.starts_with(b"_"));
            return (
                layout.get(..text).unwrap_or_default(),
                Some(chunk),
                rest.get(length..).unwrap_or_default(),
            );
        }
    }
    (layout, None, &[])
}

/// The part that a layout begins with, and its length.
fn chunk_at(rest: &[u8]) -> Option<(Chunk, usize)> {
    let starts = |text: &str| rest.starts_with(text.as_bytes());
    let word_goes_on = || rest.get(3).is_some_and(u8::is_ascii_lowercase);
    let found = match rest.first()? {
        b'J' if starts("January") => (Chunk::LongMonth, 7),
        b'J' if starts("Jan") && !word_goes_on() => (Chunk::Month, 3),
        b'M' if starts("Monday") => (Chunk::LongWeekday, 6),
        b'M' if starts("Mon") && !word_goes_on() => (Chunk::Weekday, 3),
        b'M' if starts("MST") => (Chunk::ZoneName, 3),
        b'0' => match rest.get(1)? {
            b'1' => (Chunk::ZeroMonth, 2),
            b'2' => (Chunk::ZeroDay, 2),
            b'3' => (Chunk::ZeroHour12, 2),
            b'4' => (Chunk::ZeroMinute, 2),
            b'5' => (Chunk::ZeroSecond, 2),
            b'6' => (Chunk::Year, 2),
            b'0' if starts("002") => (Chunk::ZeroYearDay, 3),
            _ => return None,
        },
        b'1' if starts("15") => (Chunk::Hour, 2),
        b'1' => (Chunk::NumMonth, 1),
        b'2' if starts("2006") => (Chunk::LongYear, 4),
        b'2' => (Chunk::Day, 1),
        b'_' if starts("_2006") => (Chunk::LongYear, 5),
        b'_' if starts("_2") => (Chunk::UnderDay, 2),
        b'_' if starts("__2") => (Chunk::UnderYearDay, 3),
        b'3' => (Chunk::Hour12, 1),
        b'4' => (Chunk::Minute, 1),
        b'5' => (Chunk::Second, 1),
        b'P' if starts("PM") => (Chunk::UpperHalf, 2),
        b'p' if starts("pm") => (Chunk::LowerHalf, 2),
        sign @ (b'-' | b'Z') => offset_at(rest.get(1..)?, *sign == b'Z')?,
        b'.' | b',' => return fraction_at(rest),
        _ => return None,
    };
    Some(found)
}

fn offset_at(rest: &[u8], z: bool) -> Option<(Chunk, usize)> {
    let forms = [
        ("070000", 3, false),
        ("07:00:00", 3, true),
        ("0700", 2, false),
        ("07:00", 2, true),
        ("07", 1, false),
    ];
    let (text, parts, colon) = forms
        .into_iter()
        .find(|(text, ..)| rest.starts_with(text.as_bytes()))?;
    Some((Chunk::Offset { z, parts, colon }, text.len() + 1))
}

fn fraction_at(rest: &[u8]) -> Option<(Chunk, usize)> {
    let (separator, rest) = rest.split_first()?;
    let digit = *rest.first().filter(|digit| matches!(digit, b'0' | b'9'))?;
    let digits = rest.iter().take_while(|byte| **byte == digit).count();
    if rest.get(digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let chunk = Chunk::Fraction {
        digits,
        trims: digit == b'9',
        separator: *separator,
    };
    Some((chunk, digits + 1))
}
