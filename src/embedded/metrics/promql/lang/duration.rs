//! Durations after `offset` and inside of brackets. Arithmetic with them is behind a feature flag of Prometheus
//! that is off, but for one form: `offset -(5m)`.

use super::literal;
use super::parser::{Parser, Stop};
use super::token::{Kind, Op, Place, Token, Word};

/// A duration, in seconds.
struct Duration {
    seconds: f64,
    place: Place,
    /// Not a plain number.
    compound: bool,
}

impl Parser<'_> {
    /// A duration that is greater than zero.
    pub(super) fn positive_duration(&mut self, context: &str, expected: &str) -> Result<f64, Stop> {
        let duration = self.duration(1, 1, context, expected)?;
        if !duration.compound && duration.seconds <= 0.0 {
            let text = "duration must be greater than 0".to_owned();
            self.note(duration.place, text);
        }
        Ok(duration.seconds)
    }

    /// The duration behind `offset`, and whether it is more than a number.
    pub(super) fn offset(&mut self) -> Result<(f64, bool), Stop> {
        let (context, expected) = ("offset", "number, duration, step(), or range()");
        let sign = self.peek();
        let Kind::Op(op @ (Op::Add | Op::Sub)) = sign.kind else {
            let token = self.peek();
            if matches!(token.kind, Kind::Number | Kind::Duration) {
                self.advance();
                return Ok((self.literal(token, token.place, 1.0).seconds, false));
            }
            let duration = self.duration_operand(1, context, expected)?;
            return Ok((duration.seconds, duration.compound));
        };
        let factor = if op == Op::Sub { -1.0 } else { 1.0 };
        self.advance();
        let token = self.peek();
        match token.kind {
            Kind::Number | Kind::Duration => {
                self.advance();
                Ok((self.literal(token, sign.place, factor).seconds, false))
            }
            Kind::LeftParen => {
                self.advance();
                let inner = self.duration(1, 1, context, expected)?;
                if !self.eat(Kind::RightParen) {
                    return self.unexpected(context, expected);
                }
                Ok((factor * inner.seconds, true))
            }
            _ => {
                let inner = self.duration_operand(1, context, expected)?;
                Ok((factor * inner.seconds, inner.compound))
            }
        }
    }

    fn literal(&mut self, token: Token<'_>, place: Place, factor: f64) -> Duration {
        let mut seconds = factor * self.number(token);
        if literal::out_of_range(seconds) {
            self.note(place, "duration out of range".to_owned());
            seconds = 0.0;
        }
        Duration {
            seconds,
            place,
            compound: false,
        }
    }

    fn experimental(&mut self, place: Place) -> Duration {
        let text = "experimental duration expression is not enabled";
        self.note(place, text.to_owned());
        Duration {
            seconds: 0.0,
            place,
            compound: true,
        }
    }

    fn duration(
        &mut self,
        min: u8,
        depth: usize,
        context: &str,
        expected: &str,
    ) -> Result<Duration, Stop> {
        let mut left = self.duration_operand(depth, context, expected)?;
        while let Kind::Op(op) = self.peek().kind {
            let arithmetic = matches!(
                op,
                Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow
            );
            if !arithmetic || op.precedence() < min {
                break;
            }
            self.advance();
            let next = op.precedence() + u8::from(op != Op::Pow);
            self.duration(next, depth + 1, context, expected)?;
            left = self.experimental(left.place);
        }
        Ok(left)
    }

    fn duration_operand(
        &mut self,
        depth: usize,
        context: &str,
        expected: &str,
    ) -> Result<Duration, Stop> {
        const MAX_DEPTH: usize = 100;
        let token = self.peek();
        if depth > MAX_DEPTH {
            let text = format!("duration is nested deeper than {MAX_DEPTH} operations");
            return self.fail(token.place, text);
        }
        match token.kind {
            Kind::Number | Kind::Duration => {
                self.advance();
                Ok(self.literal(token, token.place, 1.0))
            }
            Kind::Op(op @ (Op::Add | Op::Sub)) => {
                self.advance();
                let mut inner =
                    self.duration(Op::Pow.precedence(), depth + 1, context, expected)?;
                if op == Op::Sub {
                    inner.seconds = -inner.seconds;
                }
                inner.place = token.place;
                Ok(inner)
            }
            Kind::LeftParen => {
                self.advance();
                let inner = self.duration(1, depth + 1, context, expected)?;
                if !self.eat(Kind::RightParen) {
                    return self.unexpected(context, expected);
                }
                self.experimental(inner.place);
                Ok(Duration {
                    place: token.place,
                    compound: true,
                    ..inner
                })
            }
            Kind::Word(word @ (Word::Step | Word::Range | Word::MaxOf | Word::MinOf)) => {
                self.advance();
                if !self.eat(Kind::LeftParen) {
                    return self.unexpected(context, expected);
                }
                let mut place = token.place;
                if matches!(word, Word::MaxOf | Word::MinOf) {
                    place = self.duration(1, depth + 1, context, expected)?.place;
                    if !self.eat(Kind::Comma) {
                        return self.unexpected(context, expected);
                    }
                    self.duration(1, depth + 1, context, expected)?;
                }
                if !self.eat(Kind::RightParen) {
                    return self.unexpected(context, expected);
                }
                Ok(self.experimental(place))
            }
            _ => self.unexpected(context, expected),
        }
    }
}
