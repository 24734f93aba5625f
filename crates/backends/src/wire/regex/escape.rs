//! Escapes that stand for one character.

use super::error::{Error, Problem};

/// Reads `\…` at the start of a text, outside or inside of brackets, and gives the code point, which may be
/// half of a surrogate pair.
pub(super) fn escape(text: &str) -> Result<(u32, &str), Error> {
    let mut rest = text[1..].chars();
    let Some(first) = rest.next() else {
        return Err(Error::new(Problem::TrailingBackslash, ""));
    };
    let octal = |rest: &str| rest.starts_with(|one: char| ('0'..='7').contains(&one));
    let code = match first {
        // One digit that is not zero is a back reference in other engines.
        '0'..='7' if first == '0' || octal(rest.as_str()) => {
            let mut code = first as u32 - '0' as u32;
            for _ in 1..3 {
                if octal(rest.as_str())
                    && let Some(digit) = rest.next()
                {
                    code = code * 8 + (digit as u32 - '0' as u32);
                }
            }
            Some(code)
        }
        'x' => hexadecimal(&mut rest),
        'a' => Some(0x07),
        'f' => Some(0x0c),
        'n' => Some(0x0a),
        'r' => Some(0x0d),
        't' => Some(0x09),
        'v' => Some(0x0b),
        other if other.is_ascii() && !other.is_ascii_alphanumeric() => Some(other as u32),
        _ => None,
    };
    match code {
        Some(code) => Ok((code, rest.as_str())),
        None => {
            let read = text.len() - rest.as_str().len();
            Err(Error::new(Problem::Escape, &text[..read]))
        }
    }
}

/// `xFF` or `x{10FFFF}`, behind the `x`.
fn hexadecimal(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    let first = rest.next()?;
    if first != '{' {
        let second = rest.next();
        return Some(first.to_digit(16)? * 16 + second?.to_digit(16)?);
    }
    let (mut code, mut digits) = (0_u32, 0);
    loop {
        match rest.next()? {
            '}' => return (digits > 0).then_some(code),
            digit => {
                code = code * 16 + digit.to_digit(16)?;
                if code > char::MAX as u32 {
                    return None;
                }
                digits += 1;
            }
        }
    }
}
