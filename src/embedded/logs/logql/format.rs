//! From the tree back to text: what `format_query` answers, and the names of operators.

use std::fmt;

use super::ast::{
    BinaryOp, BinaryOpKind, CompareOp, Expr, Extraction, Grouping, LabelFilter, LabelFormat,
    LineFilter, LineMatch, LogExpr, LogRange, MatchOp, Matcher, MetricExpr, NamedMatcher, Parser,
    RangeOp, Stage, Unwrap, UnwrapConversion, VectorOp,
};
use super::units::format_duration;
use crate::embedded::logs::store::Quoted;

/// Beyond this many characters a part is spread over several lines, as Loki does.
const LINE: usize = 100;

/// Lays a query out for reading.
#[must_use]
pub fn pretty(expr: &Expr) -> String {
    match expr {
        Expr::Log(log) => pretty_log(log, 0),
        Expr::Metric(metric) => pretty_metric(metric, 0),
    }
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

fn is_short(part: &impl fmt::Display) -> bool {
    part.to_string().chars().count() <= LINE
}

fn pretty_log(log: &LogExpr, level: usize) -> String {
    if is_short(log) {
        return format!("{}{log}", indent(level));
    }
    let mut text = format!("{}{}", indent(level), Selector(&log.matchers));
    for stage in &log.stages {
        text.push_str(&format!("\n{}{stage}", indent(level + 1)));
    }
    text
}

fn pretty_range(range: &LogRange, level: usize) -> String {
    let mut text = pretty_log(&range.log, level);
    if let Some(unwrap) = &range.unwrap {
        text.push_str(&format!("\n{}{unwrap}", indent(level + 1)));
    }
    format!("{text} {}", Bounds(range))
}

fn pretty_metric(expr: &MetricExpr, level: usize) -> String {
    if is_short(expr) {
        return format!("{}{expr}", indent(level));
    }
    let (head, arguments, tail) = match expr {
        MetricExpr::Range {
            op,
            param,
            range,
            grouping,
        } => {
            let mut arguments: Vec<String> = Vec::new();
            arguments.extend(param.map(|param| format!("{}{param}", indent(level + 1))));
            arguments.push(pretty_range(range, level + 1));
            (op.to_string(), arguments, spaced(grouping.as_ref()))
        }
        MetricExpr::Aggregation {
            op,
            param,
            inner,
            grouping,
        } => {
            let mut arguments: Vec<String> = Vec::new();
            arguments.extend(param.map(|param| format!("{}{param}", indent(level + 1))));
            arguments.push(pretty_metric(inner, level + 1));
            let head = format!("{op}{}", spaced(grouping.as_ref()));
            (head, arguments, String::new())
        }
        MetricExpr::LabelReplace {
            inner,
            dst,
            replacement,
            src,
            regex,
        } => {
            let mut arguments = vec![pretty_metric(inner, level + 1)];
            for text in [dst, replacement, src, regex] {
                arguments.push(format!("{}{}", indent(level + 1), Quoted(text)));
            }
            ("label_replace".to_owned(), arguments, String::new())
        }
        MetricExpr::Binary { op, left, right } => {
            return format!(
                "{}\n{}{op}\n{}",
                pretty_side(left, op.kind, false, level + 1),
                indent(level),
                pretty_side(right, op.kind, true, level + 1)
            );
        }
        MetricExpr::Literal(_) | MetricExpr::Vector(_) => {
            return format!("{}{expr}", indent(level));
        }
    };
    let arguments = arguments.join(",\n");
    let indent = indent(level);
    format!("{indent}{head}(\n{arguments}\n{indent}){tail}")
}

fn pretty_side(side: &MetricExpr, op: BinaryOpKind, right: bool, level: usize) -> String {
    if needs_parentheses(side, op, right) {
        let indent = indent(level);
        return format!("{indent}(\n{}\n{indent})", pretty_metric(side, level + 1));
    }
    pretty_metric(side, level)
}

fn spaced(grouping: Option<&Grouping>) -> String {
    grouping
        .map_or_else(String::new, |grouping| format!(" {grouping} "))
        .trim_end()
        .to_owned()
}

/// Whether a side of an operator would be read differently without parentheses.
fn needs_parentheses(side: &MetricExpr, op: BinaryOpKind, right: bool) -> bool {
    let MetricExpr::Binary { op: inner, .. } = side else {
        return false;
    };
    let (outer, inner) = (op.precedence(), inner.kind.precedence());
    let associates_right = op == BinaryOpKind::Pow;
    inner < outer || (inner == outer && right != associates_right)
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(log) => log.fmt(f),
            Self::Metric(metric) => metric.fmt(f),
        }
    }
}

struct Selector<'a>(&'a [Matcher]);

impl fmt::Display for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", list(self.0))
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
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
        write!(f, "{}{op}{}", self.name, Quoted(&self.value))
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineFilter(filter) => filter.fmt(f),
            Self::Parser(parser) => write!(f, "| {parser}"),
            Self::LabelFilter(filter) => write!(f, "| {filter}"),
            Self::LineFormat(template) => write!(f, "| line_format {}", Quoted(template)),
            Self::LabelFormat(formats) => {
                let formats: Vec<String> = formats
                    .iter()
                    .map(|(label, format)| match format {
                        LabelFormat::Rename(from) => format!("{label}={from}"),
                        LabelFormat::Template(text) => format!("{label}={}", Quoted(text)),
                    })
                    .collect();
                write!(f, "| label_format {}", formats.join(", "))
            }
            Self::Drop(labels) => write!(f, "| drop {}", list(labels)),
            Self::Keep(labels) => write!(f, "| keep {}", list(labels)),
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

impl fmt::Display for LineFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            LineMatch::Contains => "|=",
            LineMatch::ContainsNot => "!=",
            LineMatch::Regex => "|~",
            LineMatch::NotRegex => "!~",
        };
        let alternatives: Vec<String> = self
            .alternatives
            .iter()
            .map(|text| Quoted(text).to_string())
            .collect();
        write!(f, "{op} {}", alternatives.join(" or "))
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
            Self::Json(extractions) => write!(f, "json {}", list(extractions)),
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
                    write!(f, " {}", list(extractions))?;
                }
                Ok(())
            }
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
            Self::Match(matcher) => matcher.fmt(f),
            Self::Number(name, op, value) => write!(f, "{name}{op}{value}"),
            Self::Duration(name, op, nanos) => write!(f, "{name}{op}{}", format_duration(*nanos)),
            Self::Bytes(name, op, bytes) => write!(f, "{name}{op}{bytes}B"),
            Self::And(filters) => f.write_str(&joined(filters, " , ")),
            Self::Or(filters) => f.write_str(&joined(filters, " or ")),
        }
    }
}

fn joined(filters: &[LabelFilter], separator: &str) -> String {
    let parts: Vec<String> = filters
        .iter()
        .map(|filter| match filter {
            LabelFilter::And(_) | LabelFilter::Or(_) => format!("( {filter} )"),
            other => other.to_string(),
        })
        .collect();
    parts.join(separator)
}

struct Bounds<'a>(&'a LogRange);

impl fmt::Display for Bounds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", format_duration(self.0.range))?;
        if self.0.offset != 0 {
            write!(f, " offset {}", format_duration(self.0.offset))?;
        }
        Ok(())
    }
}

impl fmt::Display for LogRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.log.fmt(f)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        write!(f, " {}", Bounds(self))
    }
}

impl fmt::Display for Unwrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.conversion {
            UnwrapConversion::None => write!(f, "| unwrap {}", self.label)?,
            UnwrapConversion::Bytes => write!(f, "| unwrap bytes({})", self.label)?,
            UnwrapConversion::Duration => write!(f, "| unwrap duration({})", self.label)?,
            UnwrapConversion::DurationSeconds => {
                write!(f, "| unwrap duration_seconds({})", self.label)?;
            }
        }
        self.filters
            .iter()
            .try_for_each(|filter| write!(f, " | {filter}"))
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
        write!(f, "{word} ({})", self.labels.join(", "))
    }
}

impl fmt::Display for BinaryOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            BinaryOpKind::Or => "or",
            BinaryOpKind::And => "and",
            BinaryOpKind::Unless => "unless",
            BinaryOpKind::Add => "+",
            BinaryOpKind::Sub => "-",
            BinaryOpKind::Mul => "*",
            BinaryOpKind::Div => "/",
            BinaryOpKind::Mod => "%",
            BinaryOpKind::Pow => "^",
            BinaryOpKind::Equal => "==",
            BinaryOpKind::NotEqual => "!=",
            BinaryOpKind::Greater => ">",
            BinaryOpKind::GreaterOrEqual => ">=",
            BinaryOpKind::Less => "<",
            BinaryOpKind::LessOrEqual => "<=",
        })?;
        if self.return_bool {
            f.write_str(" bool")?;
        }
        if let Some(matching) = &self.matching {
            let word = if matching.on { "on" } else { "ignoring" };
            write!(f, " {word} ({})", matching.labels.join(", "))?;
        }
        Ok(())
    }
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
                let param = param.map_or_else(String::new, |param| format!("{param}, "));
                write!(f, "{op}({param}{range}){}", spaced(grouping.as_ref()))
            }
            Self::Aggregation {
                op,
                param,
                inner,
                grouping,
            } => {
                let param = param.map_or_else(String::new, |param| format!("{param}, "));
                write!(f, "{op}{}({param}{inner})", spaced(grouping.as_ref()))
            }
            Self::Binary { op, left, right } => {
                write_side(f, left, op.kind, false)?;
                write!(f, " {op} ")?;
                write_side(f, right, op.kind, true)
            }
            Self::LabelReplace {
                inner,
                dst,
                replacement,
                src,
                regex,
            } => write!(
                f,
                "label_replace({inner}, {}, {}, {}, {})",
                Quoted(dst),
                Quoted(replacement),
                Quoted(src),
                Quoted(regex)
            ),
            Self::Literal(value) => write!(f, "{value}"),
            Self::Vector(value) => write!(f, "vector({value})"),
        }
    }
}

fn write_side(
    f: &mut fmt::Formatter<'_>,
    side: &MetricExpr,
    op: BinaryOpKind,
    right: bool,
) -> fmt::Result {
    if needs_parentheses(side, op, right) {
        write!(f, "({side})")
    } else {
        write!(f, "{side}")
    }
}
