//! Functions that every template of Go has: lookups, lengths and comparisons.

use std::sync::Arc;

use super::context::{Context, Fault};
use super::format::print_text;
use super::value::{MapType, Value};
use crate::wire::quote::valid;

type Made = Result<Value, Fault>;

fn fail<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Function(reason.into()))
}

/// Checks an index of `slice`: it may be equal to the length `most`.
fn place(index: &Value, most: usize) -> Result<usize, Fault> {
    let at = match index {
        Value::Int(at, _) => *at,
        Value::Byte(at) => i64::from(*at),
        Value::Nil => return fail("cannot index slice/array with nil"),
        other => {
            return fail(format!(
                "cannot index slice/array with type {}",
                other.type_name()
            ));
        }
    };
    match usize::try_from(at) {
        Ok(place) if place <= most => Ok(place),
        _ => fail(format!("index out of range: {at}")),
    }
}

/// `index x 1 2`
pub(super) fn index(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    let Some((item, indexes)) = arguments.split_first() else {
        return fail("index of untyped nil");
    };
    let mut item = item.unboxed();
    if item == Value::Nil {
        return fail("index of untyped nil");
    }
    for index in indexes {
        let index = index.unboxed();
        item = match context.whole(item.unboxed())? {
            Value::Nil => return fail("index of nil pointer"),
            Value::Text(text) => {
                let at = place(&index, text.len())?;
                match text.get(at) {
                    Some(byte) => Value::Byte(*byte),
                    None => return fail("reflect: string index out of range"),
                }
            }
            list @ Value::List(..) => {
                let elements = list.elements().unwrap_or_default();
                let at = place(&index, elements.len())?;
                match elements.get(at) {
                    Some(element) => element.clone().boxed(),
                    None => return fail("reflect: slice index out of range"),
                }
            }
            Value::Map(map) => {
                let key = match &index {
                    Value::Text(key) => key,
                    Value::Nil => return fail("value is nil; should be of type string"),
                    other => {
                        let name = other.type_name();
                        return fail(format!("value has type {name}; should be string"));
                    }
                };
                let found = map.entries.get(key).cloned();
                match map.kind {
                    MapType::Texts => found.unwrap_or_else(|| Value::text("")),
                    MapType::Any => found.unwrap_or(Value::Nil).boxed(),
                    MapType::Struct(kind) => {
                        return fail(format!("can't index item of type {}", kind.name));
                    }
                }
            }
            other => return fail(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

/// `slice x 1 2`
pub(super) fn slice(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    let Some((item, indexes)) = arguments.split_first() else {
        return fail("slice of untyped nil");
    };
    let item = item.unboxed();
    if item == Value::Nil {
        return fail("slice of untyped nil");
    }
    if indexes.len() > 3 {
        return fail(format!("too many slice indexes: {}", indexes.len()));
    }
    let length = match &item {
        Value::Text(_) if indexes.len() == 3 => return fail("cannot 3-index slice a string"),
        Value::Text(text) => text.len(),
        Value::List(_, part) => part.len(),
        other => return fail(format!("can't slice item of type {}", other.type_name())),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = place(index, length)?;
    }
    let [from, to, most] = bounds;
    if from > to {
        return fail(format!("invalid slice index: {from} > {to}"));
    }
    if to > most {
        return fail(format!("invalid slice index: {to} > {most}"));
    }
    match item {
        Value::Text(text) => context.text(text.get(from..to).unwrap_or_default()),
        Value::List(values, part) => {
            let part = part.start + from..part.start + to;
            Ok(Value::List(Arc::clone(&values), part))
        }
        other => Ok(other),
    }
}

/// `len x`
pub(super) fn length(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    let item = arguments.first().cloned().unwrap_or(Value::Nil);
    if item == Value::Any(None) {
        return fail("len of nil pointer");
    }
    let length = match context.whole(item.unboxed())? {
        Value::Text(text) => text.len(),
        Value::Map(map) => match map.kind {
            MapType::Struct(kind) => return fail(format!("len of type {}", kind.name)),
            MapType::Texts | MapType::Any => map.entries.len(),
        },
        Value::List(_, part) => part.len(),
        Value::Nil => {
            return fail("reflect: call of reflect.Value.Type on zero Value");
        }
        other => return fail(format!("len of type {}", other.type_name())),
    };
    Ok(Value::int(length as i64))
}

/// `not x`
pub(super) fn not(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    let truth = arguments.first().is_some_and(Value::is_true);
    Ok(Value::Bool(!truth))
}

/// `call f`: no value of a template is a function.
pub(super) fn call(callee: &str, arguments: &[Value]) -> Made {
    match arguments.first().map(Value::unboxed) {
        None | Some(Value::Nil) => fail("call of nil"),
        Some(value) => fail(format!(
            "non-function {callee} of type {}",
            value.type_name()
        )),
    }
}

/// The kinds that comparisons know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Complex,
    Int,
    Float,
    Text,
    Uint,
}

fn kind(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Bool(_) => Kind::Bool,
        Value::Int(..) => Kind::Int,
        Value::Byte(_) => Kind::Uint,
        Value::Float(_) => Kind::Float,
        Value::Complex(..) => Kind::Complex,
        Value::Text(_) => Kind::Text,
        _ => return None,
    })
}

/// A whole number of either sign.
fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value, _) => Some(*value),
        Value::Byte(value) => Some(i64::from(*value)),
        _ => None,
    }
}

fn incompatible<T>(left: &Value, right: &Value) -> Result<T, Fault> {
    fail(format!(
        "incompatible types for comparison: {} and {}",
        left.type_name(),
        right.type_name()
    ))
}

fn equal(context: &mut Context<'_>, left: &Value, others: &[Value]) -> Result<bool, Fault> {
    if others.is_empty() {
        return fail("missing argument for comparison");
    }
    let left = context.whole(left.unboxed())?;
    for right in others {
        let right = context.whole(right.unboxed())?;
        let kinds = (kind(&left), kind(&right));
        let truth = if let (Some(a), Some(b)) = (whole_number(&left), whole_number(&right)) {
            a == b
        } else if kinds.0 != kinds.1 {
            if left != Value::Nil && right != Value::Nil {
                return incompatible(&left, &right);
            }
            false
        } else if kinds.0.is_some() {
            left == right
        } else {
            same(context, &left, &right)?
        };
        if truth {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Equality of values that are neither numbers nor texts.
fn same(context: &mut Context<'_>, left: &Value, right: &Value) -> Result<bool, Fault> {
    if *left == Value::Nil || *right == Value::Nil {
        return Ok(left == right);
    }
    let is = |value: &Value| match value {
        Value::Map(_) => 1,
        Value::List(..) => 2,
        Value::Time(_) => 3,
        _ => 4,
    };
    if is(left) != is(right) {
        let (a, b) = (print_text(context, left)?, print_text(context, right)?);
        return fail(format!(
            "non-comparable types {}: {}, {}: {}",
            valid(&a),
            left.type_name(),
            right.type_name(),
            valid(&b)
        ));
    }
    if matches!(right, Value::Map(_) | Value::List(..)) {
        let shown = print_text(context, right)?;
        return fail(format!(
            "non-comparable type {}: {}",
            valid(&shown),
            right.type_name()
        ));
    }
    Ok(left == right)
}

fn less(left: &Value, right: &Value) -> Result<bool, Fault> {
    const BAD: &str = "invalid type for comparison";
    let (left, right) = (left.unboxed(), right.unboxed());
    let (Some(a), Some(b)) = (kind(&left), kind(&right)) else {
        return fail(BAD);
    };
    if let (Some(a), Some(b)) = (whole_number(&left), whole_number(&right)) {
        return Ok(a < b);
    }
    if a != b {
        return incompatible(&left, &right);
    }
    match (&left, &right) {
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::Text(a), Value::Text(b)) => Ok(a < b),
        _ => fail(BAD),
    }
}

fn pair(arguments: &[Value]) -> Result<(&Value, &Value), Fault> {
    match arguments {
        [left, right] => Ok((left, right)),
        _ => fail("missing argument for comparison"),
    }
}

pub(super) fn eq(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    let Some((left, others)) = arguments.split_first() else {
        return fail("missing argument for comparison");
    };
    equal(context, left, others).map(Value::Bool)
}

pub(super) fn ne(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    let (left, _) = pair(arguments)?;
    let others = arguments.get(1..).unwrap_or_default();
    equal(context, left, others).map(|equal| Value::Bool(!equal))
}

pub(super) fn lt(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    let (left, right) = pair(arguments)?;
    less(left, right).map(Value::Bool)
}

pub(super) fn le(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    let (left, right) = pair(arguments)?;
    let others = arguments.get(1..).unwrap_or_default();
    let truth = less(left, right)? || equal(context, left, others)?;
    Ok(Value::Bool(truth))
}

pub(super) fn gt(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    le(context, arguments).map(|truth| Value::Bool(!truth.is_true()))
}

pub(super) fn ge(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    lt(context, arguments).map(|truth| Value::Bool(!truth.is_true()))
}
