//! Character classes: brackets, `\d` and its like, `\p{Greek}`.

use super::error::{Error, Problem};
use super::escape::escape;
use super::names::{self, Spelling};

/// A set of characters.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) negated: bool,
    /// Letters stand for their other case too.
    pub(super) fold: bool,
    pub(super) items: Vec<Item>,
}

/// A part of a class.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item {
    /// Code points from the first to the last.
    Range(u32, u32),
    /// A fixed set of ASCII characters, or all others.
    Group(&'static [(u8, u8)], bool),
    /// A Unicode property by the name that the engine knows it by, or all other characters.
    Property(names::Property, bool),
}

const DIGIT: &[(u8, u8)] = &[(b'0', b'9')];
const PERL_SPACE: &[(u8, u8)] = &[(b'\t', b'\n'), (0x0c, b'\r'), (b' ', b' ')];
const WORD: &[(u8, u8)] = &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')];

/// The classes of POSIX, ASCII alone.
fn posix(name: &str) -> Option<&'static [(u8, u8)]> {
    Some(match name {
        "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        "alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        "ascii" => &[(0, 0x7f)],
        "blank" => &[(b'\t', b'\t'), (b' ', b' ')],
        "cntrl" => &[(0, 0x1f), (0x7f, 0x7f)],
        "digit" => DIGIT,
        "graph" => &[(b'!', b'~')],
        "lower" => &[(b'a', b'z')],
        "print" => &[(b' ', b'~')],
        "punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        "space" => &[(b'\t', b'\r'), (b' ', b' ')],
        "upper" => &[(b'A', b'Z')],
        "word" => WORD,
        "xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return None,
    })
}

/// A class written as an escape: `\d`, `\pL`, `\P{^Han}`. `None` when the escape is no class.
pub(super) fn escaped(
    text: &str,
    fold: bool,
    spelling: Spelling,
) -> Result<Option<(Class, &str)>, Error> {
    let of = |item| Class {
        negated: false,
        fold,
        items: vec![item],
    };
    if let Some((item, rest)) = property(text, spelling)? {
        return Ok(Some((of(item), rest)));
    }
    Ok(perl(text).map(|(item, rest)| (of(item), rest)))
}

fn perl(text: &str) -> Option<(Item, &str)> {
    let (set, negated) = match text.get(..2)? {
        r"\d" => (DIGIT, false),
        r"\D" => (DIGIT, true),
        r"\s" => (PERL_SPACE, false),
        r"\S" => (PERL_SPACE, true),
        r"\w" => (WORD, false),
        r"\W" => (WORD, true),
        _ => return None,
    };
    Some((Item::Group(set, negated), &text[2..]))
}

fn property(text: &str, spelling: Spelling) -> Result<Option<(Item, &str)>, Error> {
    let mut negated = match text.get(..2) {
        Some(r"\p") => false,
        Some(r"\P") => true,
        _ => return Ok(None),
    };
    let behind = &text[2..];
    let (name, seq) = match behind.chars().next() {
        Some('{') => {
            let Some(end) = text.find('}') else {
                return Err(Error::new(Problem::CharRange, text));
            };
            (&text[3..end], &text[..=end])
        }
        Some(one) => {
            let end = 2 + one.len_utf8();
            (&text[2..end], &text[..end])
        }
        None => ("", text),
    };
    let name = match name.strip_prefix('^') {
        Some(name) => {
            negated = !negated;
            name
        }
        None => name,
    };
    let Some(property) = names::property(name, spelling) else {
        return Err(Error::new(Problem::CharRange, seq));
    };
    Ok(Some((
        Item::Property(property, negated),
        &text[seq.len()..],
    )))
}

/// A class in brackets, at the start of the text.
pub(super) fn brackets(text: &str, fold: bool, spelling: Spelling) -> Result<(Class, &str), Error> {
    let mut class = Class {
        negated: false,
        fold,
        items: Vec::new(),
    };
    let mut rest = &text[1..];
    if let Some(behind) = rest.strip_prefix('^') {
        class.negated = true;
        rest = behind;
    }
    // A `]` at the start is a member, not the end.
    let mut first = true;
    loop {
        if !first && let Some(behind) = rest.strip_prefix(']') {
            return Ok((class, behind));
        }
        first = false;
        if let Some((item, behind)) = named(rest)? {
            class.items.push(item);
            rest = behind;
        } else if let Some((item, behind)) = property(rest, spelling)? {
            class.items.push(item);
            rest = behind;
        } else if let Some((item, behind)) = perl(rest) {
            class.items.push(item);
            rest = behind;
        } else {
            let (range, behind) = range(rest, text)?;
            class.items.push(range);
            rest = behind;
        }
    }
}

/// `[:alpha:]` or `[:^alpha:]` inside of brackets.
fn named(text: &str) -> Result<Option<(Item, &str)>, Error> {
    let Some(end) = text.strip_prefix("[:").and_then(|inner| inner.find(":]")) else {
        return Ok(None);
    };
    let (name, rest) = (&text[2..end + 2], &text[end + 4..]);
    let (plain, negated) = match name.strip_prefix('^') {
        Some(plain) => (plain, true),
        None => (name, false),
    };
    match posix(plain) {
        Some(set) => Ok(Some((Item::Group(set, negated), rest))),
        None => Err(Error::new(Problem::CharRange, &text[..end + 4])),
    }
}

/// One character, or a range of them.
fn range<'a>(text: &'a str, whole: &str) -> Result<(Item, &'a str), Error> {
    let (low, rest) = member(text, whole)?;
    // In `[a-]` the dash is a member of its own.
    let upper = rest
        .strip_prefix('-')
        .filter(|upper| !upper.is_empty() && !upper.starts_with(']'));
    let Some(upper) = upper else {
        return Ok((Item::Range(low, low), rest));
    };
    let (high, rest) = member(upper, whole)?;
    if high < low {
        let read = text.len() - rest.len();
        return Err(Error::new(Problem::CharRange, &text[..read]));
    }
    Ok((Item::Range(low, high), rest))
}

fn member<'a>(text: &'a str, whole: &str) -> Result<(u32, &'a str), Error> {
    match text.chars().next() {
        None => Err(Error::new(Problem::MissingBracket, whole)),
        Some('\\') => escape(text),
        Some(one) => Ok((one as u32, &text[one.len_utf8()..])),
    }
}
