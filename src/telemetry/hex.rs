//! Ids as lower-case hexadecimal digits. Each request writes some, and `core::fmt` takes several times as
//! long for one.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes two digits for each of `bytes`.
pub(super) fn write(out: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

/// Appends two digits for each of `bytes`.
pub(super) fn push(out: &mut String, bytes: &[u8]) {
    out.extend(bytes.iter().flat_map(|byte| {
        [byte >> 4, byte & 0xf].map(|half| char::from(DIGITS[usize::from(half)]))
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_two_digits() {
        let mut text = "x".to_owned();
        push(&mut text, &[0x00, 0x0f, 0xa0, 0xff]);
        assert_eq!(text, "x000fa0ff");
        let mut digits = *b"--------";
        write(&mut digits, &[0x00, 0x0f, 0xa0, 0xff]);
        assert_eq!(&digits, b"000fa0ff");
    }
}
