//! Types: what may stand where.

use super::ast::{Aggregate, Binary, Call, Card, Expr, Type, VectorSelector};
use super::parser::Problem;
use super::token::{Aggregation, Place, quote};
use crate::metrics::labels::METRIC_NAME;

/// Checks a tree and gives what is wrong in the order in which Prometheus finds it.
pub(super) fn check(expr: &Expr) -> Vec<Problem> {
    let mut found = Found(Vec::new());
    found.check(expr);
    found.0
}

struct Found(Vec<Problem>);

impl Found {
    fn note(&mut self, place: Place, text: impl Into<String>) {
        let text = text.into();
        self.0.push(Problem { place, text });
    }

    fn expect(&mut self, expr: &Expr, wanted: Type, context: &str) {
        let kind = self.check(expr);
        if kind != wanted {
            let text = format!(
                "expected type {} in {context}, got {}",
                wanted.name(),
                kind.name()
            );
            self.note(expr.place(), text);
        }
    }

    fn check(&mut self, expr: &Expr) -> Type {
        match expr {
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Binary(binary) => self.binary(binary, expr.place()),
            Expr::Call(call) => self.call(call),
            Expr::Paren(inner, _) => {
                self.check(inner);
            }
            Expr::Unary(unary) => {
                let kind = self.check(&unary.expr);
                if !matches!(kind, Type::Scalar | Type::Vector) {
                    let text = format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {}",
                        quote(kind.name())
                    );
                    self.note(unary.place, text);
                }
            }
            Expr::Subquery(subquery) => {
                let kind = self.check(&subquery.expr);
                if kind != Type::Vector {
                    let kind = match kind {
                        Type::Matrix => "matrix",
                        other => other.name(),
                    };
                    let text =
                        format!("subquery is only allowed on instant vector, got {kind} instead");
                    self.note(expr.place(), text);
                }
            }
            Expr::Matrix(matrix) => self.vector(&matrix.vector),
            Expr::Vector(vector) => self.vector(vector),
            Expr::Number(..) | Expr::Text(..) => {}
        }
        expr.kind()
    }

    fn aggregate(&mut self, aggregate: &Aggregate) {
        self.expect(&aggregate.expr, Type::Vector, "aggregation expression");
        if let Some(param) = &aggregate.param {
            let wanted = match aggregate.op {
                Aggregation::CountValues => Type::Text,
                _ => Type::Scalar,
            };
            self.expect(param, wanted, "aggregation parameter");
        }
    }

    fn binary(&mut self, binary: &Binary, place: Place) {
        let left = self.check(&binary.left);
        let right = self.check(&binary.right);
        let (op, matching) = (binary.op, &binary.matching);
        if binary.return_bool && !op.is_comparison() {
            let text = "bool modifier can only be used on comparison operators";
            self.note(binary.op_place, text);
        }
        let scalars = left == Type::Scalar && right == Type::Scalar;
        if op.is_comparison() && !binary.return_bool && scalars {
            let text = "comparisons between scalars must use BOOL modifier";
            self.note(binary.op_place, text);
        }
        for label in &matching.labels {
            if matching.on && matching.include.contains(label) {
                let text = format!(
                    "label {} must not occur in ON and GROUP clause at once",
                    quote(label)
                );
                self.note(binary.op_place, text);
            }
        }
        for (kind, side) in [(left, &binary.left), (right, &binary.right)] {
            if !matches!(kind, Type::Scalar | Type::Vector) {
                let text = "binary expression must contain only scalar and instant vector types";
                self.note(side.place(), text);
            }
        }
        if left != Type::Vector || right != Type::Vector {
            if !matching.labels.is_empty() {
                let text = "vector matching only allowed between instant vectors";
                self.note(place, text);
            }
        } else if op.is_set() && matching.card != Card::OneToOne {
            let text = format!("no grouping allowed for {} operation", quote(op.text()));
            self.note(place, text);
        }
        if (left == Type::Scalar || right == Type::Scalar) && op.is_set() {
            let text = format!(
                "set operator {} not allowed in binary scalar expression",
                quote(op.text())
            );
            self.note(place, text);
        }
    }

    fn call(&mut self, call: &Call) {
        let function = call.function;
        let (wanted, given) = (function.args.len(), call.args.len());
        let name = quote(function.name);
        let least = wanted.saturating_sub(1);
        let most = usize::try_from(function.variadic).map(|more| least + more);
        if function.variadic == 0 {
            if wanted != given {
                let text = format!("expected {wanted} argument(s) in call to {name}, got {given}");
                self.note(call.place, text);
            }
        } else if least > given {
            let text =
                format!("expected at least {least} argument(s) in call to {name}, got {given}");
            self.note(call.place, text);
        } else if let Ok(most) = most
            && most < given
        {
            let text =
                format!("expected at most {most} argument(s) in call to {name}, got {given}");
            self.note(call.place, text);
        }
        for (index, argument) in call.args.iter().enumerate() {
            let index = if function.variadic == 0 {
                index
            } else {
                index.min(least)
            };
            let Some(wanted) = function.args.get(index) else {
                break;
            };
            let kind = self.check(argument);
            if kind != *wanted {
                let text = format!(
                    "expected type {} in call to function {name}, got {}",
                    wanted.name(),
                    kind.name()
                );
                self.note(argument.place(), text);
            }
        }
    }

    fn vector(&mut self, vector: &VectorSelector) {
        let matchers = vector.selector.matchers();
        if vector.name.is_empty() {
            if matchers.iter().all(|matcher| matcher.accepts("")) {
                let text = "vector selector must contain at least one non-empty matcher";
                self.note(vector.place, text);
            }
            return;
        }
        let inside = &matchers[..matchers.len().saturating_sub(1)];
        for matcher in inside.iter().filter(|it| it.name() == METRIC_NAME) {
            let text = format!(
                "metric name must not be set twice: {} or {}",
                quote(&vector.name),
                quote(matcher.text())
            );
            self.note(vector.place, text);
        }
    }
}
