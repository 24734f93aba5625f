//! Writes the tree as text on one line, as Loki does in error messages and, for short queries, in
//! `format_query`.

use std::borrow::Cow;
use std::fmt;

use super::ast::{
    BinaryOp, CompareOp, Expr, Extraction, Grouping, LabelFilter, LabelFormat, LineFilter,
    LineMatch, LineOperand, LogExpr, LogRange, MatchOp, Matcher, MetricExpr, NamedMatcher, Parser,
    RangeOp, Stage, Unwrap, UnwrapConversion, VectorOp,
};
use super::units::format_bytes;
use crate::logs::store::{Quoted, is_label_name};
use crate::wire::duration::{go, prometheus};

/// Items with a separator between them.
pub(super) fn joined<T: fmt::Display>(items: &[T], separator: &str) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(separator)
}

/// A number in Go's default format: with an exponent from a million on.
pub(super) fn general(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..=5).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => value.to_string(),
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(log) => log.fmt(f),
            Self::Metric(metric) => metric.fmt(f),
            Self::Variants(variants, range) => {
                write!(f, "variants({}) of ({range})", joined(variants, ", "))
            }
        }
    }
}

/// A stream selector.
pub(super) struct Selector<'a>(pub(super) &'a [Matcher]);

impl fmt::Display for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", joined(self.0, ", "))
    }
}

impl fmt::Display for LogExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Selector(&self.matchers).fmt(f)?;
        self.stages
            .iter()
            .try_for_each(|stage| write!(f, " {stage}"))
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        };
        write!(f, "{}{op}{}", quoted_name(&self.name), Quoted(&self.value))
    }
}

/// A label name, in quotes if it needs them.
pub(super) fn quoted_name(name: &str) -> Cow<'_, str> {
    match is_label_name(name) {
        true => Cow::Borrowed(name),
        false => Cow::Owned(Quoted(name).to_string()),
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineFilter(filter) => filter.fmt(f),
            Self::Parser(parser) => write!(f, "| {parser}"),
            Self::LabelFilter(filter) => write!(f, "| {filter}"),
            Self::LineFormat(template) => write!(f, "| line_format {}", Quoted(template)),
            Self::Decolorize => f.write_str("| decolorize"),
            Self::LabelFormat(formats) => {
                let formats: Vec<String> = formats
                    .iter()
                    .map(|(label, format)| match format {
                        LabelFormat::Rename(from) => format!("{label}={from}"),
                        LabelFormat::Template(text) => format!("{label}={}", Quoted(text)),
                    })
                    .collect();
                write!(f, "| label_format {}", formats.join(","))
            }
            Self::Drop(labels) => write!(f, "| drop {}", joined(labels, ",")),
            Self::Keep(labels) => write!(f, "| keep {}", joined(labels, ",")),
        }
    }
}

impl fmt::Display for NamedMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Matcher(matcher) => matcher.fmt(f),
        }
    }
}

impl fmt::Display for LineMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contains => "|=",
            Self::ContainsNot => "!=",
            Self::Regex => "|~",
            Self::NotRegex => "!~",
            Self::Pattern => "|>",
            Self::NotPattern => "!>",
        })
    }
}

impl fmt::Display for LineOperand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Ip(pattern) => write!(f, "ip({})", Quoted(pattern)),
        }
    }
}

impl fmt::Display for LineFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op, joined(&self.alternatives, " or "))
    }
}

impl fmt::Display for Extraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.label, Quoted(&self.path))
    }
}

impl fmt::Display for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(extractions) if extractions.is_empty() => f.write_str("json"),
            Self::Json(extractions) => write!(f, "json {}", joined(extractions, ",")),
            Self::Logfmt {
                strict,
                keep_empty,
                extractions,
            } => {
                f.write_str("logfmt")?;
                if *strict {
                    f.write_str(" --strict")?;
                }
                if *keep_empty {
                    f.write_str(" --keep-empty")?;
                }
                if !extractions.is_empty() {
                    write!(f, " {}", joined(extractions, ","))?;
                }
                Ok(())
            }
            Self::Unpack => f.write_str("unpack"),
            Self::Regexp(expression) => write!(f, "regexp {}", Quoted(expression)),
            Self::Pattern(expression) => write!(f, "pattern {}", Quoted(expression)),
        }
    }
}

impl fmt::Display for CompareOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        })
    }
}

impl fmt::Display for LabelFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Match(matcher) => {
                let is_regex = matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex);
                let raw = is_regex && !is_simple(&matcher.value) && !matcher.value.contains('`');
                if !raw {
                    return matcher.fmt(f);
                }
                let op = if matcher.op == MatchOp::Regex {
                    "=~"
                } else {
                    "!~"
                };
                write!(f, "{}{op}`{}`", quoted_name(&matcher.name), matcher.value)
            }
            Self::Number(name, op, value) => write!(f, "{name}{op}{value}"),
            Self::Duration(name, op, nanos) => write!(f, "{name}{op}{}", go::format(*nanos)),
            Self::Bytes(name, op, bytes) => write!(f, "{name}{op}{}", format_bytes(*bytes)),
            Self::Ip {
                name,
                negated,
                pattern,
            } => {
                let op = if *negated { "!=" } else { "=" };
                write!(f, "{name}{op}ip({})", Quoted(pattern))
            }
            Self::And(left, right) => write!(f, "( {left} , {right} )"),
            Self::Or(left, right) => write!(f, "( {left} or {right} )"),
        }
    }
}

/// True for an expression that Loki replaces by string comparisons: alternatives that are plain
/// except for `.*` at their ends. Loki writes the other expressions in backticks.
fn is_simple(expression: &str) -> bool {
    expression.split('|').all(|part| {
        let part = part.strip_prefix(".*").unwrap_or(part);
        let part = part.strip_suffix(".*").unwrap_or(part);
        part == ".+" || regex::escape(part) == part
    })
}

impl fmt::Display for LogRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.log.fmt(f)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        write!(f, "[{}]", prometheus::format(self.range))?;
        match self.offset {
            0 => Ok(()),
            offset => write!(f, " offset {}", go::format(offset)),
        }
    }
}

impl fmt::Display for Unwrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&unwrapped(self))?;
        self.filters
            .iter()
            .try_for_each(|filter| write!(f, " | {filter}"))
    }
}

/// An `unwrap` without the filters that follow it.
pub(super) fn unwrapped(unwrap: &Unwrap) -> String {
    let label = &unwrap.label;
    match unwrap.conversion {
        UnwrapConversion::None => format!("| unwrap {label}"),
        UnwrapConversion::Bytes => format!("| unwrap bytes({label})"),
        UnwrapConversion::Duration => format!("| unwrap duration({label})"),
        UnwrapConversion::DurationSeconds => format!("| unwrap duration_seconds({label})"),
    }
}

impl fmt::Display for RangeOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, op)| op == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl fmt::Display for VectorOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, op)| op == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.without { "without" } else { "by" };
        write!(f, " {word} ({})", self.labels.join(","))
    }
}

impl fmt::Display for BinaryOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&modified(self, ","))
    }
}

/// An operator with its modifiers; `comma` separates names of labels.
pub(super) fn modified(op: &BinaryOp, comma: &str) -> String {
    let mut text = op.kind.text().to_owned();
    if op.return_bool {
        text.push_str(" bool");
    }
    let Some(matching) = &op.matching else {
        return text;
    };
    let word = if matching.on { "on" } else { "ignoring" };
    if !matching.on && matching.labels.is_empty() {
        return text;
    }
    text.push_str(&format!(" {word} ({})", matching.labels.join(comma)));
    if let Some(group) = &matching.group {
        let word = if group.right {
            "group_right"
        } else {
            "group_left"
        };
        text.push_str(&format!(" {word}"));
        if !group.include.is_empty() {
            text.push_str(&format!(" ({})", group.include.join(comma)));
        }
    } else {
        // Loki leaves the place of the group modifier.
        text.push(' ');
    }
    text
}

impl fmt::Display for MetricExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range {
                op,
                param,
                range,
                grouping,
            } => {
                let param = param.map_or_else(String::new, |param| format!("{param},"));
                write!(f, "{op}({param}{range})")?;
                grouping.iter().try_for_each(|grouping| grouping.fmt(f))
            }
            Self::Aggregation {
                op,
                param,
                inner,
                grouping,
            } => {
                op.fmt(f)?;
                let says_something = |g: &&Grouping| g.without || !g.labels.is_empty();
                if let Some(grouping) = grouping.as_ref().filter(says_something) {
                    grouping.fmt(f)?;
                }
                let param = param.map_or_else(String::new, |param| format!("{param},"));
                write!(f, "({param}{inner})")
            }
            Self::Binary { op, left, right } => write!(f, "({left} {op} {right})"),
            Self::LabelReplace {
                inner,
                dst,
                replacement,
                src,
                regex,
            } => write!(
                f,
                "label_replace({inner},{},{},{},{})",
                Quoted(dst),
                Quoted(replacement),
                Quoted(src),
                Quoted(regex)
            ),
            Self::Literal(value) => f.write_str(&general(*value)),
            Self::Vector(value) => write!(f, "vector({value:.6})"),
            Self::Refused(reason) => reason.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, text) in [
            (1.0, "1"),
            (0.5, "0.5"),
            (123_456.0, "123456"),
            (1_234_567.0, "1.234567e+06"),
            (1e21, "1e+21"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (-2.5, "-2.5"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(general(value), text);
        }
    }
}
