//! Go's quoted strings: `strconv.Quote`, `strconv.Unquote`, and Go's decoding of UTF-8, where an
//! invalid byte counts as one character.

/// Decodes the first character with its length in bytes; `None` if the bytes are not UTF-8.
pub(crate) fn first_char(bytes: &[u8]) -> Option<(char, usize)> {
    let most = bytes.get(..bytes.len().min(4))?;
    let valid = match std::str::from_utf8(most) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(most.get(..error.valid_up_to())?).ok()?,
    };
    let c = valid.chars().next()?;
    Some((c, c.len_utf8()))
}

/// The characters of a text with their bytes; an invalid byte has no character.
pub(crate) fn chars(bytes: &[u8]) -> impl Iterator<Item = (Option<char>, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (c, length) = match first_char(rest) {
            Some((c, length)) => (Some(c), length),
            None => (None, 1),
        };
        let (this, after) = rest.split_at(length);
        rest = after;
        Some((c, this))
    })
}

/// Number of characters of a text.
pub(crate) fn count_chars(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().count(),
        Err(_) => chars(bytes).count(),
    }
}

/// Replaces each invalid byte by U+FFFD, as Go's encoders do.
pub(crate) fn valid(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let replaced = |(c, _): (Option<char>, &[u8])| c.unwrap_or(char::REPLACEMENT_CHARACTER);
    chars(bytes).map(replaced).collect()
}

/// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the space. Rust's
/// `Debug` leaves the same characters unescaped.
pub(crate) fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // As the first character of a text a mark would be escaped.
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().count() == 2
}

/// `strconv.Quote`
pub(crate) fn quoted(bytes: &[u8]) -> String {
    quoted_with(bytes, '"', false)
}

/// `strconv.Quote` with another quote, or in ASCII.
pub(crate) fn quoted_with(bytes: &[u8], quote: char, ascii: bool) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push(quote);
    for (c, raw) in chars(bytes) {
        match c {
            None => raw
                .iter()
                .for_each(|byte| text.push_str(&format!("\\x{byte:02x}"))),
            Some(c) => push_escaped(&mut text, c, quote, ascii),
        }
    }
    text.push(quote);
    text
}

fn push_escaped(text: &mut String, c: char, quote: char, ascii: bool) {
    let code = u32::from(c);
    match c {
        c if c == quote || c == '\\' => {
            text.push('\\');
            text.push(c);
        }
        c if is_print(c) && (c.is_ascii() || !ascii) => text.push(c),
        '\x07' => text.push_str("\\a"),
        '\x08' => text.push_str("\\b"),
        '\x0c' => text.push_str("\\f"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        '\x0b' => text.push_str("\\v"),
        c if c.is_ascii() => text.push_str(&format!("\\x{code:02x}")),
        _ if code < 0x10000 => text.push_str(&format!("\\u{code:04x}")),
        _ => text.push_str(&format!("\\U{code:08x}")),
    }
}

/// Not a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadSyntax;

/// `strconv.Unquote` of a text in double or back quotes.
pub(crate) fn unquote(literal: &str) -> Result<Vec<u8>, BadSyntax> {
    let quote = literal.chars().next().ok_or(BadSyntax)?;
    let inner = literal
        .strip_prefix(quote)
        .and_then(|inner| inner.strip_suffix(quote))
        .ok_or(BadSyntax)?;
    if quote == '`' {
        return Ok(inner.bytes().filter(|byte| *byte != b'\r').collect());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (unit, after) = unquote_char(rest, quote)?;
        match unit {
            Unit::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Unit::Byte(byte) => bytes.push(byte),
        }
        rest = after;
    }
    Ok(bytes)
}

/// The meaning of one character or escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Char(char),
    /// Of `\x` and of octal escapes.
    Byte(u8),
}

/// `strconv.UnquoteChar`: the first character or escape, and what follows.
pub(crate) fn unquote_char(text: &str, quote: char) -> Result<(Unit, &str), BadSyntax> {
    let mut chars = text.chars();
    let c = chars.next().ok_or(BadSyntax)?;
    if c == quote || c == '\n' {
        return Err(BadSyntax);
    }
    if c != '\\' {
        return Ok((Unit::Char(c), chars.as_str()));
    }
    let escape = chars.next().ok_or(BadSyntax)?;
    let rest = chars.as_str();
    let number = |digits: usize, radix: u32, from: &'_ str| -> Result<u32, BadSyntax> {
        let digits = from.get(..digits).ok_or(BadSyntax)?;
        if !digits.chars().all(|c| c.is_digit(radix)) {
            return Err(BadSyntax);
        }
        u32::from_str_radix(digits, radix).map_err(|_| BadSyntax)
    };
    let after = |length: usize| rest.get(length..).ok_or(BadSyntax);
    let unit = match escape {
        'a' => Unit::Char('\x07'),
        'b' => Unit::Char('\x08'),
        'f' => Unit::Char('\x0c'),
        'n' => Unit::Char('\n'),
        'r' => Unit::Char('\r'),
        't' => Unit::Char('\t'),
        'v' => Unit::Char('\x0b'),
        '\\' => Unit::Char('\\'),
        '\'' | '"' if escape == quote => Unit::Char(escape),
        'x' => {
            let byte = u8::try_from(number(2, 16, rest)?).map_err(|_| BadSyntax)?;
            return Ok((Unit::Byte(byte), after(2)?));
        }
        'u' | 'U' => {
            let digits = if escape == 'u' { 4 } else { 8 };
            let c = char::from_u32(number(digits, 16, rest)?).ok_or(BadSyntax)?;
            return Ok((Unit::Char(c), after(digits)?));
        }
        '0'..='7' => {
            let from = text.get(1..).ok_or(BadSyntax)?;
            let byte = u8::try_from(number(3, 8, from)?).map_err(|_| BadSyntax)?;
            return Ok((Unit::Byte(byte), after(2)?));
        }
        _ => return Err(BadSyntax),
    };
    Ok((unit, rest))
}
