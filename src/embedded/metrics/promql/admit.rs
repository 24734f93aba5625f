//! A walk over a parsed query that refuses, by name, what the evaluator does not do.

use promql_parser::parser::Expr;
use promql_parser::parser::token::{T_LIMIT_RATIO, T_LIMITK};

use super::call;

/// Deepest tree that is evaluated.
const MAX_DEPTH: usize = 100;

/// Visits each node before its children, with its depth, without recursion.
pub(super) fn visit<'a>(
    root: &'a Expr,
    each: &mut dyn FnMut(&'a Expr, usize) -> Result<(), String>,
) -> Result<(), String> {
    let mut waiting = vec![(root, 1)];
    while let Some((node, depth)) = waiting.pop() {
        each(node, depth)?;
        let mut add = |child: &'a Expr| waiting.push((child, depth + 1));
        match node {
            Expr::Aggregate(aggregate) => {
                add(&aggregate.expr);
                if let Some(param) = &aggregate.param {
                    add(param);
                }
            }
            Expr::Unary(unary) => add(&unary.expr),
            Expr::Binary(binary) => {
                add(&binary.rhs);
                add(&binary.lhs);
            }
            Expr::Paren(paren) => add(&paren.expr),
            Expr::Subquery(subquery) => add(&subquery.expr),
            Expr::Call(call) => call.args.args.iter().rev().for_each(|arg| add(arg)),
            _ => {}
        }
    }
    Ok(())
}

/// Refuses unsupported constructs and trees that are too deep.
pub(super) fn check(root: &Expr) -> Result<(), String> {
    visit(root, &mut |node, depth| {
        if depth > MAX_DEPTH {
            return Err(format!(
                "expression is nested deeper than {MAX_DEPTH} operations"
            ));
        }
        match node {
            Expr::Call(call) if !call::is_supported(call.func.name) => Err(format!(
                "function \"{}\" is not supported here",
                call.func.name
            )),
            Expr::Aggregate(aggregate) if matches!(aggregate.op.id(), T_LIMITK | T_LIMIT_RATIO) => {
                Err(format!(
                    "aggregation \"{}\" is experimental and not supported here",
                    aggregate.op
                ))
            }
            Expr::Binary(binary) => {
                let fill = binary
                    .modifier
                    .as_ref()
                    .map(|modifier| &modifier.fill_values);
                if fill.is_some_and(|fill| fill.lhs.is_some() || fill.rhs.is_some()) {
                    return Err(
                        "modifier \"fill\" is experimental and not supported here".to_owned()
                    );
                }
                Ok(())
            }
            Expr::VectorSelector(vector) if !vector.matchers.or_matchers.is_empty() => {
                Err("\"or\" between label matchers is not PromQL".to_owned())
            }
            Expr::MatrixSelector(matrix) if !matrix.vs.matchers.or_matchers.is_empty() => {
                Err("\"or\" between label matchers is not PromQL".to_owned())
            }
            Expr::Extension(extension) => {
                Err(format!("{:?} is not supported here", extension.expr.name()))
            }
            _ => Ok(()),
        }
    })
}
