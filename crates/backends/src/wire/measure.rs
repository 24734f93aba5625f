//! Estimates the memory of a decoded body before it is decoded: two bytes on the wire can become a
//! message of a hundred bytes.

/// The decoded body would exceed its memory limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its elements would take more than {0} bytes of memory; send fewer at a time")]
pub struct TooMuch(pub usize);

/// The fields of a protobuf message that take memory, by field number.
#[derive(Debug)]
pub struct Shape(pub &'static [(u32, Field)]);

/// The content of a field.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// A string or bytes.
    Bytes,
    /// An element of a list of strings.
    Text,
    /// Messages of a shape, and the memory of one message without its content.
    Messages(&'static Shape, usize),
    /// Packed numbers, and the memory of one number.
    Packed(usize),
}

/// Deepest nesting of messages that is measured. It is that of the decoder, which fails below.
const DEEPEST: usize = 100;

/// Memory of a number in a list that grows.
const UNPACKED: usize = 2 * size_of::<u64>();

/// Memory of an allocation besides its content.
const ALLOCATION: usize = 16;

/// Memory of a string's content. An empty one has none.
pub(crate) fn text(length: usize) -> usize {
    match length {
        0 => 0,
        length => length.max(8) + ALLOCATION,
    }
}

/// Measures a protobuf message. Measuring ends at malformed bytes; decoding will then report them.
///
/// # Errors
/// [`TooMuch`]: the sum exceeds `most`.
pub fn protobuf(message: &[u8], shape: &'static Shape, most: usize) -> Result<usize, TooMuch> {
    let mut sum = 0;
    let mut open: Vec<(&'static Shape, &[u8])> = vec![(shape, message)];
    while let Some((shape, rest)) = open.last_mut() {
        let shape: &'static Shape = shape;
        if rest.is_empty() {
            open.pop();
            continue;
        }
        let Some((number, content)) = field(rest) else {
            break;
        };
        let known = shape.0.iter().find(|(own, _)| *own == number);
        let known = known.map(|(_, field)| *field);
        let Some(content) = content else {
            // A list of numbers may be written one by one.
            if let Some(Field::Packed(size)) = known {
                sum += size.max(UNPACKED);
            }
            if sum > most {
                return Err(TooMuch(most));
            }
            continue;
        };
        match known {
            Some(Field::Bytes) => sum += text(content.len()),
            Some(Field::Text) => sum += 2 * size_of::<String>() + text(content.len()),
            // Each number takes at least one byte on the wire.
            Some(Field::Packed(size)) => sum += content.len() * size,
            Some(Field::Messages(inner, size)) => {
                sum += size;
                if open.len() < DEEPEST {
                    open.push((inner, content));
                }
            }
            None => {}
        }
        if sum > most {
            return Err(TooMuch(most));
        }
    }
    Ok(sum)
}

/// Reads a field: its number, and its content if it is length-delimited.
fn field<'b>(rest: &mut &'b [u8]) -> Option<(u32, Option<&'b [u8]>)> {
    let key = varint(rest)?;
    let number = u32::try_from(key >> 3).ok()?;
    let length = match key & 7 {
        0 => {
            varint(rest)?;
            return Some((number, None));
        }
        1 => 8,
        2 => usize::try_from(varint(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some((number, (key & 7 == 2).then_some(content)))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Deepest nesting that `serde_json` follows.
const DEEPEST_JSON: usize = 128;

/// Memory of the elements of a JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Json {
    /// An array without its elements.
    pub array: usize,
    /// An object without its members.
    pub object: usize,
    /// A string without its bytes.
    pub text: usize,
}

/// Measures a JSON text, as an upper bound: its bytes, arrays, objects and strings. Measuring ends
/// where the text is nested deeper than the decoder follows.
///
/// # Errors
/// [`TooMuch`]: the sum exceeds `most`.
pub fn json(text: &[u8], sizes: Json, most: usize) -> Result<usize, TooMuch> {
    let mut sum = text.len();
    let mut depth = 0usize;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' if depth >= DEEPEST_JSON => break,
            b'[' => {
                depth += 1;
                sum += sizes.array;
            }
            b'{' => {
                depth += 1;
                sum += sizes.object;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                sum += sizes.text;
                // Skip to the end of the string.
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => {
                            bytes.next();
                        }
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if sum > most {
        Err(TooMuch(most))
    } else {
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static INNER: Shape = Shape(&[(1, Field::Bytes), (2, Field::Text), (3, Field::Packed(8))]);
    static OUTER: Shape = Shape(&[(1, Field::Messages(&INNER, 100))]);

    #[test]
    fn empty_messages_count_as_what_they_become() {
        // Field 1 with length 0, repeated.
        let empty = [0x0a, 0].repeat(1000);
        assert_eq!(protobuf(&empty, &OUTER, 100_000), Ok(100_000));
        assert_eq!(protobuf(&empty, &OUTER, 99_999), Err(TooMuch(99_999)));
        // A message with a string of three bytes, two packed numbers, and an unknown field.
        let one = [
            0x0a, 14, 0x0a, 3, 1, 2, 3, 0x1a, 2, 1, 1, 0x10, 0x81, 1, 0x52, 0,
        ];
        assert_eq!(protobuf(&one, &OUTER, 1000), Ok(100 + 8 + ALLOCATION + 16));
    }

    #[test]
    fn strings_count_with_their_allocation() {
        // An empty string, and two elements of a list of strings.
        let texts = [0x0a, 8, 0x0a, 0, 0x12, 0, 0x12, 2, 65, 65];
        let list = 2 * 2 * size_of::<String>();
        assert_eq!(
            protobuf(&texts, &OUTER, 1000),
            Ok(100 + list + 8 + ALLOCATION)
        );
        assert_eq!(text(1000), 1000 + ALLOCATION);
    }

    #[test]
    fn bytes_that_are_no_message_end_the_count() {
        for broken in [&[0x0a][..], &[0x0a, 5, 1], &[0xff; 20], &[0x0b, 0x0a, 0]] {
            assert_eq!(protobuf(broken, &OUTER, 1000), Ok(0), "{broken:?}");
        }
        // Nested messages are followed to a bounded depth.
        static DEEP: Shape = Shape(&[(1, Field::Messages(&DEEP, 1))]);
        let mut nested = Vec::new();
        for _ in 0..2 * DEEPEST {
            // Lengths as two bytes, also where one would do.
            let (low, high) = (nested.len() % 128, nested.len() / 128);
            let [low, high] = [low | 128, high].map(|byte| u8::try_from(byte).expect("a byte"));
            nested.splice(0..0, [0x0a, low, high]);
        }
        assert_eq!(protobuf(&nested, &DEEP, 1000), Ok(DEEPEST));
    }

    #[test]
    fn brackets_in_json_texts_are_text() {
        let sizes = Json {
            array: 1000,
            object: 100,
            text: 10,
        };
        let count = |text: &str| json(text.as_bytes(), sizes, 10_000);
        assert_eq!(count("[[],{}]"), Ok(2107));
        assert_eq!(count(r#"["[\"[{", "\\"]"#), Ok(1000 + 20 + 15));
        assert_eq!(count(&"[".repeat(10)), Err(TooMuch(10_000)));
        assert_eq!(count("\"open"), Ok(15));
        let small = Json { array: 1, ..sizes };
        let deep = "[".repeat(9000);
        assert_eq!(
            json(deep.as_bytes(), small, 10_000),
            Ok(9000 + DEEPEST_JSON)
        );
    }
}
