//! A query with line breaks, as Prometheus formats it.

use std::fmt::{self, Write as _};

use super::ast::{Aggregate, Binary, Call, Expr};

/// Longest expression on one line, bytes.
const MAX_LINE: usize = 100;

impl Expr {
    /// The query over as many lines as it takes.
    pub(crate) fn pretty(&self) -> String {
        let mut text = String::new();
        self.add(&mut text, 0);
        text
    }

    /// Adds the expression, which is inside of `level` others.
    fn add(&self, to: &mut String, level: usize) {
        let line = self.short_line();
        match (self, line) {
            // A subquery has no indent of its own, nor has Prometheus' on one line.
            (Self::Subquery(_), Some(line)) => to.push_str(&line),
            (Self::Subquery(subquery), None) => {
                subquery.expr.add(to, level);
                to.push_str(&subquery.tail());
            }
            (Self::Unary(unary), _) => {
                indent(to, level);
                to.push_str(unary.sign());
                let start = to.len();
                unary.expr.add(to, level);
                let spaces = to.len() - start - to[start..].trim_start().len();
                to.replace_range(start..start + spaces, "");
            }
            (_, Some(line)) => {
                indent(to, level);
                to.push_str(&line);
            }
            (Self::Aggregate(aggregate), None) => aggregate.split(to, level),
            (Self::Binary(binary), None) => binary.split(to, level),
            (Self::Call(call), None) => call.split(to, level),
            (Self::Paren(inner, _), None) => {
                indent(to, level);
                to.push_str("(\n");
                inner.add(to, level + 1);
                close(to, level);
            }
            (Self::Matrix(_) | Self::Number(_) | Self::Text(..) | Self::Vector(_), None) => {
                indent(to, level);
                to.push_str(&self.to_string());
            }
        }
    }

    /// The expression on one line, if that is short.
    fn short_line(&self) -> Option<String> {
        let mut line = ShortLine(String::new());
        write!(line, "{self}").is_ok().then_some(line.0)
    }
}

/// A line that takes no more than [`MAX_LINE`] bytes: of a long expression not more than that is written.
struct ShortLine(String);

impl fmt::Write for ShortLine {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.0.len() + part.len() > MAX_LINE {
            return Err(fmt::Error);
        }
        self.0.push_str(part);
        Ok(())
    }
}

fn indent(to: &mut String, level: usize) {
    to.extend(std::iter::repeat_n("  ", level));
}

/// Ends an expression in parentheses.
fn close(to: &mut String, level: usize) {
    to.push('\n');
    indent(to, level);
    to.push(')');
}

impl Aggregate {
    fn split(&self, to: &mut String, level: usize) {
        indent(to, level);
        to.push_str(&self.head());
        to.push_str("(\n");
        if let Some(param) = &self.param {
            param.add(to, level + 1);
            to.push_str(",\n");
        }
        self.expr.add(to, level + 1);
        close(to, level);
    }
}

impl Binary {
    fn split(&self, to: &mut String, level: usize) {
        self.left.add(to, level + 1);
        to.push('\n');
        indent(to, level);
        to.push_str(&self.head());
        to.push('\n');
        self.right.add(to, level + 1);
    }
}

impl Call {
    fn split(&self, to: &mut String, level: usize) {
        indent(to, level);
        to.push_str(self.function.name);
        to.push_str("(\n");
        for (at, arg) in self.args.iter().enumerate() {
            if at > 0 {
                to.push_str(",\n");
            }
            arg.add(to, level + 1);
        }
        close(to, level);
    }
}
