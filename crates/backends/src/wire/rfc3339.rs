//! Times of RFC 3339 as Go's `time.Parse` reads them. Other texts that look like a time are none: lower-case
//! letters, a blank instead of the `T`, a leap second, a zone without its colon.

use jiff::Timestamp;

/// Form of date and time; `0` stands for a digit.
const FORM: &[u8] = b"0000-00-00T00:00:00";

/// Digits of the fraction of a second that are read.
const DIGITS: usize = 9;

/// Reads a time. Digits behind the nanosecond are cut off.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (time, rest) = text.split_at_checked(FORM.len())?;
    let (fraction, zone) = match rest.strip_prefix(['.', ',']) {
        Some(behind) => {
            let digits = behind.find(|it: char| !it.is_ascii_digit());
            behind.split_at(digits.filter(|digits| *digits > 0)?)
        }
        None => ("0", rest),
    };
    let is_zone = match zone.as_bytes().split_first() {
        Some((b'Z', [])) => true,
        Some((b'+' | b'-', offset)) => matches(offset, b"00:00") && offset < b"24".as_slice(),
        _ => false,
    };
    // Otherwise a 60th second would be read as the 59th.
    if !matches(time.as_bytes(), FORM) || time.ends_with(":60") || !is_zone {
        return None;
    }
    let fraction = fraction.get(..DIGITS).unwrap_or(fraction);
    format!("{time}.{fraction}{zone}").parse().ok()
}

fn matches(bytes: &[u8], form: &[u8]) -> bool {
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        wanted => byte == wanted,
    };
    bytes.len() == form.len() && bytes.iter().zip(form).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_that_go_reads() {
        for (text, nanos) in [
            ("2023-11-14T22:13:20Z", 0),
            ("2023-11-14T22:13:20.5Z", 500_000_000),
            ("2023-11-14T22:13:20,5Z", 500_000_000),
            ("2023-11-15T00:13:20.000000001+02:00", 1),
            ("2023-11-14T22:13:20.000000001999Z", 1),
        ] {
            let wanted = 1_700_000_000_000_000_000 + nanos;
            let read = parse(text).map(Timestamp::as_nanosecond);
            assert_eq!(read, Some(wanted), "{text}");
        }
        for other in [
            "",
            "now",
            "2023-11-14",
            "2023-11-14 22:13:20Z",
            "2023-11-14t22:13:20z",
            "2023-11-14T22:13Z",
            "2023-11-14T22:13:60Z",
            "20231114T221320Z",
            "2023-11-14T22:13:20",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20+0100",
            "2023-11-14T22:13:20+25:00",
            "2023-11-14T22:13:20Z[UTC]",
            "2023-13-14T22:13:20Z",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
