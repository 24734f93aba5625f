//! A parsed pattern.

use super::class::Class;

/// Levels of a tree. Go takes a thousand; the engine compiles recursively, on a stack of fixed size.
pub(super) const MAX_HEIGHT: usize = 250;

/// An assertion about the position in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordEdge,
    NoWordEdge,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Matches the empty text.
    Empty,
    /// One character; `true` when its other case matches too.
    Literal(char, bool),
    /// A code point that no text can hold: half of a surrogate pair.
    Nothing,
    /// `.`; `true` when it matches a line break.
    Any(bool),
    Class(Class),
    Place(Place),
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    /// A group that captures, with its name where the engine takes it.
    Capture(Box<Node>, Option<String>),
    Repeat(Repeat),
}

#[derive(Debug)]
pub(super) struct Repeat {
    pub(super) of: Box<Node>,
    pub(super) min: u32,
    pub(super) max: Option<u32>,
    pub(super) lazy: bool,
    /// Written as `{n,m}`: those multiply in the bound of a thousand copies.
    pub(super) counted: bool,
}

/// A part of a pattern with its number of levels.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) height: usize,
}

impl Node {
    pub(super) fn new(kind: Kind) -> Self {
        let below = match &kind {
            Kind::Concat(list) | Kind::Alternate(list) => {
                list.iter().map(|node| node.height).max().unwrap_or(0)
            }
            Kind::Capture(of, _) => of.height,
            Kind::Repeat(repeat) => repeat.of.height,
            _ => 0,
        };
        Self {
            kind,
            height: below + 1,
        }
    }

    /// Tests that nested counted repetitions make at most `copies` of the innermost node.
    pub(super) fn repeats_at_most(&self, mut copies: u32) -> bool {
        match &self.kind {
            Kind::Concat(list) | Kind::Alternate(list) => {
                list.iter().all(|node| node.repeats_at_most(copies))
            }
            Kind::Capture(of, _) => of.repeats_at_most(copies),
            Kind::Repeat(repeat) => {
                if repeat.counted {
                    let times = match repeat.max {
                        Some(0) => return true,
                        Some(max) => max,
                        None => repeat.min,
                    };
                    if times > copies {
                        return false;
                    }
                    copies /= times.max(1);
                }
                repeat.of.repeats_at_most(copies)
            }
            _ => true,
        }
    }
}
