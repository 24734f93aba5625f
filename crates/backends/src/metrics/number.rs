//! Numbers in the forms of Go, in which Prometheus writes them.

/// A number as Go's `%g` writes it, with so many significant digits, or as many as it takes.
pub(crate) fn general(value: f64, digits: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = match digits {
        Some(digits) => format!("{value:.*e}", digits.saturating_sub(1)),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = if mantissa.contains('.') {
        mantissa.trim_end_matches('0').trim_end_matches('.')
    } else {
        mantissa
    };
    let most = digits.map_or(6, |digits| i32::try_from(digits).unwrap_or(i32::MAX));
    if exponent < -4 || exponent >= most {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let rounded: f64 = format!("{mantissa}e{exponent}").parse().unwrap_or(value);
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn numbers_are_written_as_by_go() {
        for (value, text) in [
            (-0.5, "-0.5"),
            (2.0, "2"),
            (0.00001, "1e-05"),
            (1500000.0, "1.5e+06"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(general(value, None), text);
        }
        for (value, text) in [
            (0.1234, "0.12"),
            (5.0, "5"),
            (123.0, "1.2e+02"),
            (0.00012, "0.00012"),
        ] {
            assert_eq!(general(value, Some(2)), text);
        }
    }
}
