//! A query with line breaks, as Prometheus formats it.

use super::ast::{Aggregate, Binary, Call, Expr};

/// Longest expression on one line, bytes.
const MAX_LINE: usize = 100;

impl Expr {
    /// The query over as many lines as it takes, inside of `level` others.
    pub(crate) fn pretty(&self, level: usize) -> String {
        let line = self.to_string();
        let short = line.len() <= MAX_LINE;
        let indent = "  ".repeat(level);
        match self {
            // A subquery has no indent of its own, nor has Prometheus' on one line.
            Self::Subquery(_) if short => line,
            Self::Subquery(subquery) => {
                format!("{}{}", subquery.expr.pretty(level), subquery.tail())
            }
            Self::Unary(unary) => {
                format!(
                    "{indent}{}{}",
                    unary.sign(),
                    unary.expr.pretty(level).trim()
                )
            }
            _ if short => format!("{indent}{line}"),
            Self::Aggregate(aggregate) => aggregate.split(level, &indent),
            Self::Binary(binary) => binary.split(level, &indent),
            Self::Call(call) => call.split(level, &indent),
            Self::Paren(inner, _) => format!("{indent}(\n{}\n{indent})", inner.pretty(level + 1)),
            Self::Matrix(_) | Self::Number(_) | Self::Text(..) | Self::Vector(_) => {
                format!("{indent}{line}")
            }
        }
    }
}

impl Aggregate {
    fn split(&self, level: usize, indent: &str) -> String {
        let param = self.param.as_ref();
        let param = param.map(|it| format!("{},\n", it.pretty(level + 1)));
        format!(
            "{indent}{}(\n{}{}\n{indent})",
            self.head(),
            param.unwrap_or_default(),
            self.expr.pretty(level + 1)
        )
    }
}

impl Binary {
    fn split(&self, level: usize, indent: &str) -> String {
        let (left, right) = (self.left.pretty(level + 1), self.right.pretty(level + 1));
        format!("{left}\n{indent}{}\n{right}", self.head())
    }
}

impl Call {
    fn split(&self, level: usize, indent: &str) -> String {
        let args: Vec<_> = self.args.iter().map(|it| it.pretty(level + 1)).collect();
        format!(
            "{indent}{}(\n{}\n{indent})",
            self.function.name,
            args.join(",\n")
        )
    }
}
