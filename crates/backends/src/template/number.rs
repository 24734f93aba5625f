//! Numbers in Go's syntax: `strconv.ParseInt`, `ParseUint` and `ParseFloat`, and the constants of
//! templates, which hold a number in every type that can represent it.

use crate::wire::quote::{Unit, quoted, unquote_char};

/// The error of a number that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    Syntax,
    Range,
}

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Syntax => "invalid syntax",
            Self::Range => "value out of range",
        })
    }
}

/// Tests that underscores stand only between digits, or between a base prefix and a digit.
fn underscores_fit(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut bytes = text.bytes().peekable();
    let mut previous = b'^';
    let mut hex = false;
    let prefix = text.as_bytes().get(..2).unwrap_or_default();
    if prefix.first() == Some(&b'0') && prefix.get(1).is_some_and(|base| b"bBoOxX".contains(base)) {
        bytes.next();
        hex = bytes.next().is_some_and(|base| base | 0x20 == b'x');
        previous = b'0';
    }
    for byte in bytes {
        if byte.is_ascii_digit() || (hex && byte.is_ascii_hexdigit()) {
            previous = b'0';
        } else if byte == b'_' {
            if previous != b'0' {
                return false;
            }
            previous = b'_';
        } else {
            if previous == b'_' {
                return false;
            }
            previous = b'!';
        }
    }
    previous != b'_'
}

/// `strconv.ParseUint(text, 0, 64)`: the prefix decides the base.
pub(super) fn parse_uint(text: &str) -> Result<u64, Bad> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..).unwrap_or_default())
    } else {
        (10, lower.as_str())
    };
    if digits.is_empty() {
        return Err(Bad::Syntax);
    }
    let mut value: u64 = 0;
    let mut overflow = false;
    for c in digits.chars() {
        if c == '_' {
            continue;
        }
        let digit = c.to_digit(radix).ok_or(Bad::Syntax)?;
        let next = value
            .checked_mul(u64::from(radix))
            .and_then(|value| value.checked_add(u64::from(digit)));
        match next {
            Some(next) => value = next,
            None => overflow = true,
        }
    }
    if overflow {
        return Err(Bad::Range);
    }
    if text.contains('_') && !underscores_fit(text) {
        return Err(Bad::Syntax);
    }
    Ok(value)
}

/// `strconv.ParseInt(text, 0, 64)`
pub(super) fn parse_int(text: &str) -> Result<i64, Bad> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = i128::from(parse_uint(digits)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| Bad::Range)
}

/// `strconv.ParseInt(text, 10, 64)`
pub(super) fn parse_decimal(text: &str) -> Result<i64, Bad> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Bad::Syntax);
    }
    text.parse().map_err(|_| Bad::Range)
}

/// `strconv.ParseFloat(text, 64)`
pub(crate) fn parse_float(text: &str) -> Result<f64, Bad> {
    if text.contains('_') && !underscores_fit(text) {
        return Err(Bad::Syntax);
    }
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let hex = unsigned
        .get(..2)
        .is_some_and(|p| p.eq_ignore_ascii_case("0x"));
    let value = if hex {
        let value = parse_hex_float(unsigned.get(2..).unwrap_or_default())?;
        if plain.starts_with('-') {
            -value
        } else {
            value
        }
    } else {
        plain.parse::<f64>().map_err(|_| Bad::Syntax)?
    };
    if value.is_infinite() && unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(Bad::Range);
    }
    Ok(value)
}

/// Digits and exponent of a hexadecimal number after its `0x`.
fn parse_hex_float(text: &str) -> Result<f64, Bad> {
    let (digits, exponent) = text.split_once(['p', 'P']).ok_or(Bad::Syntax)?;
    let mut exponent: i64 = parse_decimal(exponent)?;
    let mut mantissa: u64 = 0;
    let (mut seen, mut after_point) = (false, false);
    for c in digits.chars() {
        if c == '.' && !after_point {
            after_point = true;
            continue;
        }
        let digit = u64::from(c.to_digit(16).ok_or(Bad::Syntax)?);
        seen = true;
        if mantissa >> 59 == 0 {
            mantissa = mantissa << 4 | digit;
            exponent -= if after_point { 4 } else { 0 };
        } else {
            // The digits that are cut off still decide the rounding.
            mantissa |= u64::from(digit != 0);
            exponent += if after_point { 0 } else { 4 };
        }
    }
    if !seen {
        return Err(Bad::Syntax);
    }
    let exponent = exponent.clamp(-3000, 3000) as i32;
    // In two steps, so that neither factor leaves the range of a float too early.
    let half = exponent / 2;
    Ok(mantissa as f64 * 2f64.powi(half) * 2f64.powi(exponent - half))
}

/// Go's conversion of a float to an integer; a number that does not fit gives the result of amd64.
pub(super) fn to_int(value: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
        value as i64
    } else {
        i64::MIN
    }
}

/// A numeric constant with every type that it fits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Number {
    pub(super) text: String,
    pub(super) int: Option<i64>,
    pub(super) uint: Option<u64>,
    pub(super) float: Option<f64>,
    pub(super) complex: Option<(f64, f64)>,
}

impl Number {
    fn empty(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            int: None,
            uint: None,
            float: None,
            complex: None,
        }
    }

    /// A character constant with its quotes.
    pub(super) fn of_char(text: &str) -> Result<Self, String> {
        let inner = text.get(1..).unwrap_or_default();
        let (unit, rest) = unquote_char(inner, '\'').map_err(|_| Bad::Syntax.to_string())?;
        if rest != "'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let code = match unit {
            Unit::Char(c) => u32::from(c),
            Unit::Byte(byte) => u32::from(byte),
        };
        Ok(Self {
            int: Some(i64::from(code)),
            uint: Some(u64::from(code)),
            float: Some(f64::from(code)),
            ..Self::empty(text)
        })
    }

    /// `1+2i`
    pub(super) fn of_complex(text: &str) -> Result<Self, String> {
        let inner = text.strip_suffix('i').unwrap_or(text);
        let split = inner
            .char_indices()
            .rev()
            .find(|(at, c)| {
                let before = inner.get(..*at).and_then(|before| before.chars().last());
                matches!(c, '+' | '-') && !matches!(before, None | Some('e' | 'E' | 'p' | 'P'))
            })
            .map_or(0, |(at, _)| at);
        let (real, imaginary) = inner.split_at(split);
        match (parse_float(real), parse_float(imaginary)) {
            (Ok(real), Ok(imaginary)) => Ok(Self::empty(text).with_complex(real, imaginary)),
            _ => Err("expected complex".to_owned()),
        }
    }

    fn with_complex(mut self, real: f64, imaginary: f64) -> Self {
        self.complex = Some((real, imaginary));
        if imaginary == 0.0 {
            self.float = Some(real);
            self.int = exact_int(real);
            self.uint = exact_uint(real);
        }
        self
    }

    /// A number as Go's templates take it.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let mut number = Self::empty(text);
        if let Some(imaginary) = text.strip_suffix('i')
            && let Ok(imaginary) = parse_float(imaginary)
        {
            return Ok(number.with_complex(0.0, imaginary));
        }
        number.uint = parse_uint(text).ok();
        number.int = parse_int(text).ok();
        if number.int == Some(0) {
            number.uint = Some(0);
        }
        if let Some(int) = number.int {
            number.float = Some(int as f64);
        } else if let Some(uint) = number.uint {
            number.float = Some(uint as f64);
        } else if let Ok(float) = parse_float(text) {
            if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                return Err(format!("integer overflow: {}", quoted(text.as_bytes())));
            }
            number.float = Some(float);
            number.int = exact_int(float);
            number.uint = exact_uint(float);
        } else {
            return Err(format!(
                "illegal number syntax: {}",
                quoted(text.as_bytes())
            ));
        }
        Ok(number)
    }
}

fn exact_int(float: f64) -> Option<i64> {
    let int = to_int(float);
    (int as f64 == float).then_some(int)
}

fn exact_uint(float: f64) -> Option<u64> {
    let fits = (0.0..18_446_744_073_709_551_616.0).contains(&float);
    (fits && float.fract() == 0.0).then_some(float as u64)
}
