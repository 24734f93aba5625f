//! Floats as Go's `strconv.FormatFloat` writes them.

/// More decimal places than any float has. Further digits are zeros, which are appended because the
/// standard library's precision is limited.
const MOST_DIGITS: usize = 1100;

/// A float without its sign in the form of a verb: `e`, `E`, `f`, `g`, `G`, `x`, `X` or `b`. Without
/// a precision as few digits as tell it from its neighbours. `Inf` and `NaN` are words.
pub(super) fn format(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let value = value.abs();
    if value.is_infinite() {
        return "Inf".to_owned();
    }
    match verb {
        'e' | 'E' => exponent_form(value, verb, precision),
        'f' => match precision {
            Some(precision) => {
                let shown = precision.min(MOST_DIGITS);
                format!("{value:.shown$}{}", "0".repeat(precision - shown))
            }
            None => format!("{value}"),
        },
        'x' | 'X' => hex_form(value, verb, precision),
        'b' => binary_form(value),
        _ => general_form(value, verb, precision),
    }
}

/// Rust writes `1.5e3` where Go writes `1.5e+03`.
fn exponent_form(value: f64, letter: char, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{value:.*e}", precision.min(MOST_DIGITS)),
        None => format!("{value:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let zeros = "0".repeat(precision.unwrap_or(0).saturating_sub(MOST_DIGITS));
    with_exponent(
        &format!("{digits}{zeros}"),
        letter,
        exponent.parse().unwrap_or(0),
    )
}

fn with_exponent(digits: &str, letter: char, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}{letter}{sign}{:02}", exponent.unsigned_abs())
}

fn general_form(value: f64, verb: char, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{value:.*e}", precision.clamp(1, MOST_DIGITS) - 1),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    // Zeros at the end are not shown.
    while digits.len() > 1 && digits.ends_with('0') {
        digits.pop();
    }
    let count = digits.len() as i32;
    let point = exponent + 1;
    let mut most = precision.map_or(6, |precision| precision.max(1) as i32);
    if precision.is_some() && most > count && count >= point {
        most = count;
    }
    let letter = if verb == 'G' { 'E' } else { 'e' };
    if exponent < -4 || exponent >= most {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() {
            String::new()
        } else {
            format!(".{rest}")
        };
        return with_exponent(&format!("{first}{rest}"), letter, exponent);
    }
    if point <= 0 {
        if digits == "0" {
            return digits;
        }
        return format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
    }
    let point = point as usize;
    if digits.len() <= point {
        return format!("{digits}{}", "0".repeat(point - digits.len()));
    }
    let (whole, fraction) = digits.split_at(point);
    format!("{whole}.{fraction}")
}

/// Mantissa and exponent of a float: `mantissa * 2^exponent`.
fn split(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let mantissa = bits & ((1 << 52) - 1);
    match exponent {
        0 => (mantissa, -1074),
        _ => (mantissa | 1 << 52, exponent - 1075),
    }
}

fn binary_form(value: f64) -> String {
    let (mantissa, exponent) = split(value);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}p{sign}{}", exponent.unsigned_abs())
}

fn hex_form(value: f64, verb: char, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = split(value);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // One bit before the point, sixty after it.
        let shift = mantissa.leading_zeros() as i32 - 3;
        mantissa <<= shift;
        exponent += 60 - shift;
    }
    if let Some(precision) = precision.filter(|precision| *precision < 15) {
        let shift = precision * 4;
        let extra = mantissa << shift & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & 1 << 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    match precision {
        None => fraction.truncate(fraction.trim_end_matches('0').len()),
        Some(precision) => {
            fraction.truncate(precision);
            fraction.extend(std::iter::repeat_n('0', precision.saturating_sub(15)));
        }
    }
    let point = if fraction.is_empty() { "" } else { "." };
    let first = mantissa >> 60 & 1;
    let text = with_exponent(&format!("0x{first}{point}{fraction}"), 'p', exponent);
    if verb == 'X' {
        return text.to_uppercase();
    }
    text
}
