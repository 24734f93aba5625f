//! Ids as lower-case hexadecimal digits. Each request writes some, and `core::fmt` takes several times as
//! long for one.

/// Writes two digits for each of `bytes`.
pub(super) fn write(out: &mut [u8], bytes: &[u8]) {
    for (digits, four) in out.chunks_mut(8).zip(bytes.chunks(4)) {
        let mut padded = [0; 4];
        padded[..four.len()].copy_from_slice(four);
        digits.copy_from_slice(&eight(padded)[..digits.len()]);
    }
}

/// The digits of four bytes, all at once.
fn eight(bytes: [u8; 4]) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let all = u64::from(u32::from_be_bytes(bytes));
    // Moves each half of a byte into a byte of its own.
    let pairs = (all | all << 16) & 0x0000_ffff_0000_ffff;
    let single = (pairs | pairs << 8) & 0x00ff_00ff_00ff_00ff;
    let halves = (single | single << 4) & (EACH * 0xf);
    // One in each byte whose half is 10 or more: adding 6 carries then.
    let letters = (halves + EACH * 6) >> 4 & EACH;
    let beyond_nine = u64::from(b'a' - b'0' - 10);
    (halves + EACH * u64::from(b'0') + letters * beyond_nine).to_be_bytes()
}

/// Appends two digits for each of `bytes`.
#[expect(clippy::expect_used, reason = "digits are text")]
pub(super) fn push(out: &mut String, bytes: &[u8]) {
    let mut digits = [0; 32];
    for part in bytes.chunks(digits.len() / 2) {
        let digits = &mut digits[..part.len() * 2];
        write(digits, part);
        out.push_str(std::str::from_utf8(digits).expect("digits"));
    }
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
        let all: Vec<u8> = (0..=255).collect();
        for bytes in [&all[..], &all[..17], &all[..1], &[]] {
            let mut text = String::new();
            push(&mut text, bytes);
            let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(text, expected);
        }
    }
}
