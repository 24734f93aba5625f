//! Checks of a query beyond the grammar: matching types, usable regular expressions,
//! nothing that cannot be answered.

use regex::Regex;

use super::QueryError;
use super::ast::{
    Aggregate, AttributeScope, BinaryOp, Const, Expr, Field, Intrinsic, Query, Spansets, Stage,
};
use super::metrics::{self, MetricsFunction};
use crate::wire::regex::{compile, compile_anchored};

/// Static type of an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    /// Depends on the span.
    Attribute,
    Nil,
    Number,
    Text,
    Bool,
    Status,
    Kind,
}

/// Regular expressions that a query may have; each may take megabytes when it is compiled.
const MAX_PATTERNS: usize = 20;

type Checked<T> = Result<T, QueryError>;

fn invalid<T>(message: String) -> Checked<T> {
    Err(QueryError::Invalid(message))
}

/// Checks a whole query.
pub(super) fn query(query: &Query) -> Checked<()> {
    let mut patterns = 0;
    count_patterns(&query.pipeline, &mut patterns);
    if let Some(MetricsFunction::Compare(compare)) = query.metrics.as_ref().map(|m| &m.function) {
        let selection = Stage::Spansets(Spansets::Filter(compare.selection.clone()));
        count_patterns(&[selection], &mut patterns);
    }
    if patterns > MAX_PATTERNS {
        return invalid(format!(
            "query has {patterns} regular expressions, more than {MAX_PATTERNS}"
        ));
    }
    pipeline(&query.pipeline)?;
    query.metrics.as_ref().map_or(Ok(()), metrics::check)
}

fn count_patterns(stages: &[Stage], count: &mut usize) {
    fn of_expr(expr: &Expr, count: &mut usize) {
        match expr {
            Expr::Const(_) | Expr::Field(_) => {}
            Expr::Not(inner) | Expr::Negative(inner) | Expr::Exists(inner, _) => {
                of_expr(inner, count);
            }
            Expr::Binary(op, left, right) => {
                *count += usize::from(matches!(op, BinaryOp::Re | BinaryOp::NotRe));
                of_expr(left, count);
                of_expr(right, count);
            }
        }
    }
    fn of_spansets(spansets: &Spansets, count: &mut usize) {
        match spansets {
            Spansets::Filter(expr) => of_expr(expr, count),
            Spansets::Binary(_, left, right) => {
                of_spansets(left, count);
                of_spansets(right, count);
            }
            Spansets::Pipeline(stages) => count_patterns(stages, count),
        }
    }
    for stage in stages {
        match stage {
            Stage::Spansets(spansets) => of_spansets(spansets, count),
            Stage::By(expr) => of_expr(expr, count),
            Stage::Filter(filter) => match &filter.aggregate {
                Aggregate::Count => {}
                Aggregate::Avg(expr)
                | Aggregate::Max(expr)
                | Aggregate::Min(expr)
                | Aggregate::Sum(expr) => of_expr(expr, count),
            },
            Stage::Coalesce | Stage::Select(_) => {}
        }
    }
}

/// True if a condition may stand between braces on its own.
pub(super) fn condition(expr: &Expr) -> bool {
    matches!(type_of(expr), Ok(Type::Attribute | Type::Bool))
}

fn pipeline(stages: &[Stage]) -> Checked<()> {
    for stage in stages {
        match stage {
            Stage::Spansets(spansets) => self::spansets(spansets)?,
            Stage::By(expr) => {
                if !mentions_span(expr) {
                    return invalid(format!(
                        "grouping field expressions must reference the span: by({expr})"
                    ));
                }
                type_of(expr)?;
            }
            Stage::Coalesce => {}
            Stage::Select(fields) => fields.iter().try_for_each(field)?,
            Stage::Filter(filter) => {
                let left = aggregate(&filter.aggregate)?;
                let right = constant(&filter.value);
                let text = || {
                    let op = filter.op.text();
                    format!("({}) {op} {}", filter.aggregate, filter.value)
                };
                if !matching(left, right) {
                    return invalid(format!(
                        "binary operations must operate on the same type: {}",
                        text()
                    ));
                }
                if filter.number_first {
                    // Tempo's own text, placeholder included.
                    return invalid("scalar filter lhs of type (%v) not yet supported".to_owned());
                }
            }
        }
    }
    Ok(())
}

pub(super) fn spansets(expr: &Spansets) -> Checked<()> {
    match expr {
        Spansets::Filter(inner) => match type_of(inner)? {
            Type::Attribute | Type::Bool => Ok(()),
            _ => invalid(format!(
                "span filter field expressions must resolve to a boolean: {{ {inner} }}"
            )),
        },
        Spansets::Binary(_, left, right) => spansets(left).and_then(|()| spansets(right)),
        Spansets::Pipeline(stages) => pipeline(stages),
    }
}

fn aggregate(aggregate: &Aggregate) -> Checked<Type> {
    let (Aggregate::Avg(expr) | Aggregate::Max(expr) | Aggregate::Min(expr) | Aggregate::Sum(expr)) =
        aggregate
    else {
        return Ok(Type::Number);
    };
    let found = type_of(expr)?;
    if !matches!(found, Type::Attribute | Type::Number) {
        return invalid(format!(
            "aggregate field expressions must resolve to a number type: {aggregate}"
        ));
    }
    if !mentions_span(expr) {
        return invalid(format!(
            "aggregate field expressions must reference the span: {aggregate}"
        ));
    }
    Ok(found)
}

fn field(field: &Field) -> Checked<()> {
    match field {
        Field::Attribute(AttributeScope::Parent, _) => {
            invalid("parent not yet supported".to_owned())
        }
        Field::Intrinsic(Intrinsic::Parent) => {
            invalid("intrinsic (parent) not yet supported".to_owned())
        }
        _ => Ok(()),
    }
}

fn type_of(expr: &Expr) -> Checked<Type> {
    match expr {
        Expr::Const(value) => Ok(constant(value)),
        Expr::Field(field) => {
            self::field(field)?;
            Ok(match field {
                Field::Attribute(..) => Type::Attribute,
                Field::Intrinsic(intrinsic) => self::intrinsic(*intrinsic),
            })
        }
        Expr::Not(inner) => match type_of(inner)? {
            found @ (Type::Attribute | Type::Bool) => Ok(found),
            _ => invalid(format!("illegal operation for the given type: {expr}")),
        },
        Expr::Negative(inner) => match type_of(inner)? {
            found @ (Type::Attribute | Type::Number) => Ok(found),
            _ => invalid(format!("illegal operation for the given type: {expr}")),
        },
        Expr::Exists(inner, wanted) => {
            type_of(inner)?;
            let service = Field::Attribute(AttributeScope::Resource, "service.name".to_owned());
            if (&**inner, *wanted) == (&Expr::Field(service), false) {
                return invalid(format!(
                    "{inner}=nil is not valid because {inner} cannot be nil"
                ));
            }
            if let (Expr::Field(Field::Intrinsic(_)), false) = (&**inner, wanted) {
                return invalid(format!(
                    "{inner}=nil is not valid because intrinsics cannot be nil"
                ));
            }
            Ok(Type::Bool)
        }
        Expr::Binary(op, left, right) => binary(expr, *op, left, right),
    }
}

/// The whole number that an expression of whole numbers is.
fn integer(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Const(Const::Int(number)) => Some(*number),
        Expr::Negative(inner) => integer(inner).map(i64::wrapping_neg),
        Expr::Binary(op, left, right) => {
            let (left, right) = (integer(left)?, integer(right)?);
            match op {
                BinaryOp::Add => Some(left.wrapping_add(right)),
                BinaryOp::Sub => Some(left.wrapping_sub(right)),
                BinaryOp::Mul => Some(left.wrapping_mul(right)),
                BinaryOp::Div => left.checked_div(right),
                BinaryOp::Mod => left.checked_rem(right),
                _ => None,
            }
        }
        _ => None,
    }
}

fn binary(expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr) -> Checked<Type> {
    // Tempo computes these when it reads them.
    if matches!(op, BinaryOp::Div | BinaryOp::Mod)
        && integer(left).is_some()
        && integer(right) == Some(0)
    {
        return Err(QueryError::Syntax {
            line: 0,
            column: 0,
            message: "runtime error: integer divide by zero".to_owned(),
        });
    }
    let (left_type, right_type) = (type_of(left)?, type_of(right)?);
    if !matching(left_type, right_type) {
        return invalid(format!(
            "binary operations must operate on the same type: {expr}"
        ));
    }
    if !allowed(op, left_type) || !allowed(op, right_type) {
        return invalid(format!("illegal operation for the given types: {expr}"));
    }
    if matches!(op, BinaryOp::Re | BinaryOp::NotRe) {
        match right {
            Expr::Const(Const::Text(pattern)) if regex(pattern).is_some() => {}
            Expr::Const(Const::Text(_)) => return invalid(format!("invalid regex: {right}")),
            _ => return invalid(format!("invalid type for =~ or !~: {right}")),
        }
    }
    Ok(match (op.is_boolean(), left_type) {
        (true, _) => Type::Bool,
        (false, Type::Attribute) => right_type,
        (false, known) => known,
    })
}

/// A regular expression that must match a whole value, as Tempo compiles it.
pub(crate) fn regex(pattern: &str) -> Option<Regex> {
    // Tempo checks it first on its own, with other flags.
    compile(pattern).ok()?;
    compile_anchored(pattern).ok()
}

fn matching(left: Type, right: Type) -> bool {
    left == right || [left, right].contains(&Type::Attribute) || [left, right].contains(&Type::Nil)
}

fn allowed(op: BinaryOp, of: Type) -> bool {
    use BinaryOp::{And, Eq, Ge, Gt, Le, Lt, Ne, NotRe, Or, Re};
    match of {
        Type::Attribute => true,
        Type::Bool => matches!(op, And | Or | Eq | Ne),
        Type::Number => !matches!(op, And | Or | Re | NotRe),
        Type::Text => matches!(op, Eq | Ne | Re | NotRe | Gt | Ge | Lt | Le),
        Type::Nil | Type::Status | Type::Kind => matches!(op, Eq | Ne),
    }
}

fn constant(value: &Const) -> Type {
    match value {
        Const::Nil => Type::Nil,
        Const::Int(_) | Const::Float(_) | Const::Duration(_) => Type::Number,
        Const::Text(_) => Type::Text,
        Const::Bool(_) => Type::Bool,
        Const::Status(_) => Type::Status,
        Const::Kind(_) => Type::Kind,
    }
}

fn intrinsic(intrinsic: Intrinsic) -> Type {
    match intrinsic {
        Intrinsic::Duration
        | Intrinsic::TraceDuration
        | Intrinsic::ChildCount
        | Intrinsic::NestedSetLeft
        | Intrinsic::NestedSetRight
        | Intrinsic::NestedSetParent
        | Intrinsic::EventTimeSinceStart => Type::Number,
        Intrinsic::Status => Type::Status,
        Intrinsic::Kind => Type::Kind,
        Intrinsic::Parent => Type::Nil,
        // Tempo knows no type of these.
        Intrinsic::InstrumentationName | Intrinsic::InstrumentationVersion => Type::Attribute,
        _ => Type::Text,
    }
}

fn mentions_span(expr: &Expr) -> bool {
    match expr {
        Expr::Const(_) => false,
        Expr::Field(_) => true,
        Expr::Not(inner) | Expr::Negative(inner) | Expr::Exists(inner, _) => mentions_span(inner),
        Expr::Binary(_, left, right) => mentions_span(left) || mentions_span(right),
    }
}
