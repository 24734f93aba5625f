//! Arithmetic of sprig: on 64-bit integers that wrap around, and on decimal numbers.

use super::cast::{float, int};
use super::context::{Context, Fault};
use super::decimal::Decimal;
use super::functions::Made;
use super::value::{IntType, Value};

fn first(arguments: &[Value]) -> &Value {
    arguments.first().unwrap_or(&Value::Nil)
}

fn second(arguments: &[Value]) -> &Value {
    arguments.get(1).unwrap_or(&Value::Nil)
}

pub(crate) fn to_int(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    Ok(Value::Int(int(first(arguments)), IntType::Int))
}

pub(crate) fn to_float(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    Ok(Value::Float(float(first(arguments))))
}

pub(crate) fn add(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    let sum = arguments.iter().map(int).fold(0i64, i64::wrapping_add);
    Ok(Value::int64(sum))
}

pub(crate) fn sub(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    let (a, b) = (int(first(arguments)), int(second(arguments)));
    Ok(Value::int64(a.wrapping_sub(b)))
}

pub(crate) fn mul(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    let product = arguments.iter().map(int).fold(1i64, i64::wrapping_mul);
    Ok(Value::int64(product))
}

fn divisor(arguments: &[Value]) -> Result<i64, Fault> {
    match int(second(arguments)) {
        0 => {
            let reason = "runtime error: integer divide by zero";
            Err(Fault::Function(reason.to_owned()))
        }
        divisor => Ok(divisor),
    }
}

pub(crate) fn div(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    let divisor = divisor(arguments)?;
    Ok(Value::int64(int(first(arguments)).wrapping_div(divisor)))
}

pub(crate) fn modulo(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    let divisor = divisor(arguments)?;
    Ok(Value::int64(int(first(arguments)).wrapping_rem(divisor)))
}

type Operation = fn(&Decimal, &Decimal) -> Decimal;

/// Folds all arguments from left to right. The digits of the result count against the same bound as
/// texts.
fn decimals(
    context: &mut Context<'_>,
    start: Decimal,
    others: &[Value],
    operation: Operation,
) -> Made {
    let mut result = start;
    for other in others {
        let other = Decimal::from_float(float(other))?;
        context.make(result.bytes_with(&other))?;
        result = operation(&result, &other);
    }
    Ok(Value::Float(result.to_float()))
}

pub(crate) fn addf(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    decimals(context, Decimal::from_float(0.0)?, arguments, Decimal::plus)
}

fn from_first(context: &mut Context<'_>, arguments: &[Value], operation: Operation) -> Made {
    let start = Decimal::from_float(float(first(arguments)))?;
    let others = arguments.get(1..).unwrap_or_default();
    decimals(context, start, others, operation)
}

pub(crate) fn subf(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    from_first(context, arguments, Decimal::minus)
}

pub(crate) fn mulf(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    from_first(context, arguments, Decimal::times)
}

pub(crate) fn divf(context: &mut Context<'_>, arguments: &[Value]) -> Made {
    let others = arguments.get(1..).unwrap_or_default();
    if others.iter().any(|other| float(other) == 0.0) {
        return Err(Fault::Function("decimal division by 0".to_owned()));
    }
    from_first(context, arguments, Decimal::over)
}

pub(crate) fn max(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    Ok(Value::int64(arguments.iter().map(int).max().unwrap_or(0)))
}

pub(crate) fn min(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    Ok(Value::int64(arguments.iter().map(int).min().unwrap_or(0)))
}

/// The largest or smallest argument; as in Go NaN wins.
fn extreme(arguments: &[Value], choose: fn(f64, f64) -> f64) -> Made {
    let numbers = arguments.iter().map(float);
    let chosen = numbers.reduce(|a, b| match a.is_nan() || b.is_nan() {
        true => f64::NAN,
        false => choose(a, b),
    });
    Ok(Value::Float(chosen.unwrap_or(0.0)))
}

pub(crate) fn maxf(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    extreme(arguments, f64::max)
}

pub(crate) fn minf(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    extreme(arguments, f64::min)
}

pub(crate) fn ceil(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    Ok(Value::Float(float(first(arguments)).ceil()))
}

pub(crate) fn floor(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    Ok(Value::Float(float(first(arguments)).floor()))
}

/// Rounds to a number of decimal places; the third argument is the fraction from which it rounds
/// up.
pub(crate) fn round(_: &mut Context<'_>, arguments: &[Value]) -> Made {
    let from = arguments.get(2).map_or(0.5, float);
    let power = 10f64.powf(float(second(arguments)));
    let digit = power * float(first(arguments));
    let rounded = if digit.fract() >= from {
        digit.ceil()
    } else {
        digit.floor()
    };
    Ok(Value::Float(rounded / power))
}
