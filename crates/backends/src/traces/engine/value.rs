//! Values at the time of evaluation, and what operators make of them.

use std::cmp::Ordering;

use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use regex::Regex;

use crate::traces::lang::ast::{BinaryOp, Const, KINDS, STATUSES};
use crate::traces::lang::literal::float_text;
use crate::traces::store::{Dictionary, Value, Word};
use crate::wire::duration::go;

/// Value of an expression for one span. Small and copied freely; texts stay where they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Computed<'a> {
    Nil,
    Int(i64),
    Float(f64),
    /// A text in the dictionary.
    Word(Word),
    /// A text outside the dictionary, such as an element of an array.
    Text(&'a str),
    /// A literal that the dictionary has not, so that no word can equal it.
    Absent(&'a str),
    Bool(bool),
    /// Nanoseconds.
    Duration(i64),
    Status(u8),
    Kind(u8),
    /// A span or trace id and how many hex digits it has at least; that of a trace is written without
    /// zeros in front.
    Id(u128, usize),
    /// The value of an array attribute; a comparison holds if it does for one element.
    Array(&'a [AnyValue]),
}

/// A value as the key of a map. It holds only as long as the dictionary is not changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Nil,
    Number(i64),
    Float(u64),
    Word(Word),
    Text(String),
    Bool(bool),
    Duration(i64),
    Status(u8),
    Kind(u8),
    Id(u128),
}

impl<'a> Computed<'a> {
    /// This as the key of a map.
    pub(crate) fn key(&self) -> Key {
        match *self {
            Self::Nil => Key::Nil,
            Self::Int(n) => Key::Number(n),
            Self::Float(n) => Key::Float(n.to_bits()),
            Self::Word(word) => Key::Word(word),
            Self::Text(text) | Self::Absent(text) => Key::Text(text.to_owned()),
            Self::Bool(b) => Key::Bool(b),
            Self::Duration(nanos) => Key::Duration(nanos),
            Self::Status(n) => Key::Status(n),
            Self::Kind(n) => Key::Kind(n),
            Self::Id(id, _) => Key::Id(id),
            Self::Array(values) => Key::Text(format!("{values:?}")),
        }
    }

    /// A literal, as the number of its text where there is one.
    pub(super) fn constant(value: &'a Const, dictionary: &Dictionary) -> Self {
        match value {
            Const::Nil => Self::Nil,
            Const::Int(n) => Self::Int(*n),
            Const::Float(n) => Self::Float(*n),
            Const::Text(text) => dictionary.find(text).map_or(Self::Absent(text), Self::Word),
            Const::Bool(b) => Self::Bool(*b),
            Const::Duration(nanos) => Self::Duration(*nanos),
            Const::Status(n) => Self::Status(*n),
            Const::Kind(n) => Self::Kind(*n),
        }
    }

    pub(super) fn attribute(value: &'a Value) -> Self {
        match value {
            Value::Text(word) => Self::Word(*word),
            Value::Bool(b) => Self::Bool(*b),
            Value::Int(n) => Self::Int(*n),
            Value::Double(n) => Self::Float(*n),
            Value::Other(any) => Self::element(any),
        }
    }

    /// An element of an array.
    pub(crate) fn element(any: &'a AnyValue) -> Self {
        match &any.value {
            Some(any_value::Value::StringValue(text)) => Self::Text(text),
            Some(any_value::Value::BoolValue(b)) => Self::Bool(*b),
            Some(any_value::Value::IntValue(n)) => Self::Int(*n),
            Some(any_value::Value::DoubleValue(n)) => Self::Float(*n),
            Some(any_value::Value::ArrayValue(array)) => Self::Array(&array.values),
            _ => Self::Nil,
        }
    }

    /// The number that this is, durations in nanoseconds.
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Self::Int(n) | Self::Duration(n) => Some(n as f64),
            Self::Float(n) => Some(n),
            _ => None,
        }
    }

    /// This and another value of the same type of number; itself if the other is of another type.
    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Self::Int(a.wrapping_add(b)),
            (Self::Float(a), Self::Float(b)) => Self::Float(a + b),
            (Self::Duration(a), Self::Duration(b)) => Self::Duration(a.wrapping_add(b)),
            _ => self,
        }
    }

    /// The order of any two values: numbers by size, else by type, in the order of Tempo's types.
    pub(super) fn order(&self, other: &Self, dictionary: &Dictionary) -> Ordering {
        let rank = |value: &Self| match value {
            Self::Nil => 0,
            Self::Int(_) => 3,
            Self::Float(_) => 4,
            Self::Word(_) | Self::Text(_) | Self::Absent(_) | Self::Id(..) => 5,
            Self::Bool(_) => 6,
            Self::Array(_) => 7,
            Self::Duration(_) => 11,
            Self::Status(_) => 12,
            Self::Kind(_) => 13,
        };
        match (*self, *other) {
            (Self::Int(a), Self::Int(b)) | (Self::Duration(a), Self::Duration(b)) => a.cmp(&b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(&b),
            (Self::Status(a), Self::Status(b)) | (Self::Kind(a), Self::Kind(b)) => a.cmp(&b),
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
                _ if rank(self) == 5 && rank(other) == 5 => {
                    self.display(dictionary).cmp(&other.display(dictionary))
                }
                _ => rank(self).cmp(&rank(other)),
            },
        }
    }

    fn integer(self) -> Option<i64> {
        match self {
            Self::Int(n) | Self::Duration(n) => Some(n),
            _ => None,
        }
    }

    pub(super) fn as_text<'t>(self, dictionary: &'t Dictionary) -> Option<&'t str>
    where
        'a: 't,
    {
        match self {
            Self::Word(word) => Some(dictionary.text(word)),
            Self::Text(text) | Self::Absent(text) => Some(text),
            _ => None,
        }
    }

    /// This as a protobuf value, as Tempo puts it into search results.
    pub(crate) fn wire(self, dictionary: &Dictionary) -> AnyValue {
        use any_value::Value as Wire;
        let value = match self {
            Self::Int(n) => Wire::IntValue(n),
            Self::Float(n) => Wire::DoubleValue(n),
            Self::Bool(b) => Wire::BoolValue(b),
            Self::Array(values) => {
                Wire::ArrayValue(opentelemetry_proto::tonic::common::v1::ArrayValue {
                    values: values.to_vec(),
                })
            }
            other => Wire::StringValue(other.display(dictionary)),
        };
        AnyValue { value: Some(value) }
    }

    /// This as people read it.
    pub(crate) fn display(self, dictionary: &Dictionary) -> String {
        match self {
            Self::Nil | Self::Array(_) => "nil".to_owned(),
            Self::Int(n) => n.to_string(),
            Self::Float(n) => float_text(n),
            Self::Word(word) => dictionary.text(word).to_owned(),
            Self::Text(text) | Self::Absent(text) => text.to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Duration(nanos) => go::format(nanos),
            Self::Status(n) => (*STATUSES.get(usize::from(n)).unwrap_or(&"unset")).to_owned(),
            Self::Kind(n) => (*KINDS.get(usize::from(n)).unwrap_or(&"unspecified")).to_owned(),
            Self::Id(id, digits) => id_text(id, digits),
        }
    }
}

/// True if a comparison holds. Values of different types, and nothing at all, compare as false
/// whatever the operator, as in Tempo.
pub(super) fn compare(
    op: BinaryOp,
    left: Computed<'_>,
    right: Computed<'_>,
    pattern: Option<&Regex>,
    dictionary: &Dictionary,
) -> bool {
    use Computed::{Absent, Array, Bool, Id, Int, Kind, Status, Word};
    match (left, right) {
        (Array(values), other) => values
            .iter()
            .any(|v| compare(op, Computed::element(v), other, pattern, dictionary)),
        (other, Array(values)) => values
            .iter()
            .any(|v| compare(op, other, Computed::element(v), pattern, dictionary)),
        (Word(a), Word(b)) if op == BinaryOp::Eq => a == b,
        (Word(a), Word(b)) if op == BinaryOp::Ne => a != b,
        (Word(_), Absent(_)) | (Absent(_), Word(_)) if op == BinaryOp::Eq => false,
        (Word(_), Absent(_)) | (Absent(_), Word(_)) if op == BinaryOp::Ne => true,
        (Int(a), Int(b)) => ordered(op, Some(a.cmp(&b))),
        (Bool(a), Bool(b)) => equality(op, a == b),
        (Status(a), Status(b)) | (Kind(a), Kind(b)) => equality(op, a == b),
        (Id(id, digits), other) | (other, Id(id, digits)) => {
            let Some(text) = other.as_text(dictionary) else {
                return false;
            };
            texts(op, &id_text(id, digits), text, pattern)
        }
        _ => match (left.integer(), right.integer()) {
            (Some(a), Some(b)) => ordered(op, a.partial_cmp(&b)),
            _ => match (left.number(), right.number()) {
                (Some(a), Some(b)) => ordered(op, a.partial_cmp(&b)),
                _ => match (left.as_text(dictionary), right.as_text(dictionary)) {
                    (Some(a), Some(b)) => texts(op, a, b, pattern),
                    _ => false,
                },
            },
        },
    }
}

fn id_text(id: u128, digits: usize) -> String {
    match (id, digits) {
        (0, 0) => String::new(),
        _ => format!("{id:0digits$x}"),
    }
}

fn equality(op: BinaryOp, equal: bool) -> bool {
    match op {
        BinaryOp::Eq => equal,
        BinaryOp::Ne => !equal,
        _ => false,
    }
}

pub(super) fn ordered(op: BinaryOp, order: Option<Ordering>) -> bool {
    match op {
        BinaryOp::Eq => order.is_some_and(|o| o.is_eq()),
        BinaryOp::Ne => order.is_none_or(|o| o.is_ne()),
        BinaryOp::Lt => order.is_some_and(|o| o.is_lt()),
        BinaryOp::Le => order.is_some_and(|o| o.is_le()),
        BinaryOp::Gt => order.is_some_and(|o| o.is_gt()),
        BinaryOp::Ge => order.is_some_and(|o| o.is_ge()),
        _ => false,
    }
}

fn texts(op: BinaryOp, left: &str, right: &str, pattern: Option<&Regex>) -> bool {
    match (op, pattern) {
        (BinaryOp::Re, Some(pattern)) => pattern.is_match(left),
        (BinaryOp::NotRe, Some(pattern)) => !pattern.is_match(left),
        _ => ordered(op, Some(left.cmp(right))),
    }
}

/// The result of `+ - * / % ^`. Integers stay integers, all else becomes a fraction; what has no
/// result (a division by zero) is nothing, and what is no number makes it false.
pub(super) fn arithmetic<'a>(
    op: BinaryOp,
    left: Computed<'a>,
    right: Computed<'a>,
) -> Computed<'a> {
    if let (Computed::Int(a), Computed::Int(b)) = (left, right) {
        return whole(op, a, b).map_or(Computed::Nil, Computed::Int);
    }
    match (left.number(), right.number()) {
        (Some(a), Some(b)) => fraction(op, a, b).map_or(Computed::Nil, Computed::Float),
        _ => Computed::Bool(false),
    }
}

/// Arithmetic of integers; `None` without a result.
pub(super) fn whole(op: BinaryOp, a: i64, b: i64) -> Option<i64> {
    match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Sub => a.checked_sub(b),
        BinaryOp::Mul => a.checked_mul(b),
        BinaryOp::Div => a.checked_div(b),
        BinaryOp::Mod => a.checked_rem(b),
        // Tempo raises the second number to the first.
        BinaryOp::Pow => u32::try_from(a).ok().and_then(|a| b.checked_pow(a)),
        _ => None,
    }
}

/// Arithmetic of fractions; `None` for other operators.
pub(super) fn fraction(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        _ => return None,
    })
}
