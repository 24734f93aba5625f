//! The functions that Prometheus adds to those of Go's templates,
//! <https://prometheus.io/docs/prometheus/latest/configuration/template_reference/>.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::humanize;
use crate::template::functions::{Body, Functions, Made, Param, fixed, hosted, open, text};
use crate::template::{Context, Fault, IntType, Map, MapType, StructType, Text, Value};
use crate::template::{escape, regexes, strings};
use crate::wire::duration::prometheus;
use crate::wire::quote::{quoted, valid};

use Param::{Any, Text as Str};

/// A series of the result of a query.
pub(super) static SAMPLE: StructType = StructType {
    name: "*template.sample",
    fields: &["Labels", "Value"],
};

/// The name of the type of a result.
pub(super) const RESULT: &str = "template.queryResult";

const ALL: Param = Param::List(RESULT);
const ONE: Param = Param::Struct(&SAMPLE);

pub(super) static FUNCTIONS: Functions = &[
    hosted("query", &[Str]),
    hosted("now", &[]),
    hosted("externalURL", &[]),
    hosted("pathPrefix", &[]),
    fixed("first", &[ALL], |_, a| {
        let first = a.first().and_then(Value::elements).and_then(<[_]>::first);
        let empty = || Fault::Function("first() called on vector with no elements".to_owned());
        first.cloned().ok_or_else(empty)
    }),
    fixed("label", &[Str, ONE], |_, a| label(a, 1, text(a, 0)?)),
    fixed("value", &[ONE], |_, a| {
        Ok(field(a, 0, "Value").unwrap_or(Value::Nil).boxed())
    }),
    fixed("strvalue", &[ONE], |_, a| label(a, 0, b"__value__")),
    fixed("sortByLabel", &[Str, ALL], |_, a| {
        let elements = a.get(1).and_then(Value::elements).unwrap_or_default();
        let mut sorted = elements.to_vec();
        let name = text(a, 0)?;
        sorted.sort_by_key(|one| match label(std::slice::from_ref(one), 0, name) {
            Ok(Value::Text(text)) => text,
            _ => Text::from([]),
        });
        Ok(Value::list(sorted))
    }),
    open(
        "args",
        &[],
        Any,
        Body::Plain(|_, a| {
            let named = a.iter().enumerate();
            let entries: BTreeMap<Text, Value> = named
                .map(|(at, value)| {
                    let name = format!("arg{at}");
                    (Text::from(name.as_bytes()), value.clone().boxed())
                })
                .collect();
            let kind = MapType::Any;
            Ok(Value::Map(Arc::new(Map { kind, entries })))
        }),
    ),
    fixed("match", &[Str, Str], |c, a| {
        let expression = c.regex(text(a, 0)?)?;
        let text = valid(text(a, 1)?);
        Ok(Value::Bool(expression.regex().is_match(&text)))
    }),
    fixed("reReplaceAll", &[Str, Str, Str], |c, a| {
        let (pattern, replacement) = (text(a, 0)?, text(a, 1)?);
        // Go panics, in these words.
        c.regex(pattern).map_err(|fault| match fault {
            Fault::Function(reason) => Fault::Function(format!(
                "regexp: Compile({}): {reason}",
                backquoted(pattern)
            )),
            fault => fault,
        })?;
        regexes::replace_all(c, pattern, text(a, 2)?, replacement, false)
    }),
    fixed("safeHtml", &[Str], |_, a| {
        Ok(Value::Text(text(a, 0)?.clone()))
    }),
    fixed("title", &[Str], |c, a| c.text(title(&valid(text(a, 0)?)))),
    fixed("toUpper", &[Str], |c, a| {
        c.text(strings::to_upper(text(a, 0)?))
    }),
    fixed("toLower", &[Str], |c, a| {
        c.text(strings::to_lower(text(a, 0)?))
    }),
    fixed("graphLink", &[Str], |c, a| link(c, text(a, 0)?, 0)),
    fixed("tableLink", &[Str], |c, a| link(c, text(a, 0)?, 1)),
    fixed("urlQueryEscape", &[Str], |c, a| {
        c.text(escape::query_escape(text(a, 0)?))
    }),
    fixed("stripPort", &[Str], |c, a| {
        let address = string(a, 0)?;
        c.text(host_and_port(&address).map_or(address.as_str(), |(host, _)| host))
    }),
    fixed("stripDomain", &[Str], |c, a| {
        c.text(strip_domain(&string(a, 0)?))
    }),
    fixed("humanize", &[Any], |c, a| {
        c.text(humanize::number(value(a)?))
    }),
    fixed("humanize1024", &[Any], |c, a| {
        c.text(humanize::binary(value(a)?))
    }),
    fixed("humanizeDuration", &[Any], |c, a| {
        c.text(humanize::duration(value(a)?))
    }),
    fixed("humanizePercentage", &[Any], |c, a| {
        c.text(humanize::percentage(value(a)?))
    }),
    fixed("humanizeTimestamp", &[Any], |c, a| {
        let seconds = value(a)?;
        match humanize::time(seconds).map_err(Fault::Function)? {
            Some(time) => c.text(time.to_string()),
            None => c.text(humanize::general(seconds)),
        }
    }),
    fixed("toTime", &[Any], |_, a| {
        let time = humanize::time(value(a)?).map_err(Fault::Function)?;
        let none = || Fault::Function("value is NaN or Inf".to_owned());
        Ok(Value::Time(time.ok_or_else(none)?))
    }),
    fixed("toDuration", &[Any], |_, a| {
        let nanos = (value(a)? * 1e9) as i64;
        Ok(Value::Int(nanos, IntType::DurationPointer))
    }),
    fixed("parseDuration", &[Str], |_, a| {
        let written = string(a, 0)?;
        let (sign, positive) = match written.strip_prefix('-') {
            Some(rest) => (-1.0, rest),
            None => (1.0, written.as_str()),
        };
        let nanos = prometheus::parse(positive).map_err(Fault::Function)?;
        Ok(Value::Float(sign * nanos as f64 / 1e9))
    }),
];

/// An argument as a text.
pub(super) fn string(arguments: &[Value], at: usize) -> Result<String, Fault> {
    Ok(valid(text(arguments, at)?))
}

/// The first argument as a number.
fn value(arguments: &[Value]) -> Result<f64, Fault> {
    let given = arguments.first().unwrap_or(&Value::Nil);
    humanize::to_float(given).map_err(Fault::Function)
}

/// A field of a sample.
fn field(arguments: &[Value], at: usize, name: &str) -> Option<Value> {
    match arguments.get(at)?.unboxed() {
        Value::Map(map) => map.entries.get(name.as_bytes()).cloned(),
        _ => None,
    }
}

/// A label of a sample.
fn label(arguments: &[Value], at: usize, name: &[u8]) -> Made {
    let value = match field(arguments, at, "Labels") {
        Some(Value::Map(labels)) => labels.entries.get(name).cloned(),
        _ => None,
    };
    Ok(value.unwrap_or_else(|| Value::text("")))
}

fn link(context: &mut Context<'_>, query: &[u8], tab: u8) -> Made {
    let escaped = escape::query_escape(query);
    context.text(format!("/graph?g0.expr={}&g0.tab={tab}", valid(&escaped)))
}

/// A text in back quotes where Go writes it so.
fn backquoted(text: &[u8]) -> String {
    let plain = |one: char| one != '`' && (one == '\t' || !one.is_control());
    match std::str::from_utf8(text) {
        Ok(text) if text.chars().all(plain) => format!("`{text}`"),
        _ => quoted(text),
    }
}

/// The text with the first letter of each word in upper case. An apostrophe or a point inside of a word does not
/// begin another.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    let mut characters = text.chars().peekable();
    while let Some(one) = characters.next() {
        if one.is_alphabetic() && !inside {
            out.extend(one.to_uppercase());
        } else {
            out.push(one);
        }
        let joins = matches!(one, '\'' | '.' | ':' | '\u{2019}')
            && characters.peek().is_some_and(|next| next.is_alphabetic());
        inside = one.is_alphanumeric() || one == '_' || (inside && joins);
    }
    out
}

/// `host:port` or `[host]:port`, in its parts.
fn host_and_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => {
            let inner = inner.strip_suffix(']')?;
            (!inner.contains(['[', ']'])).then_some((inner, port))
        }
        None => (!host.contains([':', '[', ']'])).then_some((host, port)),
    }
}

/// An address without the domain of its host.
fn strip_domain(address: &str) -> String {
    let (host, port) = host_and_port(address).unwrap_or((address, ""));
    if host.parse::<IpAddr>().is_ok() {
        return address.to_owned();
    }
    let first = host.split('.').next().unwrap_or_default();
    match port {
        "" => first.to_owned(),
        port if first.contains(':') => format!("[{first}]:{port}"),
        port => format!("{first}:{port}"),
    }
}
