//! Escaping for HTML, JavaScript and URLs, as in Go's templates.

use crate::wire::quote::{chars, is_print};

/// `html`
pub(crate) fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        let escaped: &[u8] = match byte {
            0 => "\u{fffd}".as_bytes(),
            b'"' => b"&#34;",
            b'\'' => b"&#39;",
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            _ => std::slice::from_ref(byte),
        };
        out.extend_from_slice(escaped);
    }
    out
}

/// `js`
pub(crate) fn js(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (c, raw) in chars(text) {
        let escaped = match c {
            Some('\\') => "\\\\".to_owned(),
            Some('\'') => "\\'".to_owned(),
            Some('"') => "\\\"".to_owned(),
            Some('<') => "\\u003C".to_owned(),
            Some('>') => "\\u003E".to_owned(),
            Some('&') => "\\u0026".to_owned(),
            Some('=') => "\\u003D".to_owned(),
            Some(c) if c < ' ' => format!("\\u00{:02X}", u32::from(c)),
            Some(c) if c.is_ascii() || is_print(c) => {
                out.extend_from_slice(raw);
                continue;
            }
            Some(c) => format!("\\u{:04X}", u32::from(c)),
            // Go writes an invalid byte unchanged.
            None => {
                out.extend_from_slice(raw);
                continue;
            }
        };
        out.extend_from_slice(escaped.as_bytes());
    }
    out
}

/// `url.QueryEscape`
pub(crate) fn query_escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' => out.push(b'+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

/// `url.QueryUnescape`
pub(crate) fn query_unescape(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = after.get(..2).unwrap_or(after);
                let hex = |byte: &u8| char::from(*byte).to_digit(16);
                let number = match digits {
                    [high, low] => hex(high).zip(hex(low)).map(|(high, low)| high * 16 + low),
                    _ => None,
                };
                let Some(number) = number.and_then(|number| u8::try_from(number).ok()) else {
                    let bad = [b"%", digits].concat();
                    return Err(format!(
                        "invalid URL escape {}",
                        crate::wire::quote::quoted(&bad)
                    ));
                };
                out.push(number);
                rest = after.get(2..).unwrap_or_default();
            }
            byte => out.push(*byte),
        }
    }
    Ok(out)
}
