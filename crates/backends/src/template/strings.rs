//! Functions on texts. Those of sprig take the text last, those of Go's `strings` first.

use super::context::{Context, Fault};
use super::value::{Text, Value};
use crate::wire::quote::{chars, count_chars, first_char};

type Made = Result<Value, Fault>;

fn is_go_space(c: char) -> bool {
    c.is_whitespace()
}

/// Removes the characters of `cut` from the start; an invalid byte is not a character.
fn trimmed_start(text: &[u8], cut: impl Fn(Option<char>) -> bool) -> &[u8] {
    let skip: usize = chars(text)
        .take_while(|(c, _)| cut(*c))
        .map(|(_, raw)| raw.len())
        .sum();
    text.get(skip..).unwrap_or_default()
}

/// The same at the end.
fn trimmed_end(text: &[u8], cut: impl Fn(Option<char>) -> bool) -> &[u8] {
    let mut end = text.len();
    while end > 0 {
        // A character has at most four bytes, so it is among the last four.
        let last = (1..=4.min(end)).rev().find_map(|length| {
            let raw = text.get(end - length..end)?;
            first_char(raw).filter(|(_, found)| *found == length)
        });
        let (c, length) = last.map_or((None, 1), |(c, length)| (Some(c), length));
        if !cut(c) {
            break;
        }
        end -= length;
    }
    text.get(..end).unwrap_or_default()
}

/// `strings.TrimSpace`
pub(crate) fn trim_space(text: &[u8]) -> &[u8] {
    let space = |c: Option<char>| c.is_some_and(is_go_space);
    trimmed_end(trimmed_start(text, space), space)
}

/// Tests whether a cutset contains a character. Go reads an invalid byte as U+FFFD on both sides.
fn in_set(set: &[u8], c: Option<char>) -> bool {
    let read = |c: Option<char>| c.unwrap_or(char::REPLACEMENT_CHARACTER);
    chars(set).any(|(other, _)| read(other) == read(c))
}

pub(crate) fn trim_left<'t>(text: &'t [u8], set: &[u8]) -> &'t [u8] {
    trimmed_start(text, |c| in_set(set, c))
}

pub(crate) fn trim_right<'t>(text: &'t [u8], set: &[u8]) -> &'t [u8] {
    trimmed_end(text, |c| in_set(set, c))
}

/// Maps each character. An invalid byte becomes U+FFFD, except in a text of ASCII only.
fn mapped(text: &[u8], map: impl Fn(char) -> char) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (c, _) in chars(text) {
        let c = map(c.unwrap_or(char::REPLACEMENT_CHARACTER));
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out
}

/// The simple upper case mapping, which gives one character.
fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(upper), None) => upper,
        // Greek with a subscript iota: the capital is in the next column of its table.
        _ => match c {
            '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
                char::from_u32(u32::from(c) + 8).unwrap_or(c)
            }
            '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(u32::from(c) + 9).unwrap_or(c),
            _ => c,
        },
    }
}

fn lower(c: char) -> char {
    match c {
        // Its lower case in full has a combining dot.
        '\u{130}' => 'i',
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

/// The title case: differs from upper case only for digraphs and Georgian.
fn title_case(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10ff}' => c,
        c => upper(c),
    }
}

pub(crate) fn to_lower(text: &[u8]) -> Vec<u8> {
    mapped(text, lower)
}

pub(crate) fn to_upper(text: &[u8]) -> Vec<u8> {
    mapped(text, upper)
}

/// `strings.Title`: the first letter of each word.
pub(crate) fn title(text: &[u8]) -> Vec<u8> {
    let separates = |c: char| match c {
        '_' => false,
        c if c.is_ascii() => !c.is_ascii_alphanumeric(),
        c => !c.is_alphanumeric() && is_go_space(c),
    };
    let mut previous = ' ';
    let mut out = Vec::with_capacity(text.len());
    for (c, _) in chars(text) {
        let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
        let shown = if separates(previous) {
            title_case(c)
        } else {
            c
        };
        previous = c;
        out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    find(text, part).is_some()
}

/// The byte at which a part begins.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    match (std::str::from_utf8(text), std::str::from_utf8(part)) {
        (Ok(text), Ok(part)) => text.find(part),
        _ => text.windows(part.len()).position(|window| window == part),
    }
}

/// `strings.Replace`: the first `times`, all of them when it is negative.
pub(crate) fn replace(
    context: &mut Context<'_>,
    text: &[u8],
    from: &[u8],
    to: &[u8],
    times: i64,
) -> Made {
    let most = usize::try_from(times).unwrap_or(usize::MAX);
    let mut out = Vec::new();
    let mut rest = text;
    let mut done = 0;
    while done < most {
        // An empty text is found before each character and at the end.
        let (at, length) = if from.is_empty() {
            let skip = match chars(rest).next() {
                _ if done == 0 => 0,
                Some((_, raw)) => raw.len(),
                None => break,
            };
            (skip, 0)
        } else {
            match find(rest, from) {
                Some(at) => (at, from.len()),
                None => break,
            }
        };
        context.make(at + to.len())?;
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.extend_from_slice(to);
        rest = rest.get(at + length..).unwrap_or_default();
        done += 1;
    }
    context.make(rest.len())?;
    out.extend_from_slice(rest);
    Ok(Value::text(out))
}

/// sprig's `trunc`: bytes from the start, or from the end when the count is negative.
pub(crate) fn trunc(count: i64, text: &[u8]) -> &[u8] {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count >= 0 {
        return text.get(..wanted).unwrap_or(text);
    }
    let skip = text.len().saturating_sub(wanted);
    text.get(skip..).unwrap_or(text)
}

/// sprig's `substr`: bytes from `start` to `end`; an error where Go panics because they cross.
pub(crate) fn substr(start: i64, end: i64, text: &[u8]) -> Result<&[u8], String> {
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let out_of_range =
        |what: String| Err(format!("runtime error: slice bounds out of range {what}"));
    let (from, to) = if start < 0 {
        if end < 0 {
            return out_of_range(format!("[:{end}]"));
        }
        if end > length {
            return out_of_range(format!("[:{end}] with length {length}"));
        }
        (0, end)
    } else if end < 0 || end > length {
        if start > length {
            return out_of_range(format!("[{start}:{length}]"));
        }
        (start, length)
    } else {
        if start > end {
            return out_of_range(format!("[{start}:{end}]"));
        }
        (start, end)
    };
    let (from, to) = (usize::try_from(from), usize::try_from(to));
    match (from, to) {
        (Ok(from), Ok(to)) => Ok(text.get(from..to).unwrap_or_default()),
        _ => out_of_range(format!("[{start}:{end}]")),
    }
}

pub(crate) fn repeat(context: &mut Context<'_>, count: i64, text: &[u8]) -> Made {
    let Ok(count) = usize::try_from(count) else {
        let reason = "strings: negative Repeat count".to_owned();
        return Err(Fault::Function(reason));
    };
    context.make(text.len().saturating_mul(count))?;
    Ok(Value::text(text.repeat(count)))
}

/// Spaces before each line.
pub(crate) fn indent(context: &mut Context<'_>, spaces: i64, text: &[u8], line: &[u8]) -> Made {
    let Ok(spaces) = usize::try_from(spaces) else {
        let reason = "strings: negative Repeat count".to_owned();
        return Err(Fault::Function(reason));
    };
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    context.make(text.len() + line.len() + lines.saturating_mul(spaces))?;
    let mut out = line.to_vec();
    let start = out.len() + spaces;
    out.resize(start, b' ');
    for byte in text {
        out.push(*byte);
        if *byte == b'\n' {
            out.resize(out.len() + spaces, b' ');
        }
    }
    Ok(Value::text(out))
}

/// Cuts or pads a text to a number of characters.
pub(crate) fn align(context: &mut Context<'_>, count: i64, text: &Text, right: bool) -> Made {
    let length = count_chars(text);
    let Ok(count) = usize::try_from(count) else {
        return Ok(Value::Text(text.clone()));
    };
    if count == length {
        return Ok(Value::Text(text.clone()));
    }
    if count > length {
        let spaces = count - length;
        context.make(spaces.saturating_add(text.len()))?;
        let (mut out, rest) = match right {
            true => (vec![b' '; spaces], &**text),
            false => (text.to_vec(), &[][..]),
        };
        out.extend_from_slice(rest);
        out.resize(spaces + text.len(), b' ');
        return Ok(Value::text(out));
    }
    // Go converts to runes: an invalid byte becomes U+FFFD.
    let skip = if right { length - count } else { 0 };
    let kept: String = chars(text)
        .skip(skip)
        .take(count)
        .map(|(c, _)| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    context.text(kept)
}
