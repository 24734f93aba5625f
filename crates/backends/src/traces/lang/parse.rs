//! The language outside braces: spansets and how they combine, pipelines, hints.

use winnow::Parser;
use winnow::combinator::opt;
use winnow::stream::{Stateful, TokenSlice};

use super::QueryError;
use super::ast::{Aggregate, BinaryOp, Const, Expr, Field, Hints};
use super::ast::{Query, ScalarFilter, SpansetOp, Spansets, Stage};
use super::cursor::{Cursor, Fault, Parsed, advance, expect, keyword, nested, next, symbol};
use super::expression;
use super::lexer::{self, Token};
use super::metrics::{self, Metrics};

/// Reads a whole query; `invalid` is the first place at which it was not UTF-8 and now has U+FFFD.
pub(super) fn query(text: &str, invalid: Option<usize>) -> Result<Query, QueryError> {
    let lexemes = lexer::lexemes(text, invalid);
    let mut input = Stateful {
        input: TokenSlice::new(&lexemes),
        state: 0,
    };
    let input = &mut input;
    let (pipeline, metrics) = pipeline(input)?;
    let mut hints = Hints::default();
    while opt(keyword("with")).parse_next(input)?.is_some() {
        // The last ones count.
        hints = self::hints(input)?;
    }
    let plain =
        matches!(pipeline.last(), Some(Stage::Spansets(spansets)) if !spansets.has_pipelines());
    match next(input) {
        Token::End => Ok(Query {
            pipeline,
            metrics,
            hints,
        }),
        _ if plain && metrics.is_none() => Err(Fault::unexpected(input, "").into()),
        _ => Err(Fault::unexpected(input, "with").into()),
    }
}

/// Reads a single attribute or intrinsic, such as `resource.service.name`.
pub(super) fn single_field(text: &str) -> Result<Field, QueryError> {
    let lexemes = lexer::lexemes(text, None);
    let mut input = Stateful {
        input: TokenSlice::new(&lexemes),
        state: 0,
    };
    let found = expression::expression(&mut input)?;
    match (next(&input), found) {
        (Token::End, Expr::Field(field)) => Ok(field),
        (Token::End, _) => Err(QueryError::Invalid(format!("{text} is not an attribute"))),
        _ => Err(Fault::unexpected(&input, "").into()),
    }
}

/// Place of pipelines in parentheses. As in Tempo, they combine only with each other, and nothing
/// may follow: `({ } | count() > 1) && ({ })`, but not `{ } && ({ } | count() > 1)`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pipelines {
    Allowed,
    Refused,
}

/// Operand outside braces.
enum Node {
    /// No pipeline is among them.
    Spansets(Spansets),
    /// Pipelines, or such combined.
    Pipelines(Spansets),
    Aggregate(Aggregate),
    Number(Const),
    Filter(ScalarFilter),
}

fn pipeline(input: &mut Cursor<'_>) -> Parsed<(Vec<Stage>, Option<Metrics>)> {
    let mut stages = vec![stage(input, true, Pipelines::Allowed)?];
    if matches!(&stages[0], Stage::Spansets(spansets) if spansets.has_pipelines()) {
        return Ok((stages, None));
    }
    while opt(symbol("|")).parse_next(input)?.is_some() {
        if let Token::Word(word) = next(input)
            && metrics::begins(word)
        {
            return Ok((stages, Some(metrics::metrics(input, word)?)));
        }
        stages.push(stage(input, false, Pipelines::Refused)?);
    }
    Ok((stages, None))
}

fn stage(input: &mut Cursor<'_>, first: bool, pipelines: Pipelines) -> Parsed<Stage> {
    let Token::Word(word) = next(input) else {
        return expression_stage(input, pipelines);
    };
    match word.as_str() {
        "by" => {
            advance(input);
            parenthesized(input, expression::expression).map(Stage::By)
        }
        "select" => {
            advance(input);
            parenthesized(input, fields).map(Stage::Select)
        }
        "coalesce" if !first => {
            advance(input);
            parenthesized(input, |_| Ok(Stage::Coalesce))
        }
        _ => expression_stage(input, pipelines),
    }
}

fn expression_stage(input: &mut Cursor<'_>, pipelines: Pipelines) -> Parsed<Stage> {
    match climb(input, 1, pipelines)? {
        Node::Spansets(spansets) | Node::Pipelines(spansets) => Ok(Stage::Spansets(spansets)),
        Node::Filter(filter) => Ok(Stage::Filter(filter)),
        Node::Aggregate(_) | Node::Number(_) => Err(Fault::unexpected(input, "a comparison")),
    }
}

/// `&&` and `||` bind alike and least; all other operators bind alike, too.
fn binding(text: &str) -> Option<u8> {
    match text {
        "&&" | "||" => Some(1),
        "+" | "-" | "*" | "/" | "%" | "^" => Some(3),
        _ if spanset_op(text).is_some() || expression::comparison(text).is_some() => Some(2),
        _ => None,
    }
}

fn climb(input: &mut Cursor<'_>, least: u8, pipelines: Pipelines) -> Parsed<Node> {
    let mut left = operand(input, pipelines)?;
    while let Token::Symbol(text) = next(input)
        && let Some(bound) = binding(text)
        && bound >= least
    {
        left = match left {
            Node::Spansets(left) => {
                let Some(op) = spanset_op(text) else {
                    return Err(Fault::unexpected(input, ""));
                };
                advance(input);
                match nested(input, |input| climb(input, bound + 1, Pipelines::Refused))? {
                    Node::Spansets(right) => {
                        Node::Spansets(Spansets::Binary(op, Box::new(left), Box::new(right)))
                    }
                    _ => return Err(Fault::unexpected(input, "a spanset")),
                }
            }
            Node::Pipelines(left) => {
                let Some(op) = spanset_op(text) else {
                    return Err(Fault::unexpected(input, ""));
                };
                advance(input);
                if *next(input) != Token::Symbol("(") {
                    return Err(Fault::unexpected(input, "("));
                }
                match nested(input, |input| climb(input, bound + 1, Pipelines::Allowed))? {
                    Node::Spansets(right) | Node::Pipelines(right) => {
                        Node::Pipelines(Spansets::Binary(op, Box::new(left), Box::new(right)))
                    }
                    _ => return Err(Fault::unexpected(input, "a spanset")),
                }
            }
            Node::Aggregate(aggregate) => {
                let op = scalar_comparison(input, text)?;
                let value = expression::scalar(input)?;
                Node::Filter(ScalarFilter {
                    aggregate,
                    op,
                    value,
                    number_first: false,
                })
            }
            Node::Number(value) => {
                let op = scalar_comparison(input, text)?;
                match operand(input, Pipelines::Refused)? {
                    Node::Aggregate(aggregate) => Node::Filter(ScalarFilter {
                        aggregate,
                        op,
                        value,
                        number_first: true,
                    }),
                    _ => return Err(Fault::unexpected(input, "an aggregate")),
                }
            }
            Node::Filter(_) => return Err(Fault::unexpected(input, "with")),
        };
    }
    Ok(left)
}

fn scalar_comparison(input: &mut Cursor<'_>, text: &str) -> Parsed<BinaryOp> {
    match expression::comparison(text) {
        Some(op) => {
            advance(input);
            Ok(op)
        }
        None => {
            let message = format!("arithmetic with aggregates ({text}) not yet supported");
            Err(Fault::fatal(input, message))
        }
    }
}

fn operand(input: &mut Cursor<'_>, pipelines: Pipelines) -> Parsed<Node> {
    match next(input) {
        Token::Symbol("{") => filter(input).map(|inner| Node::Spansets(Spansets::Filter(inner))),
        Token::Symbol("(") => nested(input, |input| wrapped(input, pipelines)),
        Token::Word(_) => aggregate(input).map(Node::Aggregate),
        Token::Symbol("-") | Token::Int(_) | Token::Float(_) | Token::Duration(_) => {
            expression::scalar(input).map(Node::Number)
        }
        _ => Err(Fault::unexpected(input, "")),
    }
}

/// Reads a condition in braces.
pub(super) fn filter(input: &mut Cursor<'_>) -> Parsed<Expr> {
    expect(input, "{")?;
    if opt(symbol("}")).parse_next(input)?.is_some() {
        return Ok(Expr::Const(Const::Bool(true)));
    }
    let inner = expression::expression(input)?;
    expect(input, "}")?;
    Ok(inner)
}

/// A spanset or a whole pipeline in parentheses.
fn wrapped(input: &mut Cursor<'_>, pipelines: Pipelines) -> Parsed<Node> {
    expect(input, "(")?;
    let mut stages = vec![stage(input, true, pipelines)?];
    while pipelines == Pipelines::Allowed && opt(symbol("|")).parse_next(input)?.is_some() {
        let aggregate = opt_aggregate_then_close(input)?;
        if aggregate {
            let message = "comparing aggregates of pipelines not yet supported";
            return Err(Fault::fatal(input, message));
        }
        stages.push(stage(input, false, Pipelines::Refused)?);
    }
    match (symbol(")").parse_next(input), next(input)) {
        (Ok(()), _) => {}
        (Err(_), Token::Symbol("|")) => return Err(Fault::unexpected(input, "")),
        (Err(_), _) => return Err(Fault::unexpected(input, ")")),
    }
    Ok(match stages.pop() {
        Some(Stage::Spansets(only)) if stages.is_empty() && only.has_pipelines() => {
            Node::Pipelines(only)
        }
        Some(Stage::Spansets(only)) if stages.is_empty() => Node::Spansets(only),
        last => {
            stages.extend(last);
            Node::Pipelines(Spansets::Pipeline(stages))
        }
    })
}

/// True if `count() )` and the like comes next: a pipeline that ends in a number.
fn opt_aggregate_then_close(input: &mut Cursor<'_>) -> Parsed<bool> {
    let mut ahead = input.clone();
    let found = matches!(next(&ahead), Token::Word(word) if is_aggregate(word));
    Ok(found && aggregate(&mut ahead).is_ok() && matches!(next(&ahead), Token::Symbol(")")))
}

fn is_aggregate(word: &str) -> bool {
    matches!(word, "count" | "avg" | "max" | "min" | "sum")
}

fn aggregate(input: &mut Cursor<'_>) -> Parsed<Aggregate> {
    let of: fn(Expr) -> Aggregate = match next(input) {
        Token::Word(word) => match word.as_str() {
            "count" => {
                advance(input);
                return parenthesized(input, |_| Ok(Aggregate::Count));
            }
            "avg" => Aggregate::Avg,
            "max" => Aggregate::Max,
            "min" => Aggregate::Min,
            "sum" => Aggregate::Sum,
            _ => return Err(Fault::unexpected(input, "")),
        },
        _ => return Err(Fault::unexpected(input, "")),
    };
    advance(input);
    parenthesized(input, expression::expression).map(of)
}

fn fields(input: &mut Cursor<'_>) -> Parsed<Vec<Field>> {
    let mut found = vec![expression::field(input)?];
    while opt(symbol(",")).parse_next(input)?.is_some() {
        found.push(expression::field(input)?);
    }
    Ok(found)
}

/// Reads `(name=value, …)`.
fn hints(input: &mut Cursor<'_>) -> Parsed<Hints> {
    parenthesized(input, |input| {
        let mut hints = Hints::default();
        loop {
            let Token::Word(name) = next(input) else {
                return Err(Fault::unexpected(input, "IDENTIFIER"));
            };
            advance(input);
            expect(input, "=")?;
            match (name.as_str(), expression::constant(input)?) {
                ("most_recent", Const::Bool(wanted)) => hints.most_recent = wanted,
                ("exemplars", Const::Bool(false)) => hints.exemplars = Some(0),
                ("exemplars", Const::Int(n)) => {
                    hints.exemplars = Some(usize::try_from(n).unwrap_or(0));
                }
                _ => {}
            }
            if opt(symbol(",")).parse_next(input)?.is_none() {
                return Ok(hints);
            }
        }
    })
}

fn parenthesized<'t, T>(
    input: &mut Cursor<'t>,
    read: impl FnOnce(&mut Cursor<'t>) -> Parsed<T>,
) -> Parsed<T> {
    expect(input, "(")?;
    let inner = read(input)?;
    expect(input, ")")?;
    Ok(inner)
}

fn spanset_op(text: &str) -> Option<SpansetOp> {
    Some(match text {
        "&&" => SpansetOp::And,
        "||" => SpansetOp::Or,
        ">" => SpansetOp::Child,
        "<" => SpansetOp::Parent,
        ">>" => SpansetOp::Descendant,
        "<<" => SpansetOp::Ancestor,
        "~" => SpansetOp::Sibling,
        "!>" => SpansetOp::NotChild,
        "!<" => SpansetOp::NotParent,
        "!>>" => SpansetOp::NotDescendant,
        "!<<" => SpansetOp::NotAncestor,
        "!~" => SpansetOp::NotSibling,
        "&>" => SpansetOp::UnionChild,
        "&<" => SpansetOp::UnionParent,
        "&>>" => SpansetOp::UnionDescendant,
        "&<<" => SpansetOp::UnionAncestor,
        "&~" => SpansetOp::UnionSibling,
        _ => return None,
    })
}
