//! Texts, numbers, ids, bytes and enums in protobuf's JSON mapping. `null` is the default.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::reader::{Problem, Reader};

type Read<T> = Result<T, Problem>;

/// Padding may be there or not, and bits that nobody needs may be set.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

impl Reader<'_> {
    /// A string, empty for `null`.
    pub(crate) fn text(&mut self) -> Read<String> {
        if self.null() {
            return Ok(String::new());
        }
        self.counted_string()
    }

    pub(crate) fn set_text(&mut self, to: &mut String) -> Read<()> {
        *to = self.text()?;
        Ok(())
    }

    pub(crate) fn boolean(&mut self) -> Read<bool> {
        if self.word("true") {
            return Ok(true);
        }
        if self.word("false") {
            return Ok(false);
        }
        self.problem("expected true or false")
    }

    pub(crate) fn signed(&mut self) -> Read<i64> {
        let number = self.integer()?;
        match i64::try_from(number) {
            Ok(number) => Ok(number),
            Err(_) => self.problem(format!("{number} is out of range")),
        }
    }

    /// An unsigned number of 32 or 64 bits.
    pub(crate) fn set_unsigned<T: TryFrom<i128>>(&mut self, to: &mut T) -> Read<()> {
        let number = if self.null() { 0 } else { self.integer()? };
        match T::try_from(number) {
            Ok(number) => {
                *to = number;
                Ok(())
            }
            Err(_) => self.problem(format!("{number} is out of range")),
        }
    }

    /// A whole number, also as a string, with an exponent or with zeros behind the point.
    fn integer(&mut self) -> Read<i128> {
        let (text, quoted) = self.scalar()?;
        match whole(&text) {
            Some(number) if quoted || json_number(&text).is_some() => Ok(number),
            _ => self.problem(format!("{text:?} is not a whole number")),
        }
    }

    /// A number, also as a string, or one of those that JSON has no number for.
    pub(crate) fn float(&mut self) -> Read<f64> {
        let (text, quoted) = self.scalar()?;
        let number = match (text.as_str(), quoted) {
            // Go reads these in any case, and with a sign.
            (text, true)
                if text
                    .trim_start_matches(['+', '-'])
                    .eq_ignore_ascii_case("nan") =>
            {
                Some(f64::NAN)
            }
            (text, true) if is_infinity(text) => Some(match text.starts_with('-') {
                true => f64::NEG_INFINITY,
                false => f64::INFINITY,
            }),
            (text, true) => text.parse().ok().filter(|n: &f64| n.is_finite()),
            (text, false) => json_number(text),
        };
        match number {
            Some(number) => Ok(number),
            None => self.problem(format!("{text:?} is not a number or is out of range")),
        }
    }

    /// An enum by its name or its number.
    pub(crate) fn set_enum(
        &mut self,
        to: &mut i32,
        named: impl FnOnce(&str) -> Option<i32>,
    ) -> Read<()> {
        *to = 0;
        if self.null() {
            return Ok(());
        }
        let (text, quoted) = self.scalar()?;
        let value = if quoted {
            named(&text)
        } else {
            whole(&text).and_then(|number| i32::try_from(number).ok())
        };
        match value {
            Some(value) => {
                *to = value;
                Ok(())
            }
            None => self.problem(format!("{text:?} is not a value of this enum")),
        }
    }

    /// An id of a certain length in hexadecimal digits; `null` and an empty string are none.
    pub(crate) fn set_id(&mut self, to: &mut Vec<u8>, length: usize) -> Read<()> {
        let text = self.text()?;
        let digits = text.as_bytes();
        let pair = |pair: &[u8]| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()
        };
        to.clear();
        if digits.is_empty() {
            return Ok(());
        }
        if digits.len() != 2 * length {
            return self.problem(format!(
                "id {text:?} has {} digits instead of {}",
                digits.len(),
                2 * length
            ));
        }
        match digits.chunks_exact(2).map(pair).collect() {
            Some(id) => {
                *to = id;
                Ok(())
            }
            None => self.problem(format!("id {text:?} is not hexadecimal")),
        }
    }

    /// Bytes in base64, in either alphabet.
    pub(crate) fn bytes(&mut self) -> Read<Vec<u8>> {
        // Go's decoder passes over line ends.
        let text: String = self.text()?.replace(['\r', '\n'], "");
        let decoded = match text.contains(['-', '_']) {
            true => BASE64_URL.decode(&text),
            false => BASE64.decode(&text),
        };
        match decoded {
            Ok(bytes) => Ok(bytes),
            Err(error) => self.problem(format!("base64: {error}")),
        }
    }
}

fn is_infinity(text: &str) -> bool {
    let name = text.trim_start_matches(['+', '-']);
    name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("infinity")
}

/// A number as JSON writes it: no leading zeros or plus sign, digits on both sides of the point.
pub(super) fn json_number(text: &str) -> Option<f64> {
    let number: serde_json::Number = serde_json::from_str(text).ok()?;
    number.as_f64()
}

/// A whole number in any notation: `12`, `12.0`, `1.2e1`, `120e-1`. None if a part remains behind
/// the point, or if it has more digits than a number of 64 bits.
fn whole(text: &str) -> Option<i128> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if before.is_empty() || !all_digits(before) || !all_digits(after) {
        return None;
    }
    let mut digits = format!("{before}{after}");
    let shift = i64::from(exponent) - i64::try_from(after.len()).ok()?;
    // Zeros at the end are an exponent, too, and zero has any.
    let trimmed = digits.trim_end_matches('0').len();
    let shift = shift + i64::try_from(digits.len() - trimmed).ok()?;
    digits.truncate(trimmed);
    let value = match digits.trim_start_matches('0') {
        "" => 0,
        digits if (0..=20).contains(&shift) && digits.len() <= 20 => {
            let digits: i128 = digits.parse().ok()?;
            digits.checked_mul(10i128.checked_pow(u32::try_from(shift).ok()?)?)?
        }
        _ => return None,
    };
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_in_any_notation() {
        for (text, number) in [
            ("12", Some(12)),
            ("-12", Some(-12)),
            ("12.0", Some(12)),
            ("1.2e1", Some(12)),
            ("1.20E+1", Some(12)),
            ("120e-1", Some(12)),
            ("0.0e99", Some(0)),
            ("18446744073709551615", Some(18_446_744_073_709_551_615)),
            ("1e19", Some(10_000_000_000_000_000_000)),
            ("1.5", None),
            ("1e-1", None),
            ("1e99", None),
            ("", None),
            ("e1", None),
            (" 1", None),
            ("0x1", None),
        ] {
            assert_eq!(whole(text), number, "{text}");
        }
    }
}
