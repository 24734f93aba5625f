//! The grammar of Go's `regexp/syntax` with its Perl flags: a loop over the pattern with a stack of open groups.

use super::Flags;
use super::class;
use super::error::{Error, Problem};
use super::escape::escape;
use super::names::Spelling;
use super::node::{Kind, MAX_HEIGHT, Node, Place, Repeat};

/// Largest number in `{n,m}`, and of copies that repetitions in each other may make.
const MAX_REPEAT: u32 = 1000;

/// A pattern, and the name of each group that captures (`None` when it has none).
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) root: Node,
    pub(super) names: Vec<Option<String>>,
}

/// An open group: what stands before the last `|`, and what follows it.
struct Open {
    branches: Vec<Node>,
    items: Vec<Node>,
    /// The flags outside, which come back with the closing parenthesis.
    outside: Flags,
    /// The number of the group among those that capture.
    captures: Option<usize>,
}

struct Parser<'a> {
    whole: &'a str,
    spelling: Spelling,
    flags: Flags,
    /// The innermost open group is last; the first is the whole pattern.
    open: Vec<Open>,
    names: Vec<Option<String>>,
}

/// Parses a pattern.
pub(super) fn parse(pattern: &str, flags: Flags, spelling: Spelling) -> Result<Parsed, Error> {
    let mut parser = Parser {
        whole: pattern,
        spelling,
        flags,
        open: vec![Open::new(flags, None)],
        names: Vec::new(),
    };
    parser.run()?;
    let Some(last) = parser.open.pop().filter(|_| parser.open.is_empty()) else {
        return Err(Error::new(Problem::MissingParen, pattern));
    };
    let root = parser.checked(last.close())?;
    Ok(Parsed {
        root,
        names: parser.names,
    })
}

impl Open {
    fn new(outside: Flags, captures: Option<usize>) -> Self {
        Self {
            branches: Vec::new(),
            items: Vec::new(),
            outside,
            captures,
        }
    }

    fn end_branch(&mut self) {
        let mut items = std::mem::take(&mut self.items);
        self.branches.push(match (items.len(), items.pop()) {
            (1, Some(only)) => only,
            (_, Some(last)) => {
                items.push(last);
                Node::new(Kind::Concat(items))
            }
            (_, None) => Node::new(Kind::Empty),
        });
    }

    fn close(mut self) -> Node {
        self.end_branch();
        match (self.branches.len(), self.branches.pop()) {
            (1, Some(only)) => only,
            (_, Some(last)) => {
                self.branches.push(last);
                Node::new(Kind::Alternate(self.branches))
            }
            (_, None) => Node::new(Kind::Empty),
        }
    }
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<(), Error> {
        let mut rest = self.whole;
        // The repetition operator right before `rest`, from where it starts: two in a row are an error.
        let mut last_repeat: Option<&str> = None;
        while let Some(first) = rest.chars().next() {
            let mut repeat = None;
            rest = match first {
                '(' if rest.starts_with("(?") => self.perl_group(rest)?,
                '(' => {
                    self.open_group(None);
                    &rest[1..]
                }
                '|' => {
                    if let Some(open) = self.open.last_mut() {
                        open.end_branch();
                    }
                    &rest[1..]
                }
                ')' => {
                    self.close_group()?;
                    &rest[1..]
                }
                '^' | '$' => {
                    let place = self.anchor(first == '^');
                    self.push(Kind::Place(place))?;
                    &rest[1..]
                }
                '.' => {
                    self.push(Kind::Any(self.flags.dot_all))?;
                    &rest[1..]
                }
                '[' => {
                    let (class, after) = class::brackets(rest, self.flags.fold, self.spelling)?;
                    self.push(Kind::Class(class))?;
                    after
                }
                '*' | '+' | '?' => {
                    repeat = Some(rest);
                    self.repeat(Count::of(first), rest, &rest[1..], last_repeat)?
                }
                '{' => match counts(rest) {
                    // A brace that begins no repetition is a literal.
                    None => {
                        self.literal('{')?;
                        &rest[1..]
                    }
                    Some((bounds, after)) => {
                        let wrong =
                            || Error::new(Problem::RepeatSize, &rest[..rest.len() - after.len()]);
                        let (min, max) = bounds.ok_or_else(wrong)?;
                        let count = Count {
                            min,
                            max,
                            counted: true,
                        };
                        repeat = Some(rest);
                        self.repeat(count, rest, after, last_repeat)?
                    }
                },
                '\\' => self.backslash(rest)?,
                other => {
                    self.literal(other)?;
                    &rest[other.len_utf8()..]
                }
            };
            last_repeat = repeat;
        }
        Ok(())
    }

    fn anchor(&self, start: bool) -> Place {
        match (start, self.flags.multi_line) {
            (true, true) => Place::LineStart,
            (true, false) => Place::TextStart,
            (false, true) => Place::LineEnd,
            (false, false) => Place::TextEnd,
        }
    }

    fn checked(&self, node: Node) -> Result<Node, Error> {
        if node.height > MAX_HEIGHT {
            return Err(Error::new(Problem::NestingDepth, self.whole));
        }
        Ok(node)
    }

    fn push(&mut self, kind: Kind) -> Result<(), Error> {
        let node = self.checked(Node::new(kind))?;
        if let Some(open) = self.open.last_mut() {
            open.items.push(node);
        }
        Ok(())
    }

    fn literal(&mut self, one: char) -> Result<(), Error> {
        self.push(Kind::Literal(one, self.flags.fold))
    }

    fn code_point(&mut self, code: u32) -> Result<(), Error> {
        match char::from_u32(code) {
            Some(one) => self.literal(one),
            None => self.push(Kind::Nothing),
        }
    }

    fn open_group(&mut self, name: Option<String>) {
        self.open
            .push(Open::new(self.flags, Some(self.names.len())));
        self.names.push(name);
    }

    fn close_group(&mut self) -> Result<(), Error> {
        if self.open.len() < 2 {
            return Err(Error::new(Problem::UnexpectedParen, self.whole));
        }
        let Some(group) = self.open.pop() else {
            return Err(Error::new(Problem::UnexpectedParen, self.whole));
        };
        self.flags = group.outside;
        let captures = group.captures;
        let inner = self.checked(group.close())?;
        if let Some(number) = captures {
            let name = self.engine_name(number);
            return self.push(Kind::Capture(Box::new(inner), name));
        }
        if let Some(open) = self.open.last_mut() {
            open.items.push(inner);
        }
        Ok(())
    }

    /// The name that the engine is given: it takes a name once, and none that starts with a digit.
    fn engine_name(&self, number: usize) -> Option<String> {
        let name = self.names[number].as_ref()?;
        let before = &self.names[..number];
        let taken = before.iter().any(|other| other.as_ref() == Some(name));
        (!taken && !name.starts_with(|one: char| one.is_ascii_digit())).then(|| name.clone())
    }

    /// Applies a repetition operator to what stands before it. `text` starts at the operator, `after` behind it.
    fn repeat<'t>(
        &mut self,
        count: Count,
        text: &'t str,
        mut after: &'t str,
        last_repeat: Option<&str>,
    ) -> Result<&'t str, Error> {
        let mut lazy = self.flags.lazy;
        if let Some(rest) = after.strip_prefix('?') {
            after = rest;
            lazy = !lazy;
        }
        if let Some(last) = last_repeat {
            let both = &last[..last.len() - after.len()];
            return Err(Error::new(Problem::RepeatOp, both));
        }
        let operator = &text[..text.len() - after.len()];
        let Some(of) = self.open.last_mut().and_then(|open| open.items.pop()) else {
            return Err(Error::new(Problem::MissingRepeatArgument, operator));
        };
        let node = Node::new(Kind::Repeat(Repeat {
            of: Box::new(of),
            min: count.min,
            max: count.max,
            lazy,
            counted: count.counted,
        }));
        let many = count.min >= 2 || count.max.is_some_and(|max| max >= 2);
        if count.counted && many && !node.repeats_at_most(MAX_REPEAT) {
            return Err(Error::new(Problem::RepeatSize, operator));
        }
        let node = self.checked(node)?;
        if let Some(open) = self.open.last_mut() {
            open.items.push(node);
        }
        Ok(after)
    }

    fn backslash(&mut self, text: &'a str) -> Result<&'a str, Error> {
        let place = match text.as_bytes().get(1) {
            Some(b'A') => Some(Place::TextStart),
            Some(b'z') => Some(Place::TextEnd),
            Some(b'b') => Some(Place::WordEdge),
            Some(b'B') => Some(Place::NoWordEdge),
            _ => None,
        };
        if let Some(place) = place {
            self.push(Kind::Place(place))?;
            return Ok(&text[2..]);
        }
        if text.starts_with(r"\C") {
            return Err(Error::new(Problem::Escape, &text[..2]));
        }
        if let Some(quoted) = text.strip_prefix(r"\Q") {
            let (literal, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
            for one in literal.chars() {
                self.literal(one)?;
            }
            return Ok(rest);
        }
        if let Some((class, rest)) = class::escaped(text, self.flags.fold, self.spelling)? {
            self.push(Kind::Class(class))?;
            return Ok(rest);
        }
        let (code, rest) = escape(text)?;
        self.code_point(code)?;
        Ok(rest)
    }

    /// Reads `(?…`: a named group, a non-capturing group, or flags.
    fn perl_group(&mut self, text: &'a str) -> Result<&'a str, Error> {
        let named = if text.len() > 4 && text.starts_with("(?P<") {
            Some(4)
        } else if text.len() > 3 && text.starts_with("(?<") {
            Some(3)
        } else {
            None
        };
        if let Some(start) = named {
            let Some(end) = text.find('>') else {
                return Err(Error::new(Problem::NamedCapture, text));
            };
            let name = &text[start..end];
            let valid = |one: char| one == '_' || one.is_ascii_alphanumeric();
            if name.is_empty() || !name.chars().all(valid) {
                return Err(Error::new(Problem::NamedCapture, &text[..=end]));
            }
            self.open_group(Some(name.to_owned()));
            return Ok(&text[end + 1..]);
        }
        let (mut flags, mut on, mut seen) = (self.flags, true, false);
        let mut rest = text[2..].chars();
        while let Some(one) = rest.next() {
            match one {
                'i' => flags.fold = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_all = on,
                'U' => flags.lazy = on,
                '-' if on => {
                    (on, seen) = (false, false);
                    continue;
                }
                ':' | ')' if on || seen => {
                    if one == ':' {
                        self.open.push(Open::new(self.flags, None));
                    }
                    self.flags = flags;
                    return Ok(rest.as_str());
                }
                _ => break,
            }
            seen = true;
        }
        let read = text.len() - rest.as_str().len();
        Err(Error::new(Problem::PerlOp, &text[..read]))
    }
}

/// The bounds of a repetition.
struct Count {
    min: u32,
    max: Option<u32>,
    counted: bool,
}

impl Count {
    /// The repetition that `*`, `+` or `?` stands for.
    fn of(operator: char) -> Self {
        let (min, max) = match operator {
            '*' => (0, None),
            '+' => (1, None),
            _ => (0, Some(1)),
        };
        Self {
            min,
            max,
            counted: false,
        }
    }
}

/// The bounds of `{n}`, `{n,}` or `{n,m}`; the inner `None` when they are of that form but not allowed.
type Bounds = Option<(u32, Option<u32>)>;

/// Reads a counted repetition. `None` when the text is not of its form.
fn counts(text: &str) -> Option<(Bounds, &str)> {
    let (min, rest) = integer(text.strip_prefix('{')?)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => {
            let (max, rest) = integer(rest)?;
            (Some(max), rest)
        }
    };
    let rest = rest.strip_prefix('}')?;
    let top = max.unwrap_or(min);
    let allowed = min <= MAX_REPEAT && top <= MAX_REPEAT && min <= top;
    Some((allowed.then_some((min, max)), rest))
}

/// A decimal number without leading zeros, `u32::MAX` when it is too large.
fn integer(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|one: char| !one.is_ascii_digit())
        .unwrap_or(text.len());
    let digits = &text[..end];
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), &text[end..]))
}
