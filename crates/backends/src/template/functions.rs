//! Functions of templates and their signatures, and the table of those that Go's `text/template` has itself.

use super::context::{Context, Fault};
use super::format::{print, println};
use super::printf::printf;
use super::time::Time;
use super::value::{StructType, Text, Value};
use super::{builtins, escape};

pub(crate) type Made = Result<Value, Fault>;

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    Text,
    Int,
    Float,
    /// `interface {}`
    Any,
    /// `reflect.Value`: any value, also a missing one.
    Raw,
    Time,
    Zone,
    Duration,
    /// A list, with the name of its type.
    List(&'static str),
    Struct(&'static StructType),
}

impl Param {
    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Any => "interface {}",
            Self::Raw => "reflect.Value",
            Self::Time => "time.Time",
            Self::Zone => "*time.Location",
            Self::Duration => "time.Duration",
            Self::List(name) => name,
            Self::Struct(kind) => kind.name,
        }
    }

    /// True if `nil` is a value of the type.
    pub(crate) fn can_be_nil(self) -> bool {
        matches!(self, Self::Any | Self::Raw | Self::Zone)
    }
}

/// The implementation of a function.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// Called with evaluated arguments; for a method the receiver comes first.
    Plain(fn(&mut Context<'_>, &[Value]) -> Made),
    /// `and` and `or` stop at the argument that decides.
    And,
    Or,
    /// `call` names the callee in its messages.
    Call,
    /// One of [`Host::call`](super::Host::call).
    Host,
    /// A method that templates cannot use, and why.
    Unusable(&'static str),
}

/// A function or method.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Param],
    /// The type of any number of further arguments.
    pub(crate) variadic: Option<Param>,
    pub(crate) body: Body,
}

/// A table of functions.
pub(crate) type Functions = &'static [Function];

/// The function of that name, from a table or one of Go's own.
pub(super) fn find(functions: Functions, name: &str) -> Option<&'static Function> {
    let mut all = functions.iter().chain(GO);
    all.find(|function| function.name == name)
}

/// A function with a fixed number of arguments.
pub(crate) const fn fixed(
    name: &'static str,
    params: &'static [Param],
    body: fn(&mut Context<'_>, &[Value]) -> Made,
) -> Function {
    Function {
        name,
        params,
        variadic: None,
        body: Body::Plain(body),
    }
}

/// A function of the host.
pub(crate) const fn hosted(name: &'static str, params: &'static [Param]) -> Function {
    Function {
        name,
        params,
        variadic: None,
        body: Body::Host,
    }
}

/// A function with any number of further arguments.
pub(crate) const fn open(
    name: &'static str,
    params: &'static [Param],
    variadic: Param,
    body: Body,
) -> Function {
    Function {
        name,
        params,
        variadic: Some(variadic),
        body,
    }
}

use Param::{Any, Raw, Text as Str};

static GO: Functions = &[
    open("and", &[Raw], Raw, Body::And),
    open("or", &[Raw], Raw, Body::Or),
    open("call", &[Raw], Raw, Body::Call),
    fixed("not", &[Raw], builtins::not),
    fixed("len", &[Raw], builtins::length),
    open("index", &[Raw], Raw, Body::Plain(builtins::index)),
    open("slice", &[Raw], Raw, Body::Plain(builtins::slice)),
    open("eq", &[Raw], Raw, Body::Plain(builtins::eq)),
    fixed("ne", &[Raw, Raw], builtins::ne),
    fixed("lt", &[Raw, Raw], builtins::lt),
    fixed("le", &[Raw, Raw], builtins::le),
    fixed("gt", &[Raw, Raw], builtins::gt),
    fixed("ge", &[Raw, Raw], builtins::ge),
    open(
        "print",
        &[],
        Any,
        Body::Plain(|c, a| print(c, a).map(Value::text)),
    ),
    open(
        "println",
        &[],
        Any,
        Body::Plain(|c, a| println(c, a).map(Value::text)),
    ),
    open(
        "printf",
        &[Str],
        Any,
        Body::Plain(|c, a| {
            let rest = a.get(1..).unwrap_or_default();
            printf(c, text(a, 0)?, rest).map(Value::text)
        }),
    ),
    open(
        "html",
        &[],
        Any,
        Body::Plain(|c, a| escaped(c, a, escape::html)),
    ),
    open(
        "js",
        &[],
        Any,
        Body::Plain(|c, a| escaped(c, a, escape::js)),
    ),
    open(
        "urlquery",
        &[],
        Any,
        Body::Plain(|c, a| escaped(c, a, escape::query_escape)),
    ),
];

fn wrong<T>(at: usize, wanted: Param) -> Result<T, Fault> {
    // Arguments are checked before a call, so this is an error in the table above.
    let wanted = wanted.name();
    Err(Fault::Function(format!("argument {at} is no {wanted}")))
}

pub(crate) fn text(arguments: &[Value], at: usize) -> Result<&Text, Fault> {
    match arguments.get(at) {
        Some(Value::Text(text)) => Ok(text),
        _ => wrong(at, Param::Text),
    }
}

pub(crate) fn int(arguments: &[Value], at: usize) -> Result<i64, Fault> {
    match arguments.get(at) {
        Some(Value::Int(int, _)) => Ok(*int),
        _ => wrong(at, Param::Int),
    }
}

pub(crate) fn time(arguments: &[Value], at: usize) -> Result<&Time, Fault> {
    match arguments.get(at) {
        Some(Value::Time(time)) => Ok(time),
        _ => wrong(at, Param::Time),
    }
}

/// `html`, `js` and `urlquery`: print, then escape. One byte becomes at most six.
fn escaped(context: &mut Context<'_>, values: &[Value], escape: fn(&[u8]) -> Vec<u8>) -> Made {
    // A missing value is written as in the output.
    let shown_as = |value: &Value| match value.unboxed() {
        Value::Nil => Value::text("<no value>"),
        value => value,
    };
    let values: Vec<Value> = values.iter().map(shown_as).collect();
    let shown = print(context, &values)?;
    context.room(shown.len().saturating_mul(6))?;
    context.text(escape(&shown))
}
