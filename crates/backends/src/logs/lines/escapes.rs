//! Backslash escapes in strings of JSON and logfmt.

/// Replaces each escape by the character that `one` makes of its letter and of the rest of the text,
/// of which `one` takes what belongs to the escape. `None` if `one` refuses an escape.
pub(super) fn resolve(raw: &str, one: impl Fn(u8, &mut &str) -> Option<char>) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(rest.get(..at)?);
        let letter = *rest.as_bytes().get(at + 1)?;
        rest = rest.get(at + 2..)?;
        text.push(one(letter, &mut rest)?);
    }
    text.push_str(rest);
    Some(text)
}

/// The number that four hexadecimal digits at the start of a text make.
pub(super) fn hex(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all_hex.then(|| u32::from_str_radix(digits, 16).ok())?
}
