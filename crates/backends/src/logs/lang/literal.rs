//! Literals of Go: numbers and quoted strings.

/// Length in bytes of the number at the start of a text, as Go's scanner delimits it.
///
/// # Errors
/// The scanner's message.
pub(crate) fn number_len(text: &str) -> Result<usize, String> {
    let bytes = text.as_bytes();
    let digits = |from: usize, wanted: &dyn Fn(u8) -> bool| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest
            .iter()
            .take_while(|b| wanted(**b) || **b == b'_')
            .count()
    };
    let byte = |at: usize| bytes.get(at).map_or(0, u8::to_ascii_lowercase);
    let (mut at, base) = match (byte(0), byte(1)) {
        (b'0', b'x') => (digits(2, &|b| b.is_ascii_hexdigit()), 'x'),
        (b'0', b'o') => (digits(2, &|b| b.is_ascii_digit()), 'o'),
        (b'0', b'b') => (digits(2, &|b| b.is_ascii_digit()), 'b'),
        _ => (digits(0, &|b| b.is_ascii_digit()), 'd'),
    };
    let whole = at;
    if byte(at) == b'.' && matches!(base, 'd' | 'x') {
        at = match base {
            'x' => digits(at + 1, &|b| b.is_ascii_hexdigit()),
            _ => digits(at + 1, &|b| b.is_ascii_digit()),
        };
    }
    let is_exponent = matches!(byte(at), b'e' | b'p');
    let needs = match (byte(at), base) {
        (b'e', 'o' | 'b') => Some("decimal"),
        (b'p', 'd' | 'o' | 'b') => Some("hexadecimal"),
        _ => None,
    };
    if let (Some(mantissa), Some(exponent)) = (needs, text[at..].chars().next()) {
        return Err(format!(
            "{exponent:?} exponent requires {mantissa} mantissa"
        ));
    }
    let mut float = at > whole;
    if is_exponent {
        float = true;
        let signed = usize::from(matches!(byte(at + 1), b'+' | b'-'));
        let end = digits(at + 1 + signed, &|b| b.is_ascii_digit());
        if end == at + 1 + signed {
            return Err("exponent has no digits".to_owned());
        }
        at = end;
    } else if float && base == 'x' {
        return Err("hexadecimal mantissa requires a 'p' exponent".to_owned());
    }
    let number = text.get(..at).unwrap_or_default();
    let (name, limit, body) = match base {
        'x' => ("hexadecimal", 'g', number.get(2..)),
        'o' => ("octal", '8', number.get(2..)),
        'b' => ("binary", '2', number.get(2..)),
        _ if number.len() > 1 && number.starts_with('0') && !float => {
            ("octal", '8', number.get(1..))
        }
        _ => ("decimal", 'a', number.get(..)),
    };
    let body = body.unwrap_or_default();
    if base != 'd' && body.trim_matches('_').is_empty() {
        return Err(format!("{name} literal has no digits"));
    }
    let bad = body.chars().find(|c| c.is_ascii_digit() && *c >= limit);
    if let Some(bad) = bad {
        return Err(format!("invalid digit {bad:?} in {name} literal"));
    }
    let stray = number.contains("__")
        || number.ends_with('_')
        || ["_.", "._", "_e", "e_"]
            .iter()
            .any(|pair| number.contains(pair));
    if stray {
        return Err("'_' must separate successive digits".to_owned());
    }
    Ok(at)
}

/// Reads a number as Go's `strconv.ParseFloat` does.
///
/// # Errors
/// Its message.
pub(crate) fn parse_float(text: &str) -> Result<f64, String> {
    let failed = |why: &str| format!("strconv.ParseFloat: parsing {}: {why}", quote(text));
    let syntax = || failed("invalid syntax");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let prefix = unsigned.get(..2).unwrap_or_default();
    if prefix.eq_ignore_ascii_case("0x") {
        let value = hexadecimal(unsigned.get(2..).unwrap_or_default()).ok_or_else(syntax)?;
        let value = if text.starts_with('-') { -value } else { value };
        return Ok(value);
    }
    let is_nan = unsigned.eq_ignore_ascii_case("nan");
    if is_nan && unsigned.len() != text.len() {
        return Err(syntax());
    }
    let plain = text.replace('_', "");
    if plain.len() != text.len() {
        number_len(unsigned)
            .ok()
            .filter(|len| *len == unsigned.len() && !unsigned.starts_with('_'))
            .ok_or_else(syntax)?;
    }
    let value: f64 = plain.parse().map_err(|_| syntax())?;
    let named = unsigned.starts_with(|c: char| c.is_ascii_alphabetic());
    if value.is_infinite() && !named {
        return Err(failed("value out of range"));
    }
    Ok(value)
}

/// Reads a hexadecimal float such as `1.8p3` (after its `0x`).
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()).filter(|c| *c != '_') {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let places = i32::try_from(fraction.chars().filter(|c| *c != '_').count()).ok()?;
    Some(value * 2.0_f64.powi(exponent.saturating_sub(4 * places)))
}

/// Reads a string in double quotes with Go's escapes. Returns it with its length in bytes, quotes
/// included.
///
/// # Errors
/// The message of Go's scanner.
pub(crate) fn quoted(text: &str) -> Result<(String, usize), &'static str> {
    const BAD_ESCAPE: &str = "invalid char escape";
    const OPEN: &str = "literal not terminated";
    let mut bytes: Vec<u8> = Vec::new();
    let mut chars = text.char_indices().skip(1);
    let mut invalid = false;
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                if invalid {
                    return Err("invalid syntax");
                }
                // Escapes can produce bytes that are not UTF-8.
                return Ok((crate::logs::lines::utf8::string(bytes), at + 1));
            }
            '\n' => return Err(OPEN),
            '\\' => {
                let (_, escape) = chars.next().ok_or(OPEN)?;
                let (digits, base) = match escape {
                    'x' => (2, 16),
                    'u' => (4, 16),
                    'U' => (8, 16),
                    '0'..='7' => (3, 8),
                    other => {
                        bytes.push(single(other).ok_or(BAD_ESCAPE)?);
                        continue;
                    }
                };
                let mut value = if base == 8 {
                    escape.to_digit(8).unwrap_or(0)
                } else {
                    0
                };
                for _ in usize::from(base == 8)..digits {
                    let (_, digit) = chars.next().ok_or(OPEN)?;
                    value = value * base + digit.to_digit(base).ok_or(BAD_ESCAPE)?;
                }
                match (escape, u8::try_from(value)) {
                    // Half of a surrogate pair becomes U+FFFD, and so does what is negative in Go.
                    ('u' | 'U', _) => match char::from_u32(value) {
                        Some(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
                        None if matches!(value, 0xd800..=0xdfff | 0x8000_0000..) => {
                            bytes.extend("\u{fffd}".as_bytes());
                        }
                        None => invalid = true,
                    },
                    (_, Ok(byte)) => bytes.push(byte),
                    _ => invalid = true,
                }
            }
            c => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(OPEN)
}

fn single(escape: char) -> Option<u8> {
    Some(match escape {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'v' => 11,
        '\\' => b'\\',
        '"' => b'"',
        _ => return None,
    })
}

/// Quotes a string as Go's `%q` does.
pub(crate) fn quote(text: &str) -> String {
    crate::logs::store::Quoted(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        assert_eq!(parse_float("1_000"), Ok(1000.0));
        assert_eq!(parse_float("0x1p4"), Ok(16.0));
        assert_eq!(parse_float("0x1.8p1"), Ok(3.0));
        assert_eq!(parse_float("-Inf"), Ok(f64::NEG_INFINITY));
        assert_eq!(
            parse_float("0x10"),
            Err("strconv.ParseFloat: parsing \"0x10\": invalid syntax".to_owned())
        );
        assert!(
            parse_float("1e400")
                .unwrap_err()
                .ends_with("value out of range")
        );
        for bad in ["", "1_", "_1", "+nan", "0b1", "1 "] {
            assert!(parse_float(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_are_read_as_go_reads_them() {
        assert_eq!(
            quoted(r#""a\x41\u00e9\101" x"#),
            Ok(("aAéA".to_owned(), 17))
        );
        assert_eq!(quoted(r#""\d""#), Err("invalid char escape"));
        assert_eq!(quoted(r#""\'""#), Err("invalid char escape"));
        assert_eq!(quoted("\"a\nb\""), Err("literal not terminated"));
        assert_eq!(quoted(r#""\ud800""#), Ok(("\u{fffd}".to_owned(), 8)));
        assert_eq!(quoted(r#""\U00110000""#), Err("invalid syntax"));
    }
}
