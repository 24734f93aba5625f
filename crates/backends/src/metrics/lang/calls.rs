//! Rules of the grammar for what takes a list in parentheses: function calls, aggregations, label lists.

use super::ast::{Aggregate, Call, Expr, Number};
use super::literal;
use super::parser::{Parser, Stop, Tree, begins_expression};
use super::token::{Aggregation, Kind, Op, Word, quote};
use crate::wire::quote::quoted;

impl Parser<'_> {
    /// Expressions in parentheses, and the height of the tallest.
    fn arguments(&mut self, depth: usize) -> Result<(Vec<Expr>, usize), Stop> {
        if !self.eat(Kind::LeftParen) {
            return self.unexpected("", "");
        }
        let (mut list, mut tallest) = (Vec::new(), 0);
        if self.eat(Kind::RightParen) {
            return Ok((list, tallest));
        }
        loop {
            let (expr, height) = self.expression(1, depth + 1)?;
            list.push(expr);
            tallest = tallest.max(height);
            let mut comma = self.peek();
            if !self.eat(Kind::Comma) {
                break;
            }
            while !begins_expression(self.peek().kind) && self.peek().kind != Kind::Error {
                let text = "trailing commas not allowed in function call args";
                self.note(comma.place, text.to_owned());
                comma = self.peek();
                if !self.eat(Kind::Comma) {
                    break;
                }
            }
            if self.peek().kind == Kind::RightParen {
                break;
            }
        }
        if !self.eat(Kind::RightParen) {
            return self.unexpected("", "");
        }
        Ok((list, tallest))
    }

    pub(super) fn call(&mut self, depth: usize) -> Result<Tree, Stop> {
        let name = self.advance();
        let (args, tallest) = self.arguments(depth)?;
        let height = self.limited(tallest + 1, name.place)?;
        let Some(function) = (self.functions)(name.text) else {
            let text = format!("unknown function with name {}", quote(name.text));
            self.note(name.place, text);
            return Ok((Expr::Number(Number::zero(name.place)), height));
        };
        if function.experimental {
            let text = format!("function {} is not enabled", quote(name.text));
            self.note(name.place, text);
        }
        let call = Call {
            function,
            args,
            place: name.place,
        };
        Ok((Expr::Call(call), height))
    }

    pub(super) fn aggregation(&mut self, op: Aggregation, depth: usize) -> Result<Tree, Stop> {
        let place = self.advance().place;
        self.aggregations += 1;
        let mut modifier = self.aggregation_modifier()?;
        let (mut args, tallest) = self.arguments(depth)?;
        if modifier.is_none() {
            // The next token is read here, and an error of the lexer comes before those of the aggregation.
            if self.peek().kind == Kind::Error {
                return self.unexpected("", "");
            }
            modifier = self.aggregation_modifier()?;
        }
        self.aggregations -= 1;
        let height = self.limited(tallest + 1, place)?;
        let (without, grouping) = modifier.unwrap_or_default();
        let dummy = Ok((Expr::Number(Number::zero(place)), height));
        if args.is_empty() {
            let text = "no arguments for aggregate expression provided";
            self.note(place, text.to_owned());
            return dummy;
        }
        if matches!(op, Aggregation::Limitk | Aggregation::LimitRatio) {
            let text = format!(
                "{}() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
                op.text()
            );
            self.note(place, text);
            return dummy;
        }
        let wanted = 1 + usize::from(op.has_param());
        let given = args.len();
        let (Some(expr), true) = (args.pop(), given == wanted) else {
            let text = format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {given}"
            );
            self.note(place, text);
            return dummy;
        };
        let aggregate = Aggregate {
            op,
            expr: Box::new(expr),
            param: args.pop().map(Box::new),
            grouping,
            without,
            place,
        };
        Ok((Expr::Aggregate(aggregate), height))
    }

    fn aggregation_modifier(&mut self) -> Result<Option<(bool, Vec<String>)>, Stop> {
        let Kind::Word(word @ (Word::By | Word::Without)) = self.peek().kind else {
            return Ok(None);
        };
        self.advance();
        Ok(Some((word == Word::Without, self.grouping()?)))
    }

    /// Labels in parentheses. Words of the language may be labels too.
    pub(super) fn grouping(&mut self) -> Result<Vec<String>, Stop> {
        const CONTEXT: &str = "grouping opts";
        if !self.eat(Kind::LeftParen) {
            return self.unexpected(CONTEXT, "\"(\"");
        }
        let mut labels = Vec::new();
        if self.eat(Kind::RightParen) {
            return Ok(labels);
        }
        loop {
            let token = self.peek();
            let label = match token.kind {
                Kind::String => literal::unquote(token.text),
                Kind::Word(Word::Without) => return self.unexpected(CONTEXT, "label"),
                Kind::Identifier
                | Kind::MetricIdentifier
                | Kind::Aggregation(_)
                | Kind::Word(_)
                | Kind::Op(Op::And | Op::Or | Op::Unless | Op::Atan2) => token.text.to_owned(),
                _ => return self.unexpected(CONTEXT, "label"),
            };
            self.advance();
            let written = match token.kind {
                Kind::String => literal::unquote_bytes(token.text),
                _ => label.clone().into_bytes(),
            };
            if written.is_empty() || std::str::from_utf8(&written).is_err() {
                let name = quoted(&written);
                self.note(
                    token.place,
                    format!("invalid label name for grouping: {name}"),
                );
            }
            labels.push(label);
            let comma = self.eat(Kind::Comma);
            if self.eat(Kind::RightParen) {
                return Ok(labels);
            }
            if !comma {
                return self.unexpected(CONTEXT, "\",\" or \")\"");
            }
        }
    }
}
