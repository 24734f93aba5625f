//! The grammar of label filters: conditions joined by `and`, `or`, a comma or juxtaposition.

use super::ast::{CompareOp, LabelFilter, MatchOp, Matcher};
use super::grammar::{Parsed, Words};
use super::literal;
use super::tokens::Tok;

/// The operator between two filters. In Loki's grammar `or` and `and` have their usual precedence,
/// while a comma and juxtaposition take everything that follows as their right operand.
#[derive(Clone, Copy, PartialEq)]
enum Joined {
    Loosely,
    ByOr,
    ByAnd,
}

/// The tokens that can begin a condition.
const BEGINS: [&str; 2] = ["IDENTIFIER", "("];

/// Parses conditions at a place where other stages could stand, too.
pub(crate) fn label_filter(words: &mut Words<'_, '_>) -> Parsed<LabelFilter> {
    joined(words, Joined::Loosely, &[])
}

/// Parses conditions at a place where nothing else could stand.
pub(crate) fn only_label_filter(words: &mut Words<'_, '_>) -> Parsed<LabelFilter> {
    joined(words, Joined::Loosely, &BEGINS)
}

fn joined(words: &mut Words<'_, '_>, by: Joined, expected: &[&str]) -> Parsed<LabelFilter> {
    let mut left = condition(words, expected)?;
    loop {
        let (next, is_or) = match words.peek() {
            Tok::Word("or") if by == Joined::Loosely => (Joined::ByOr, true),
            Tok::Word("and") if by != Joined::ByAnd => (Joined::ByAnd, false),
            Tok::Word("," | "(") | Tok::Ident(_) => (Joined::Loosely, false),
            _ => return Ok(left),
        };
        if matches!(words.peek(), Tok::Word("or" | "and" | ",")) {
            words.advance();
        }
        words.count_operator()?;
        let right = Box::new(joined(words, next, &BEGINS)?);
        left = match is_or {
            true => LabelFilter::Or(Box::new(left), right),
            false => LabelFilter::And(Box::new(left), right),
        };
    }
}

fn condition(words: &mut Words<'_, '_>, expected: &[&str]) -> Parsed<LabelFilter> {
    if words.take("(") {
        let inner = words.nested(only_label_filter)?;
        if !words.take(")") {
            return words.unexpected(&[]);
        }
        return Ok(inner);
    }
    let Tok::Ident(name) = *words.peek() else {
        return words.unexpected(expected);
    };
    words.advance();
    let (of_texts, of_numbers) = match words.peek() {
        Tok::Word("=") => (Some(MatchOp::Equal), Some(CompareOp::Equal)),
        Tok::Word("!=") => (Some(MatchOp::NotEqual), Some(CompareOp::NotEqual)),
        Tok::Word("=~") => (Some(MatchOp::Regex), None),
        Tok::Word("!~") => (Some(MatchOp::NotRegex), None),
        Tok::Word("==") => (None, Some(CompareOp::Equal)),
        Tok::Word(">") => (None, Some(CompareOp::Greater)),
        Tok::Word(">=") => (None, Some(CompareOp::GreaterOrEqual)),
        Tok::Word("<") => (None, Some(CompareOp::Less)),
        Tok::Word("<=") => (None, Some(CompareOp::LessOrEqual)),
        _ => return words.unexpected(&[]),
    };
    words.advance();
    let name = name.to_owned();
    match (of_texts, of_numbers, words.peek()) {
        (Some(op), _, Tok::Text(_)) => {
            let value = words.text()?;
            let matcher = Matcher { name, op, value };
            matcher.compile()?;
            Ok(LabelFilter::Match(matcher))
        }
        (Some(_), None, _) => words.unexpected(&["STRING"]),
        (Some(op), Some(_), Tok::Function("ip")) => {
            words.advance();
            words.expect("(")?;
            let pattern = words.text()?;
            words.expect(")")?;
            let negated = op == MatchOp::NotEqual;
            Ok(LabelFilter::Ip {
                name,
                negated,
                pattern,
            })
        }
        (_, Some(op), _) => amount(words, name, op),
        (None, None, _) => words.unexpected(&[]),
    }
}

/// A number, a duration or a size.
fn amount(words: &mut Words<'_, '_>, name: String, op: CompareOp) -> Parsed<LabelFilter> {
    let filter = match *words.peek() {
        Tok::Duration(nanos) => LabelFilter::Duration(name, op, nanos),
        Tok::Bytes(bytes) => LabelFilter::Bytes(name, op, bytes),
        Tok::Word("+" | "-") | Tok::Number(_) => {
            return Ok(LabelFilter::Number(name, op, signed_number(words)?));
        }
        _ => return words.unexpected(&[]),
    };
    words.advance();
    Ok(filter)
}

/// A number with or without a sign.
pub(crate) fn signed_number(words: &mut Words<'_, '_>) -> Parsed<f64> {
    let negative = words.is("-");
    if negative || words.is("+") {
        words.advance();
    }
    let value = literal::parse_float(words.number()?).map_err(|reason| {
        let reason = format!("unable to parse literal as a float: {reason}");
        super::error::ParseError::plain(reason)
    })?;
    Ok(if negative { -value } else { value })
}
