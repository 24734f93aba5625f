//! A query on one line, as Prometheus shows it: in its own spelling, without what was written around it.

use std::fmt::{self, Display, Formatter, Write as _};

use super::ast::{
    Aggregate, At, Binary, Card, DurationExpr, Expr, Matching, MatrixSelector, Moved, Number,
    Subquery, VectorSelector,
};
use super::token::quote;
use crate::metrics::labels::METRIC_NAME;
use crate::wire::duration::prometheus;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregate(aggregate) => {
                write!(f, "{}(", aggregate.head())?;
                if let Some(param) = &aggregate.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            Self::Binary(binary) => {
                write!(f, "{} {} {}", binary.left, binary.head(), binary.right)
            }
            Self::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                for (at, arg) in call.args.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    write!(f, "{comma}{arg}")?;
                }
                f.write_char(')')
            }
            Self::Matrix(matrix) => matrix.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Paren(inner, _) => write!(f, "({inner})"),
            Self::Subquery(subquery) => write!(f, "{}{}", subquery.expr, subquery.tail()),
            Self::Text(text) => f.write_str(&quote(&text.value)),
            Self::Unary(unary) => write!(f, "{}{}", unary.sign(), unary.expr),
            Self::Vector(vector) => vector.fmt(f),
        }
    }
}

impl Aggregate {
    /// Its operator and its labels.
    pub(super) fn head(&self) -> String {
        let op = self.op.text();
        let labels = label_names(&self.grouping);
        match (self.without, self.grouping.is_empty()) {
            (true, _) => format!("{op} without ({labels}) "),
            (false, false) => format!("{op} by ({labels}) "),
            (false, true) => op.to_owned(),
        }
    }
}

impl Binary {
    /// Its operator and how the sides meet.
    pub(super) fn head(&self) -> String {
        let op = self.op.text();
        let bool = if self.return_bool { " bool" } else { "" };
        format!("{op}{bool}{}", self.matching)
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.labels.is_empty() || self.on || self.card != Card::OneToOne {
            let tag = if self.on { "on" } else { "ignoring" };
            write!(f, " {tag} ({})", label_names(&self.labels))?;
        }
        let include = label_names(&self.include);
        match self.card {
            Card::OneToOne => Ok(()),
            Card::ManyToOne => write!(f, " group_left ({include})"),
            Card::OneToMany => write!(f, " group_right ({include})"),
        }
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&number(self.value, self.is_duration))
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (op, left, right, wrapped) = match self {
            Self::Number { value, is_duration } => {
                return f.write_str(&number(*value, *is_duration));
            }
            Self::Operation {
                op,
                left,
                right,
                wrapped,
            } => (*op, left, right, *wrapped),
        };
        if wrapped {
            f.write_char('(')?;
        }
        match (op, left, right) {
            ("min_of" | "max_of", Some(left), Some(right)) => write!(f, "{op}({left}, {right})"),
            (_, Some(left), Some(right)) => write!(f, "{left} {op} {right}"),
            ("-", None, Some(right)) => write!(f, "-{right}"),
            (_, None, Some(right)) => right.fmt(f),
            _ => write!(f, "{op}()"),
        }?;
        if wrapped {
            f.write_char(')')?;
        }
        Ok(())
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.bare(), self.moved)
    }
}

impl VectorSelector {
    /// The selector without its time.
    fn bare(&self) -> String {
        let matchers = self.selector.matchers().iter();
        let mut conditions: Vec<String> = matchers
            .filter(|it| {
                let is_name = it.name() == METRIC_NAME && it.exact() == Some(&self.name);
                !is_name || self.name.is_empty()
            })
            .map(|it| {
                let (name, value) = (label_name(it.name()), quote(it.text()));
                format!("{name}{}{value}", it.operator())
            })
            .collect();
        if conditions.is_empty() {
            return self.name.clone();
        }
        conditions.sort_unstable();
        format!("{}{{{}}}", self.name, conditions.join(","))
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let range = span(self.range, self.range_expr.as_ref());
        write!(f, "{}[{range}]{}", self.vector.bare(), self.vector.moved)
    }
}

impl Subquery {
    /// Its range, its step and its time.
    pub(super) fn tail(&self) -> String {
        let range = span(self.range, self.range_expr.as_ref());
        let step = self.step.map(|step| span(step, self.step_expr.as_ref()));
        let step = step.unwrap_or_default();
        format!("[{range}:{step}]{}", self.moved)
    }
}

impl Display for Moved {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(At::Time(millis)) => write!(f, " @ {:.3}", millis as f64 / 1000.0)?,
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            None => {}
        }
        match (&self.offset_expr, self.offset) {
            (Some(written), _) => write!(f, " offset {written}"),
            (None, 0) => Ok(()),
            (None, offset) => write!(f, " offset {}", span(offset, None)),
        }
    }
}

/// A span of milliseconds, or what was written in its place.
fn span(millis: i64, written: Option<&DurationExpr>) -> String {
    match written {
        Some(written) => written.to_string(),
        None => prometheus::format(millis.saturating_mul(1_000_000)),
    }
}

/// A number, which a duration gives in seconds.
pub(crate) fn number(value: f64, is_duration: bool) -> String {
    if is_duration {
        return prometheus::format((value * 1e9) as i64);
    }
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}

fn label_names(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| label_name(name)).collect();
    names.join(", ")
}

/// A label's name, in quotes unless it is one of the oldest kind.
fn label_name(name: &str) -> String {
    let mut characters = name.chars();
    let starts = |one: char| one.is_ascii_alphabetic() || one == '_';
    let plain = characters.next().is_some_and(starts)
        && characters.all(|one| starts(one) || one.is_ascii_digit());
    if plain { name.to_owned() } else { quote(name) }
}
