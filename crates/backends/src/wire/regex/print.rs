//! A parsed pattern in the syntax of the `regex` crate. Every flag is resolved: the text means the same
//! wherever it is put.

use std::fmt::Write as _;

use super::class::{Class, Item};
use super::names::Property;
use super::node::{Kind, Node, Place, Repeat};

/// A set without members.
const NOTHING: &str = r"[^\x{0}-\x{10FFFF}]";
/// Every character, inside of brackets.
const ANYTHING: &str = r"\x{0}-\x{10FFFF}";

/// Writes a tree.
pub(super) fn print(node: &Node) -> String {
    let mut text = String::new();
    write(node, &mut text);
    text
}

fn write(node: &Node, out: &mut String) {
    match &node.kind {
        Kind::Empty => out.push_str("(?:)"),
        Kind::Literal(one, fold) => literal(*one, *fold, out),
        Kind::Nothing => out.push_str(NOTHING),
        Kind::Any(true) => out.push_str("(?s:.)"),
        Kind::Any(false) => out.push_str(r"[^\n]"),
        Kind::Class(set) => class(set, out),
        Kind::Place(place) => out.push_str(match place {
            Place::TextStart => r"\A",
            Place::TextEnd => r"\z",
            Place::LineStart => "(?m:^)",
            Place::LineEnd => "(?m:$)",
            // The word of RE2 is ASCII's.
            Place::WordEdge => r"(?-u:\b)",
            Place::NoWordEdge => r"(?-u:\B)",
        }),
        Kind::Concat(list) => {
            for item in list {
                grouped(item, matches!(item.kind, Kind::Alternate(_)), out);
            }
        }
        Kind::Alternate(list) => {
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push('|');
                }
                write(item, out);
            }
        }
        Kind::Capture(of, name) => {
            match name {
                Some(name) => format(out, format_args!("(?P<{name}>")),
                None => out.push('('),
            }
            write(of, out);
            out.push(')');
        }
        Kind::Repeat(repeat) => repetition(repeat, out),
    }
}

fn grouped(node: &Node, needed: bool, out: &mut String) {
    if needed {
        out.push_str("(?:");
        write(node, out);
        out.push(')');
    } else {
        write(node, out);
    }
}

fn repetition(repeat: &Repeat, out: &mut String) {
    let compound = matches!(
        repeat.of.kind,
        Kind::Concat(_) | Kind::Alternate(_) | Kind::Repeat(_) | Kind::Place(_)
    );
    grouped(&repeat.of, compound, out);
    match (repeat.min, repeat.max) {
        (0, None) => out.push('*'),
        (1, None) => out.push('+'),
        (0, Some(1)) => out.push('?'),
        (min, None) => format(out, format_args!("{{{min},}}")),
        (min, Some(max)) if min == max => format(out, format_args!("{{{min}}}")),
        (min, Some(max)) => format(out, format_args!("{{{min},{max}}}")),
    }
    if repeat.lazy {
        out.push('?');
    }
}

fn format(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(text);
}

fn literal(one: char, fold: bool, out: &mut String) {
    let mut buffer = [0; 4];
    let escaped = regex::escape(one.encode_utf8(&mut buffer));
    if fold && (one.is_alphabetic() || !one.is_ascii()) {
        format(out, format_args!("(?i:{escaped})"));
    } else {
        out.push_str(&escaped);
    }
}

fn class(class: &Class, out: &mut String) {
    if class.fold {
        out.push_str("(?i:");
    }
    out.push_str(if class.negated { "[^" } else { "[" });
    for item in &class.items {
        match item {
            Item::Range(low, high) => range(*low, *high, out),
            Item::Group(set, negated) => {
                out.push_str(if *negated { "[^" } else { "[" });
                for (low, high) in *set {
                    format(out, format_args!(r"\x{{{low:X}}}-\x{{{high:X}}}"));
                }
                out.push(']');
            }
            Item::Property(set, negated) => property(*set, *negated, out),
        }
    }
    out.push(']');
    if class.fold {
        out.push(')');
    }
}

fn property(property: Property, negated: bool, out: &mut String) {
    let letter = if negated { 'P' } else { 'p' };
    match property {
        Property::Any if negated => out.push_str(NOTHING),
        Property::Any => out.push_str(ANYTHING),
        Property::Ascii if negated => out.push_str(r"[^\x{0}-\x{7F}]"),
        Property::Ascii => out.push_str(r"\x{0}-\x{7F}"),
        Property::Assigned => out.push_str(if negated { r"\p{gc=Cn}" } else { r"\P{gc=Cn}" }),
        // Surrogates: no text holds one, and the engine does not know the name.
        Property::Category("Cs") if negated => out.push_str(ANYTHING),
        Property::Category("Cs") => out.push_str(NOTHING),
        Property::Category(name) => format(out, format_args!(r"\{letter}{{gc={name}}}")),
        Property::Script(name) => format(out, format_args!(r"\{letter}{{sc={name}}}")),
    }
}

/// A range of code points without the surrogates, which no text holds.
fn range(low: u32, high: u32, out: &mut String) {
    let mut part = |low: u32, high: u32| {
        if low <= high {
            format(out, format_args!(r"\x{{{low:X}}}-\x{{{high:X}}}"));
        }
        low <= high
    };
    let below = part(low, high.min(0xd7ff));
    let above = part(low.max(0xe000), high);
    if !below && !above {
        out.push_str(NOTHING);
    }
}
