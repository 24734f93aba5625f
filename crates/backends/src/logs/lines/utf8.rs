//! Bytes that are not UTF-8. Loki keeps them and shows each as U+FFFD; this store holds `str`, so
//! they are replaced at ingest.

use std::borrow::Cow;

/// Decodes bytes with one U+FFFD for each invalid byte, as Go does. (The standard library replaces
/// whole sequences.)
#[must_use]
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let mut chunks = bytes.utf8_chunks();
    let Some(first) = chunks.next() else {
        return Cow::Borrowed("");
    };
    if first.invalid().is_empty() {
        return Cow::Borrowed(first.valid());
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in std::iter::once(first).chain(chunks) {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

/// As [`text`], without a copy when the bytes are UTF-8.
#[must_use]
pub(crate) fn string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| text(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stray_byte_becomes_one_replacement_character() {
        assert_eq!(text(b"caf\xe9"), "caf\u{fffd}");
        assert_eq!(text(b"\xe2\x82x"), "\u{fffd}\u{fffd}x");
        assert_eq!(string("café".into()), "café");
        assert_eq!(text(b""), "");
    }
}
