//! Values of templates: the Go types that labels and functions use.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::time::{Time, Zone};

/// A Go string: bytes that are usually UTF-8.
pub(crate) type Text = Arc<[u8]>;

/// The types of signed integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntType {
    Int,
    Int64,
    Duration,
    /// A pointer to one.
    DurationPointer,
    Month,
    Weekday,
}

/// The types of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapType {
    /// `map[string]string`, the labels.
    Texts,
    /// `map[string]interface {}`, an object of JSON.
    Any,
    /// A struct, whose fields are the entries.
    Struct(&'static StructType),
}

/// A struct of Go, or a pointer to one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StructType {
    /// Its name in messages; that of a pointer begins with `*`.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [&'static str],
}

/// A map with its keys in order.
#[derive(Debug, PartialEq)]
pub(crate) struct Map {
    pub(crate) kind: MapType,
    pub(crate) entries: BTreeMap<Text, Value>,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// No value at all, of no type.
    Nil,
    /// The value in a variable of type `interface {}`.
    Any(Option<Arc<Value>>),
    Bool(bool),
    Int(i64, IntType),
    /// `uint8`, a byte of a text.
    Byte(u8),
    Float(f64),
    Complex(f64, f64),
    Text(Text),
    /// The labels of the host; a [`Map`] is built only when needed.
    Labels,
    Map(Arc<Map>),
    /// A part of a list.
    List(Arc<Vec<Value>>, Range<usize>),
    Time(Time),
    /// `*time.Location`
    Zone(Zone),
}

impl Value {
    pub(crate) fn text(bytes: impl AsRef<[u8]>) -> Self {
        Self::Text(Text::from(bytes.as_ref()))
    }

    pub(crate) fn int(value: i64) -> Self {
        Self::Int(value, IntType::Int)
    }

    pub(crate) fn int64(value: i64) -> Self {
        Self::Int(value, IntType::Int64)
    }

    pub(crate) fn list(values: Vec<Value>) -> Self {
        let all = 0..values.len();
        Self::List(Arc::new(values), all)
    }

    /// The value as an element of type `interface {}`.
    pub(crate) fn boxed(self) -> Self {
        match self {
            Self::Nil => Self::Any(None),
            any @ Self::Any(_) => any,
            value => Self::Any(Some(Arc::new(value))),
        }
    }

    /// The value without the interface around it.
    pub(crate) fn unboxed(&self) -> Self {
        match self {
            Self::Any(None) => Self::Nil,
            Self::Any(Some(value)) => Self::clone(value),
            value => value.clone(),
        }
    }

    /// The elements of a list.
    pub(crate) fn elements(&self) -> Option<&[Value]> {
        match self {
            Self::List(values, part) => values.get(part.clone()),
            _ => None,
        }
    }

    /// The name of its type, as Go's messages have it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Any(_) => "interface {}",
            Self::Bool(_) => "bool",
            Self::Int(_, IntType::Int) => "int",
            Self::Int(_, IntType::Int64) => "int64",
            Self::Int(_, IntType::Duration) => "time.Duration",
            Self::Int(_, IntType::DurationPointer) => "*time.Duration",
            Self::Int(_, IntType::Month) => "time.Month",
            Self::Int(_, IntType::Weekday) => "time.Weekday",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Complex(..) => "complex128",
            Self::Text(_) => "string",
            Self::Labels => "map[string]string",
            Self::Map(map) => match map.kind {
                MapType::Texts => "map[string]string",
                MapType::Any => "map[string]interface {}",
                MapType::Struct(kind) => kind.name,
            },
            Self::List(..) => "[]interface {}",
            Self::Time(_) => "time.Time",
            Self::Zone(_) => "*time.Location",
        }
    }

    /// The truth of a value for `if`: it is not the zero value of its type.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Nil | Self::Any(None) => false,
            Self::Any(Some(value)) => value.is_true(),
            Self::Bool(value) => *value,
            Self::Int(value, _) => *value != 0,
            Self::Byte(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Map(map) => matches!(map.kind, MapType::Struct(_)) || !map.entries.is_empty(),
            Self::List(_, part) => !part.is_empty(),
            Self::Labels | Self::Time(_) | Self::Zone(_) => true,
        }
    }
}
