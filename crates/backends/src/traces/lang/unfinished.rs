//! A query that is still being typed, as a query editor sends it to have its suggestions narrowed:
//! the conditions that are complete count, the others are left out.

use winnow::stream::{Stateful, TokenSlice};

use super::ast::{BinaryOp, Expr, Hints, Query, Spansets, Stage};
use super::cursor::next;
use super::expression;
use super::lexer::{Lexeme, Token, lexemes};
use super::{check, parse};

/// The conditions of one pair of braces that are joined by `&&` and complete. Anything else must
/// be a whole query; `None` if it is not, and then it narrows nothing.
pub(crate) fn parse_unfinished(query: &[u8]) -> Option<Query> {
    let text = std::str::from_utf8(query).ok()?;
    match conditions(&lexemes(text, None)) {
        Some(conditions) => {
            let and = |left, right| Expr::Binary(BinaryOp::And, Box::new(left), Box::new(right));
            let all = conditions.into_iter().reduce(and)?;
            let query = Query {
                pipeline: vec![Stage::Spansets(Spansets::Filter(all))],
                metrics: None,
                hints: Hints::default(),
            };
            check::query(&query).ok()?;
            Some(query)
        }
        None => parse(text).ok(),
    }
}

/// The complete conditions, or `None` if this is more than one pair of braces with `&&`.
fn conditions(lexemes: &[Lexeme]) -> Option<Vec<Expr>> {
    let (first, mut rest) = lexemes.split_first()?;
    if first.token != Token::Symbol("{") {
        return None;
    }
    // An unfinished lexeme at the end stays, and its condition is not complete.
    for end in [Token::End, Token::Symbol("}")] {
        if let Some((last, before)) = rest.split_last()
            && last.token == end
        {
            rest = before;
        }
    }
    let outside = |lexeme: &Lexeme| {
        matches!(
            lexeme.token,
            Token::Symbol("{" | "}" | "||" | "|" | "~" | ">>" | "<<")
        )
    };
    if rest.iter().any(outside) {
        return None;
    }
    let mut depth = 0i32;
    let parts = rest.split(|lexeme| {
        depth += match lexeme.token {
            Token::Symbol("(") => 1,
            Token::Symbol(")") => -1,
            _ => 0,
        };
        depth == 0 && lexeme.token == Token::Symbol("&&")
    });
    Some(parts.filter_map(condition).collect())
}

/// A condition that is complete: it compares something.
fn condition(lexemes: &[Lexeme]) -> Option<Expr> {
    let mut input = Stateful {
        input: TokenSlice::new(lexemes),
        state: 0,
    };
    let expr = expression::expression(&mut input).ok()?;
    let ended = *next(&input) == Token::End;
    // The name of an attribute alone is a condition that is being typed.
    let compares = !matches!(expr, Expr::Field(_) | Expr::Const(_));
    (ended && compares && check::condition(&expr)).then_some(expr)
}

#[cfg(test)]
mod tests {
    use super::super::parse as whole;
    use super::*;

    #[test]
    fn complete_conditions_count_and_others_are_left_out() {
        for (typed, meant) in [
            ("{ .a = 1 }", Some("{ .a = 1 }")),
            (r#"{ .a = "/{x}" && .b = }"#, Some(r#"{ .a = "/{x}" }"#)),
            (
                "{ name = `GET /items/{item_id}` && }",
                Some("{ name = `GET /items/{item_id}` }"),
            ),
            ("{ .a = 1 && .b", Some("{ .a = 1 }")),
            ("{ .a = 1 && .b }", Some("{ .a = 1 }")),
            ("{ .a = 1 &&", Some("{ .a = 1 }")),
            (r#"{ .a = 1 && .b = "x"#, Some("{ .a = 1 }")),
            (
                r#"{ .a = && .b =~ "x.*" && duration > }"#,
                Some(r#"{ .b =~ "x.*" }"#),
            ),
            ("{ .a = 1 && name =~ `(` }", Some("{ .a = 1 }")),
            ("{ .a = 1 && status = e }", Some("{ .a = 1 }")),
            (
                "{ (.a = 1 && .b = 2) && .c = }",
                Some("{ (.a = 1 && .b = 2) }"),
            ),
            ("{ .a != nil && .b = }", Some("{ .a != nil }")),
            // Nothing complete, or more than conditions that all hold.
            ("{ }", None),
            ("{ .a }", None),
            ("{ .a = ", None),
            ("", None),
            (".a = 1", None),
            ("{ .a = 1 || .b = }", None),
            ("{ .a = 1 } && { .b = }", None),
            // Whole queries of any kind.
            ("{ .a = 1 || .b = 2 }", Some("{ .a = 1 || .b = 2 }")),
            ("{ .a = 1 } && { .b = 2 }", Some("{ .a = 1 } && { .b = 2 }")),
            ("{ .a = 1 } | count() > 2", Some("{ .a = 1 } | count() > 2")),
        ] {
            let meant = meant.map(|query| whole(query).unwrap());
            assert_eq!(parse_unfinished(typed.as_bytes()), meant, "{typed}");
        }
    }
}
