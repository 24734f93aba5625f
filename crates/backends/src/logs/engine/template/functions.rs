//! The functions of templates with their signatures: Go's own, and those that Loki 3.7 adds
//! (`pkg/logql/log/fmt.go`), most of which come from sprig.

use super::context::{Context, Fault};
use super::format::{print, println};
use super::numbers;
use super::printf::printf;
use super::time::{Time, Zone};
use super::value::{Text, Value};
use super::{builtins, dates, escape, json, regexes, strings, units};

pub(super) type Made = Result<Value, Fault>;

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Param {
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
}

impl Param {
    /// Its name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Any => "interface {}",
            Self::Raw => "reflect.Value",
            Self::Time => "time.Time",
            Self::Zone => "*time.Location",
            Self::Duration => "time.Duration",
        }
    }

    /// True if `nil` is a value of the type.
    pub(super) fn can_be_nil(self) -> bool {
        matches!(self, Self::Any | Self::Raw | Self::Zone)
    }
}

/// The implementation of a function.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    /// Called with evaluated arguments; for a method the receiver comes first.
    Plain(fn(&mut Context<'_>, &[Value]) -> Made),
    /// `and` and `or` stop at the argument that decides.
    And,
    Or,
    /// `call` names the callee in its messages.
    Call,
    /// A method that templates cannot use, and why.
    Unusable(&'static str),
}

/// A function or method.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) params: &'static [Param],
    /// The type of any number of further arguments.
    pub(super) variadic: Option<Param>,
    pub(super) body: Body,
}

impl Function {
    pub(super) fn by_name(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }
}

/// A function with a fixed number of arguments.
pub(super) const fn fixed(
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

const fn open(
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

use Param::{Any, Float, Int, Raw, Text as Str, Time as Date};

static FUNCTIONS: &[Function] = &[
    // Go's own.
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
    // The line.
    fixed("__line__", &[], |c, _| {
        let line = c.line;
        c.text(line)
    }),
    fixed("__timestamp__", &[], |c, _| {
        Ok(Value::Time(Time::from_nanos(c.ts)))
    }),
    // Texts, with the text first.
    fixed("ToLower", &[Str], |c, a| {
        c.text(strings::to_lower(text(a, 0)?))
    }),
    fixed("ToUpper", &[Str], |c, a| {
        c.text(strings::to_upper(text(a, 0)?))
    }),
    fixed("Replace", &[Str, Str, Str, Int], |c, a| {
        strings::replace(c, text(a, 0)?, text(a, 1)?, text(a, 2)?, int(a, 3)?)
    }),
    fixed("Trim", &[Str, Str], |c, a| {
        let set = text(a, 1)?;
        c.text(strings::trim_right(
            strings::trim_left(text(a, 0)?, set),
            set,
        ))
    }),
    fixed("TrimLeft", &[Str, Str], |c, a| {
        c.text(strings::trim_left(text(a, 0)?, text(a, 1)?))
    }),
    fixed("TrimRight", &[Str, Str], |c, a| {
        c.text(strings::trim_right(text(a, 0)?, text(a, 1)?))
    }),
    fixed("TrimPrefix", &[Str, Str], |c, a| {
        without_prefix(c, text(a, 0)?, text(a, 1)?)
    }),
    fixed("TrimSuffix", &[Str, Str], |c, a| {
        without_suffix(c, text(a, 0)?, text(a, 1)?)
    }),
    fixed("TrimSpace", &[Str], |c, a| {
        c.text(strings::trim_space(text(a, 0)?))
    }),
    fixed("regexReplaceAll", &[Str, Str, Str], |c, a| {
        regexes::replace_all(c, text(a, 0)?, text(a, 1)?, text(a, 2)?, false)
    }),
    fixed("regexReplaceAllLiteral", &[Str, Str, Str], |c, a| {
        regexes::replace_all(c, text(a, 0)?, text(a, 1)?, text(a, 2)?, true)
    }),
    fixed("count", &[Str, Str], |c, a| {
        regexes::count(c, text(a, 0)?, text(a, 1)?)
    }),
    fixed("urlencode", &[Str], |c, a| {
        let text = text(a, 0)?;
        c.room(text.len().saturating_mul(3))?;
        c.text(escape::query_escape(text))
    }),
    fixed("urldecode", &[Str], |c, a| {
        let decoded = escape::query_unescape(text(a, 0)?).map_err(Fault::Function)?;
        c.text(decoded)
    }),
    fixed("alignLeft", &[Int, Str], |c, a| {
        strings::align(c, int(a, 0)?, text(a, 1)?, false)
    }),
    fixed("alignRight", &[Int, Str], |c, a| {
        strings::align(c, int(a, 0)?, text(a, 1)?, true)
    }),
    fixed("bytes", &[Str], |_, a| {
        units::parse_bytes(text(a, 0)?)
            .map(Value::Float)
            .map_err(Fault::Function)
    }),
    // Texts, with the text last.
    fixed("b64enc", &[Str], |c, a| {
        dates::base64_encode(c, text(a, 0)?)
    }),
    fixed("b64dec", &[Str], |c, a| {
        dates::base64_decode(c, text(a, 0)?)
    }),
    fixed("lower", &[Str], |c, a| {
        c.text(strings::to_lower(text(a, 0)?))
    }),
    fixed("upper", &[Str], |c, a| {
        c.text(strings::to_upper(text(a, 0)?))
    }),
    fixed("title", &[Str], |c, a| c.text(strings::title(text(a, 0)?))),
    fixed("trunc", &[Int, Str], |c, a| {
        c.text(strings::trunc(int(a, 0)?, text(a, 1)?))
    }),
    fixed("substr", &[Int, Int, Str], |c, a| {
        let part = strings::substr(int(a, 0)?, int(a, 1)?, text(a, 2)?);
        c.text(part.map_err(Fault::Function)?)
    }),
    fixed("contains", &[Str, Str], |_, a| {
        Ok(Value::Bool(strings::contains(text(a, 1)?, text(a, 0)?)))
    }),
    fixed("hasPrefix", &[Str, Str], |_, a| {
        Ok(Value::Bool(text(a, 1)?.starts_with(text(a, 0)?)))
    }),
    fixed("hasSuffix", &[Str, Str], |_, a| {
        Ok(Value::Bool(text(a, 1)?.ends_with(text(a, 0)?)))
    }),
    fixed("indent", &[Int, Str], |c, a| {
        strings::indent(c, int(a, 0)?, text(a, 1)?, b"")
    }),
    fixed("nindent", &[Int, Str], |c, a| {
        strings::indent(c, int(a, 0)?, text(a, 1)?, b"\n")
    }),
    fixed("replace", &[Str, Str, Str], |c, a| {
        strings::replace(c, text(a, 2)?, text(a, 0)?, text(a, 1)?, -1)
    }),
    fixed("repeat", &[Int, Str], |c, a| {
        strings::repeat(c, int(a, 0)?, text(a, 1)?)
    }),
    fixed("trim", &[Str], |c, a| {
        c.text(strings::trim_space(text(a, 0)?))
    }),
    fixed("trimAll", &[Str, Str], |c, a| {
        let set = text(a, 0)?;
        c.text(strings::trim_right(
            strings::trim_left(text(a, 1)?, set),
            set,
        ))
    }),
    fixed("trimSuffix", &[Str, Str], |c, a| {
        without_suffix(c, text(a, 1)?, text(a, 0)?)
    }),
    fixed("trimPrefix", &[Str, Str], |c, a| {
        without_prefix(c, text(a, 1)?, text(a, 0)?)
    }),
    open(
        "default",
        &[Any],
        Any,
        Body::Plain(|_, a| {
            let given = a.get(1).filter(|given| given.is_true());
            Ok(given.or(a.first()).cloned().unwrap_or(Value::Nil).boxed())
        }),
    ),
    fixed("fromJson", &[Str], |c, a| {
        let text = text(a, 0)?;
        // A decoded value takes several times the bytes of its shortest text.
        c.make(text.len().saturating_mul(8))?;
        Ok(json::decode(text).unwrap_or(Value::Nil).boxed())
    }),
    // Numbers.
    fixed("int", &[Any], numbers::to_int),
    fixed("float64", &[Any], numbers::to_float),
    open("add", &[], Any, Body::Plain(numbers::add)),
    fixed("sub", &[Any, Any], numbers::sub),
    open("mul", &[Any], Any, Body::Plain(numbers::mul)),
    fixed("div", &[Any, Any], numbers::div),
    fixed("mod", &[Any, Any], numbers::modulo),
    open("addf", &[], Any, Body::Plain(numbers::addf)),
    open("subf", &[Any], Any, Body::Plain(numbers::subf)),
    open("mulf", &[Any], Any, Body::Plain(numbers::mulf)),
    open("divf", &[Any], Any, Body::Plain(numbers::divf)),
    open("max", &[Any], Any, Body::Plain(numbers::max)),
    open("min", &[Any], Any, Body::Plain(numbers::min)),
    open("maxf", &[Any], Any, Body::Plain(numbers::maxf)),
    open("minf", &[Any], Any, Body::Plain(numbers::minf)),
    fixed("ceil", &[Any], numbers::ceil),
    fixed("floor", &[Any], numbers::floor),
    open("round", &[Any, Int], Float, Body::Plain(numbers::round)),
    // Times.
    fixed("date", &[Str, Any], dates::date),
    fixed("toDate", &[Str, Str], |_, a| {
        Ok(Value::Time(dates::parsed(
            text(a, 0)?,
            text(a, 1)?,
            Zone::Local,
        )))
    }),
    fixed("toDateInZone", &[Str, Str, Str], |_, a| {
        let zone = Zone::load(&crate::wire::quote::valid(text(a, 1)?));
        Ok(Value::Time(dates::parsed(text(a, 0)?, text(a, 2)?, zone)))
    }),
    fixed("now", &[], |_, _| Ok(Value::Time(dates::now()))),
    fixed("unixEpoch", &[Date], |_, a| {
        Ok(Value::text(time(a, 0)?.sec.to_string()))
    }),
    fixed("unixEpochMillis", &[Date], |_, a| {
        Ok(Value::text(dates::in_units(time(a, 0)?, 1_000).to_string()))
    }),
    fixed("unixEpochNanos", &[Date], |_, a| {
        Ok(Value::text(time(a, 0)?.nanos().to_string()))
    }),
    fixed("unixToTime", &[Str], |_, a| {
        dates::unix_to_time(text(a, 0)?)
            .map(Value::Time)
            .map_err(Fault::Function)
    }),
    fixed("duration", &[Str], dates::duration),
    fixed("duration_seconds", &[Str], dates::duration),
];

fn wrong<T>(at: usize, wanted: Param) -> Result<T, Fault> {
    // Arguments are checked before a call, so this is an error in the table above.
    let wanted = wanted.name();
    Err(Fault::Function(format!("argument {at} is no {wanted}")))
}

pub(super) fn text(arguments: &[Value], at: usize) -> Result<&Text, Fault> {
    match arguments.get(at) {
        Some(Value::Text(text)) => Ok(text),
        _ => wrong(at, Param::Text),
    }
}

pub(super) fn int(arguments: &[Value], at: usize) -> Result<i64, Fault> {
    match arguments.get(at) {
        Some(Value::Int(int, _)) => Ok(*int),
        _ => wrong(at, Param::Int),
    }
}

pub(super) fn time(arguments: &[Value], at: usize) -> Result<&Time, Fault> {
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

fn without_prefix(context: &mut Context<'_>, text: &[u8], prefix: &[u8]) -> Made {
    context.text(text.strip_prefix(prefix).unwrap_or(text))
}

fn without_suffix(context: &mut Context<'_>, text: &[u8], suffix: &[u8]) -> Made {
    context.text(text.strip_suffix(suffix).unwrap_or(text))
}
