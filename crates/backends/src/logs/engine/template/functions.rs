//! The functions that Loki 3.7 adds to those of Go's templates (`pkg/logql/log/fmt.go`); most come from sprig.

use crate::template::functions::{
    Body, Functions, Made, Param, fixed, hosted, int, open, text, time,
};
use crate::template::time::Zone;
use crate::template::{Context, Fault, Value};
use crate::template::{dates, escape, json, numbers, regexes, strings, units};
use crate::wire::quote::valid;

use Param::{Any, Float, Int, Text as Str, Time as Date};

pub(super) static FUNCTIONS: Functions = &[
    // The line.
    hosted("__line__", &[]),
    hosted("__timestamp__", &[]),
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
        let zone = Zone::load(&valid(text(a, 1)?));
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

fn without_prefix(context: &mut Context<'_>, text: &[u8], prefix: &[u8]) -> Made {
    context.text(text.strip_prefix(prefix).unwrap_or(text))
}

fn without_suffix(context: &mut Context<'_>, text: &[u8], suffix: &[u8]) -> Made {
    context.text(text.strip_suffix(suffix).unwrap_or(text))
}
