//! One comparison over one value, as Tempo's storage makes it.

use regex::Regex;

use super::super::eval::Patterns;
use super::super::value::{fraction, ordered, whole};
use crate::traces::lang::ast::{BinaryOp, Const};
use crate::traces::lang::check;

/// Requirement for a value.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Nothing: every value is read.
    Any,
    /// `!= nil`
    Exists,
    /// `= nil`
    Missing,
    /// A comparison with a constant, and its regular expression if it has one.
    Compare(BinaryOp, Const, Option<Regex>),
}

impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Any)
            | (Self::Exists, Self::Exists)
            | (Self::Missing, Self::Missing) => true,
            (Self::Compare(op, value, _), Self::Compare(other_op, other, _)) => {
                op == other_op && value == other
            }
            _ => false,
        }
    }
}

impl Test {
    pub(super) fn compare(op: BinaryOp, value: Const) -> Self {
        Self::Compare(op, value, None)
    }

    pub(super) fn compile(&mut self, patterns: &mut Patterns) {
        if let Self::Compare(BinaryOp::Re | BinaryOp::NotRe, Const::Text(text), pattern) = self {
            *pattern = patterns.compiled(text);
        }
    }

    /// True if this and another let every value through together.
    pub(super) fn completes(&self, other: &Self) -> bool {
        use BinaryOp::{Eq, Ne};
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Compare(Eq, value, _), Self::Compare(Ne, same, _))
            | (Self::Compare(Ne, value, _), Self::Compare(Eq, same, _)) => value == same,
            _ => false,
        }
    }

    /// True if it is about values of any type.
    pub(super) fn is_general(&self) -> bool {
        matches!(self, Self::Any | Self::Exists)
    }

    fn of<T>(
        &self,
        value: Option<T>,
        compare: impl Fn(BinaryOp, &Const, Option<&Regex>) -> bool,
    ) -> bool {
        match self {
            Self::Any => true,
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
            Self::Compare(op, constant, pattern) => compare(*op, constant, pattern.as_ref()),
        }
    }

    /// A text; a missing one compares as the empty text, but matches no regular expression.
    pub(super) fn text(&self, value: Option<&str>) -> bool {
        self.of(value, |op, constant, pattern| {
            match (op, constant, pattern) {
                (BinaryOp::Re, _, Some(pattern)) => {
                    value.is_some_and(|text| pattern.is_match(text))
                }
                (BinaryOp::NotRe, _, Some(pattern)) => {
                    value.is_some_and(|text| !pattern.is_match(text))
                }
                (op, Const::Text(constant), _) => match (value, op) {
                    // A column is read only if some text in it passes, which none is likely to.
                    (None, BinaryOp::Eq | BinaryOp::Le) if constant.is_empty() => false,
                    _ => ordered(op, Some(value.unwrap_or_default().cmp(constant.as_str()))),
                },
                _ => false,
            }
        })
    }

    /// A whole number; a missing one compares as 0.
    pub(super) fn int(&self, value: Option<i64>) -> bool {
        self.of(value, |op, constant, _| {
            let constant = match constant {
                Const::Int(n) | Const::Duration(n) => *n,
                Const::Status(n) | Const::Kind(n) => i64::from(*n),
                _ => return false,
            };
            match (value, op) {
                // As with texts.
                (None, BinaryOp::Eq) => false,
                _ => ordered(op, Some(value.unwrap_or_default().cmp(&constant))),
            }
        })
    }

    /// A duration, which may be compared with a fraction of nanoseconds too.
    pub(super) fn duration(&self, nanos: i64) -> bool {
        match self {
            // No duration equals it, but Tempo leaves that to the evaluation.
            Self::Compare(BinaryOp::Eq, Const::Float(_), _) => true,
            Self::Compare(op, Const::Float(constant), _) => {
                ordered(*op, (nanos as f64).partial_cmp(constant))
            }
            _ => self.int(Some(nanos)),
        }
    }

    pub(super) fn float(&self, value: f64) -> bool {
        self.of(Some(value), |op, constant, _| match constant {
            Const::Float(constant) => ordered(op, value.partial_cmp(constant)),
            _ => false,
        })
    }

    pub(super) fn bool(&self, value: bool) -> bool {
        self.of(Some(value), |op, constant, _| match constant {
            Const::Bool(constant) => ordered(op, Some(value.cmp(constant))),
            _ => false,
        })
    }

    /// An id, as bytes. A text that is no id lets every one through: the evaluation decides.
    pub(super) fn id(&self, value: &[u8], kind: Id) -> bool {
        self.of(Some(value), |op, constant, _| {
            let Const::Text(text) = constant else {
                return false;
            };
            match (kind.bytes(text), op) {
                (None, _) => true,
                (Some(id), BinaryOp::Eq) => value == id,
                (Some(id), BinaryOp::Ne) => value != id,
                // Tempo answers such a query with an error.
                (Some(_), _) => false,
            }
        })
    }
}

/// Text form of an id.
#[derive(Clone, Copy, Debug)]
pub(super) enum Id {
    /// Zeros in front do not matter.
    Trace,
    /// Zeros in front are cut off and not put back, so that the id of a span that begins with a
    /// zero byte equals no text.
    Span,
}

impl Id {
    fn bytes(self, text: &str) -> Option<Vec<u8>> {
        let (text, most) = match self {
            Self::Trace => (text, 16),
            Self::Span => (text.trim_start_matches('0'), 8),
        };
        if text.len() > 2 * most {
            return None;
        }
        let number = match text {
            "" => 0,
            text if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                u128::from_str_radix(text, 16).ok()?
            }
            _ => return None,
        };
        let bytes = match self {
            Self::Trace => most,
            Self::Span => text.len().div_ceil(2),
        };
        Some(number.to_be_bytes()[16 - bytes..].to_vec())
    }
}

/// Result of an operator on two constants; `None` where that depends on more than them.
pub(super) fn operation(op: BinaryOp, left: &Const, right: &Const) -> Option<Const> {
    use BinaryOp::{And, Ne, NotRe, Or, Re};
    let number = |value: &Const| match value {
        Const::Int(n) | Const::Duration(n) => Some(*n as f64),
        Const::Float(n) => Some(*n),
        _ => None,
    };
    let result = match (op, left, right) {
        (And, Const::Bool(a), Const::Bool(b)) => *a && *b,
        (Or, Const::Bool(a), Const::Bool(b)) => *a || *b,
        (Re, Const::Text(text), Const::Text(pattern)) => check::regex(pattern)?.is_match(text),
        (NotRe, Const::Text(text), Const::Text(pattern)) => !check::regex(pattern)?.is_match(text),
        (op, Const::Text(a), Const::Text(b)) if op.is_boolean() => ordered(op, Some(a.cmp(b))),
        (op, Const::Int(a), Const::Int(b)) if op.is_boolean() => ordered(op, Some(a.cmp(b))),
        (op, a, b) if op.is_boolean() => match (number(a), number(b)) {
            (Some(a), Some(b)) => ordered(op, a.partial_cmp(&b)),
            _ if a == b => op != Ne,
            _ => op == Ne,
        },
        (op, Const::Int(a), Const::Int(b)) => return whole(op, *a, *b).map(Const::Int),
        (op, a, b) => return fraction(op, number(a)?, number(b)?).map(Const::Float),
    };
    Some(Const::Bool(result))
}
