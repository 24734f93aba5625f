//! Pretty-prints queries as Loki's `format_query` does: parts that are too long for a line are
//! split over several.

use super::ast::{Expr, Grouping, LogExpr, LogRange, MetricExpr, Stage};
use super::format::{Selector, general, joined, modified, unwrapped};
use crate::logs::store::Quoted;
use crate::wire::duration::prometheus;

/// Bytes beyond which a part is split over several lines.
const LINE: usize = 100;

/// Pretty-prints a query.
#[must_use]
pub fn pretty(expr: &Expr) -> String {
    match expr {
        Expr::Log(log) => pretty_log(log, 0),
        Expr::Metric(metric) => pretty_metric(metric, 0),
        Expr::Variants(variants, range) => {
            let variants: Vec<String> = variants.iter().map(|v| pretty_metric(v, 1)).collect();
            let range = pretty_range(range, 1);
            format!("variants(\n{}\n) of (\n{range}\n)", variants.join(",\n"))
        }
    }
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

fn pretty_log(log: &LogExpr, level: usize) -> String {
    let text = log.to_string();
    let indented = indent(level);
    if text.len() <= LINE || log.stages.is_empty() {
        return format!("{indented}{text}");
    }
    let mut lines = vec![format!("{indented}{}", Selector(&log.matchers))];
    let mut rest = log.stages.as_slice();
    while let Some(stage) = rest.first() {
        // Consecutive line filters are one part in Loki and share a line if they fit.
        let is_filter = |stage: &Stage| matches!(stage, Stage::LineFilter(_));
        let together = rest.iter().take_while(|stage| is_filter(stage)).count();
        let (part, after) = rest.split_at(together.max(1));
        rest = after;
        let short = joined(part, " ").len() <= LINE;
        let indented = match stage {
            // Loki does not indent this one.
            Stage::Decolorize => String::new(),
            _ => indent(level + 1),
        };
        if short {
            lines.push(format!("{indented}{}", joined(part, " ")));
        } else {
            lines.extend(part.iter().map(|stage| format!("{indented}{stage}")));
        }
    }
    lines.join("\n")
}

fn pretty_range(range: &LogRange, level: usize) -> String {
    let mut text = pretty_log(&range.log, level);
    if let Some(unwrap) = &range.unwrap {
        let indented = indent(level + 1);
        text.push_str(&format!("\n{indented}{}", unwrapped(unwrap)));
        for filter in &unwrap.filters {
            text.push_str(&format!("\n{indented}| {filter}"));
        }
    }
    text.push_str(&format!(" [{}]", prometheus::format(range.range)));
    if range.offset != 0 {
        text.push_str(&format!(" offset {}", prometheus::format(range.offset)));
    }
    text
}

fn pretty_metric(expr: &MetricExpr, level: usize) -> String {
    let text = expr.to_string();
    if text.len() <= LINE {
        return format!("{}{text}", indent(level));
    }
    let inner_indent = indent(level + 1);
    let (head, arguments, tail) = match expr {
        MetricExpr::Range {
            op,
            param,
            range,
            grouping,
        } => {
            let mut arguments: Vec<String> = Vec::new();
            arguments.extend(param.map(|param| format!("{inner_indent}{}", general(param))));
            arguments.push(pretty_range(range, level + 1));
            (op.to_string(), arguments, grouped(grouping.as_ref()))
        }
        MetricExpr::Aggregation {
            op,
            param,
            inner,
            grouping,
        } => {
            let mut arguments: Vec<String> = Vec::new();
            arguments.extend(param.map(|param| format!("{inner_indent}{param}")));
            arguments.push(pretty_metric(inner, level + 1));
            let head = format!("{op}{}", grouped(grouping.as_ref()));
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
                arguments.push(format!("{inner_indent}{}", Quoted(text)));
            }
            ("label_replace".to_owned(), arguments, String::new())
        }
        MetricExpr::Binary { op, left, right } => {
            return format!(
                "{}\n{}{}\n{}",
                pretty_side(left, level + 1),
                indent(level),
                modified(op, ", "),
                pretty_side(right, level + 1)
            );
        }
        MetricExpr::Literal(_) | MetricExpr::Vector(_) | MetricExpr::Refused(_) => {
            return format!("{}{text}", indent(level));
        }
    };
    let arguments = arguments.join(",\n");
    let indent = indent(level);
    format!("{indent}{head}(\n{arguments}\n{indent}){tail}")
}

/// An operand. When Loki splits a long operand over lines it drops the parentheses around it, which
/// changes the meaning of the query; here they are kept.
fn pretty_side(side: &MetricExpr, level: usize) -> String {
    let spread = matches!(side, MetricExpr::Binary { .. }) && side.to_string().len() > LINE;
    if !spread {
        return pretty_metric(side, level);
    }
    let indent = indent(level);
    format!("{indent}(\n{}\n{indent})", pretty_metric(side, level + 1))
}

fn grouped(grouping: Option<&Grouping>) -> String {
    let Some(grouping) = grouping else {
        return String::new();
    };
    let labels = grouping.labels.join(", ");
    match (grouping.without, labels.as_str()) {
        (true, labels) => format!(" without ({labels})"),
        (false, "") => String::new(),
        (false, labels) => format!(" by ({labels})"),
    }
}
