//! Expressions between braces: what one span must be like.

use winnow::Parser;
use winnow::combinator::opt;

use super::ast::{BinaryOp, Const, Expr, Field, Intrinsic, KINDS, STATUSES};
use super::cursor::{Cursor, Fault, Parsed, advance, expect, is_keyword, nested, next, symbol};
use super::lexer::Token;

/// Precedence of operators: a higher number binds first. `&&` and `||` bind alike.
fn binding(op: BinaryOp) -> u8 {
    use BinaryOp::{Add, And, Div, Mod, Mul, Or, Pow, Sub};
    match op {
        And | Or => 1,
        Add | Sub => 3,
        Mul | Div | Mod => 5,
        Pow => 6,
        _ => 2,
    }
}

/// `-` takes what binds more tightly than addition, `!` what binds more tightly than itself.
const AFTER_MINUS: u8 = 4;
const AFTER_NOT: u8 = 5;

/// Reads an expression whose operators bind at least as tightly as `least`.
pub(super) fn expression(input: &mut Cursor<'_>) -> Parsed<Expr> {
    nested(input, |input| climb(input, 1))
}

fn climb(input: &mut Cursor<'_>, least: u8) -> Parsed<Expr> {
    let mut left = operand(input)?;
    while let Token::Symbol(text) = next(input)
        && let Some(op) = binary_op(text)
        && binding(op) >= least
    {
        advance(input);
        // The power binds to the right, all others to the left.
        let right_least = binding(op) + u8::from(op != BinaryOp::Pow);
        let right = nested(input, |input| climb(input, right_least))?;
        left = combine(op, left, right);
    }
    Ok(left)
}

/// A text that a trace's id is compared with, without zeros in front: that is how Tempo writes the id.
fn trimmed(of: &Expr, other: &mut Expr) {
    if let (Expr::Field(Field::Intrinsic(Intrinsic::TraceId)), Expr::Const(Const::Text(text))) =
        (of, other)
    {
        *text = text.trim_start_matches('0').to_owned();
    }
}

/// Joins two sides; comparisons with `nil` ask whether the other side is there.
fn combine(op: BinaryOp, mut left: Expr, mut right: Expr) -> Expr {
    trimmed(&left, &mut right);
    trimmed(&right, &mut left);
    const NIL: Expr = Expr::Const(Const::Nil);
    if matches!(op, BinaryOp::Eq | BinaryOp::Ne) {
        match (left == NIL, right == NIL) {
            (true, true) => return Expr::Const(Const::Bool(false)),
            (true, false) => return Expr::Exists(Box::new(right), op == BinaryOp::Ne),
            (false, true) => return Expr::Exists(Box::new(left), op == BinaryOp::Ne),
            (false, false) => {}
        }
    }
    Expr::Binary(op, Box::new(left), Box::new(right))
}

fn operand(input: &mut Cursor<'_>) -> Parsed<Expr> {
    if opt(symbol("(")).parse_next(input)?.is_some() {
        let inner = expression(input)?;
        expect(input, ")")?;
        return Ok(inner);
    }
    if opt(symbol("-")).parse_next(input)?.is_some() {
        let inner = nested(input, |input| climb(input, AFTER_MINUS))?;
        return Ok(match inner {
            Expr::Const(Const::Int(n)) => Expr::Const(Const::Int(n.wrapping_neg())),
            Expr::Const(Const::Float(n)) => Expr::Const(Const::Float(-n)),
            Expr::Const(Const::Duration(n)) => Expr::Const(Const::Duration(-n)),
            inner => Expr::Negative(Box::new(inner)),
        });
    }
    if opt(symbol("!")).parse_next(input)?.is_some() {
        let inner = nested(input, |input| climb(input, AFTER_NOT))?;
        return Ok(Expr::Not(Box::new(inner)));
    }
    if let Some(field) = opt_field(input)? {
        return Ok(Expr::Field(field));
    }
    constant(input).map(Expr::Const)
}

/// An attribute or intrinsic that must come next.
pub(super) fn field(input: &mut Cursor<'_>) -> Parsed<Field> {
    match opt_field(input)? {
        Some(field) => Ok(field),
        None => Err(Fault::unexpected(input, "an attribute")),
    }
}

pub(super) fn opt_field(input: &mut Cursor<'_>) -> Parsed<Option<Field>> {
    let field = match next(input) {
        Token::Attribute(scope, name) => Field::Attribute(*scope, name.clone()),
        Token::Scope(scope) => {
            advance(input);
            let Token::Word(word) = next(input) else {
                return Err(Fault::unexpected(input, "an intrinsic"));
            };
            match scoped_intrinsic(scope, word) {
                Some(intrinsic) => Field::Intrinsic(intrinsic),
                None => return Err(Fault::unexpected(input, "an intrinsic")),
            }
        }
        Token::Word(word) => match intrinsic(word) {
            Some(intrinsic) => Field::Intrinsic(intrinsic),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    advance(input);
    Ok(Some(field))
}

/// A literal that must come next.
pub(super) fn constant(input: &mut Cursor<'_>) -> Parsed<Const> {
    let value = match next(input) {
        Token::Text(text) => Const::Text(text.clone()),
        Token::Int(n) => Const::Int(*n),
        Token::Float(n) => Const::Float(*n),
        Token::Duration(nanos) => Const::Duration(*nanos),
        Token::Word(word) => match named_constant(word) {
            Some(value) => value,
            None if is_keyword(word) => return Err(Fault::unexpected(input, "")),
            None => {
                let message = format!("unknown identifier: {word}");
                return Err(Fault::fatal(input, message));
            }
        },
        _ => return Err(Fault::unexpected(input, "")),
    };
    advance(input);
    Ok(value)
}

/// A number, perhaps with a sign or in parentheses.
pub(super) fn scalar(input: &mut Cursor<'_>) -> Parsed<Const> {
    if opt(symbol("(")).parse_next(input)?.is_some() {
        let value = nested(input, scalar)?;
        expect(input, ")")?;
        return Ok(value);
    }
    let negative = opt(symbol("-")).parse_next(input)?.is_some();
    let value = match (next(input), negative) {
        (Token::Int(n), false) => Const::Int(*n),
        (Token::Int(n), true) => Const::Int(n.wrapping_neg()),
        (Token::Float(n), false) => Const::Float(*n),
        (Token::Float(n), true) => Const::Float(-n),
        (Token::Duration(n), false) => Const::Duration(*n),
        (Token::Duration(n), true) => Const::Duration(-n),
        _ => return Err(Fault::unexpected(input, "")),
    };
    advance(input);
    Ok(value)
}

fn named_constant(word: &str) -> Option<Const> {
    let at = |names: &[&str]| names.iter().position(|name| *name == word);
    match word {
        "true" => Some(Const::Bool(true)),
        "false" => Some(Const::Bool(false)),
        "nil" => Some(Const::Nil),
        "minInt" => Some(Const::Int(i64::MIN)),
        "maxInt" => Some(Const::Int(i64::MAX)),
        _ => match (at(&STATUSES), at(&KINDS)) {
            (Some(status), _) => Some(Const::Status(status as u8)),
            (None, Some(kind)) => Some(Const::Kind(kind as u8)),
            (None, None) => None,
        },
    }
}

fn intrinsic(word: &str) -> Option<Intrinsic> {
    Some(match word {
        "duration" => Intrinsic::Duration,
        "name" => Intrinsic::Name,
        "status" => Intrinsic::Status,
        "statusMessage" => Intrinsic::StatusMessage,
        "kind" => Intrinsic::Kind,
        "parent" => Intrinsic::Parent,
        "rootName" => Intrinsic::RootName,
        "rootServiceName" => Intrinsic::RootService,
        "traceDuration" => Intrinsic::TraceDuration,
        "nestedSetLeft" => Intrinsic::NestedSetLeft,
        "nestedSetRight" => Intrinsic::NestedSetRight,
        "nestedSetParent" => Intrinsic::NestedSetParent,
        _ => return None,
    })
}

fn scoped_intrinsic(scope: &str, word: &str) -> Option<Intrinsic> {
    Some(match (scope, word) {
        ("trace", "duration") => Intrinsic::TraceDuration,
        ("trace", "rootName") => Intrinsic::RootName,
        ("trace", "rootService") => Intrinsic::RootService,
        ("trace", "id") => Intrinsic::TraceId,
        ("span", "duration") => Intrinsic::Duration,
        ("span", "name") => Intrinsic::Name,
        ("span", "kind") => Intrinsic::Kind,
        ("span", "status") => Intrinsic::Status,
        ("span", "statusMessage") => Intrinsic::StatusMessage,
        ("span", "id") => Intrinsic::SpanId,
        ("span", "parentID") => Intrinsic::ParentId,
        ("span", "childCount") => Intrinsic::ChildCount,
        ("event", "name") => Intrinsic::EventName,
        ("event", "timeSinceStart") => Intrinsic::EventTimeSinceStart,
        ("link", "traceID") => Intrinsic::LinkTraceId,
        ("link", "spanID") => Intrinsic::LinkSpanId,
        ("instrumentation", "name") => Intrinsic::InstrumentationName,
        ("instrumentation", "version") => Intrinsic::InstrumentationVersion,
        _ => return None,
    })
}

fn binary_op(text: &str) -> Option<BinaryOp> {
    Some(match text {
        "&&" => BinaryOp::And,
        "||" => BinaryOp::Or,
        "=" => BinaryOp::Eq,
        "!=" => BinaryOp::Ne,
        "<" => BinaryOp::Lt,
        "<=" => BinaryOp::Le,
        ">" => BinaryOp::Gt,
        ">=" => BinaryOp::Ge,
        "=~" => BinaryOp::Re,
        "!~" => BinaryOp::NotRe,
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "%" => BinaryOp::Mod,
        "^" => BinaryOp::Pow,
        _ => return None,
    })
}

/// Comparisons that a scalar filter may use.
pub(super) fn comparison(text: &str) -> Option<BinaryOp> {
    binary_op(text).filter(|op| {
        use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
        matches!(op, Eq | Ne | Lt | Le | Gt | Ge)
    })
}
