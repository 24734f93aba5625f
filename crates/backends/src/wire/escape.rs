//! Escapes of JSON strings.

/// The character that an escape of one letter stands for (`\n`); `None` for `\u` and what is no escape.
pub(crate) fn json_letter(letter: u8) -> Option<char> {
    Some(match letter {
        b'"' | b'\\' | b'/' => char::from(letter),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return None,
    })
}

/// The character of a surrogate pair; `None` if the halves are none.
pub(crate) fn surrogate_pair(high: u32, low: u32) -> Option<char> {
    match (high, low) {
        (0xd800..0xdc00, 0xdc00..0xe000) => {
            char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
        }
        _ => None,
    }
}
