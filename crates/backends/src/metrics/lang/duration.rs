//! Durations after `offset` and inside of brackets, with the arithmetic of Prometheus 3.14. Its value is known when
//! a query is parsed: `step()` and `range()` are those of the request.

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

impl Duration {
    fn compound(seconds: f64, place: Place) -> Self {
        Self {
            seconds,
            place,
            compound: true,
        }
    }
}

impl Parser<'_> {
    /// A duration that is greater than zero.
    pub(super) fn positive_duration(&mut self, context: &str, expected: &str) -> Result<f64, Stop> {
        let duration = self.duration(1, 1, context, expected)?;
        let seconds = self.bounded(&duration);
        if seconds <= 0.0 {
            let text = "duration must be greater than 0".to_owned();
            self.note(duration.place, text);
        }
        Ok(seconds)
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
            return Ok((self.bounded(&duration), duration.compound));
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
                Ok((factor * self.bounded(&inner), true))
            }
            _ => {
                let inner = self.duration_operand(1, context, expected)?;
                Ok((factor * self.bounded(&inner), inner.compound))
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

    /// The seconds of a duration that can be one.
    fn bounded(&mut self, duration: &Duration) -> f64 {
        let problem = if !duration.seconds.is_finite() {
            "duration is NaN or infinite"
        } else if literal::out_of_range(duration.seconds) {
            "duration is out of range"
        } else {
            return duration.seconds;
        };
        self.note(duration.place, problem.to_owned());
        // Any that is allowed: the query is refused.
        1.0
    }

    fn arithmetic(
        &mut self,
        (op, place): (Op, Place),
        left: &Duration,
        right: &Duration,
    ) -> Duration {
        let (a, b) = (left.seconds, right.seconds);
        let seconds = match op {
            Op::Add => a + b,
            Op::Sub => a - b,
            Op::Mul => a * b,
            Op::Pow => a.powf(b),
            _ => {
                if b == 0.0 {
                    let name = if op == Op::Div { "division" } else { "modulo" };
                    self.note(place, format!("{name} by zero"));
                }
                if op == Op::Div { a / b } else { a % b }
            }
        };
        Duration::compound(seconds, left.place)
    }

    fn duration(
        &mut self,
        min: u8,
        depth: usize,
        context: &str,
        expected: &str,
    ) -> Result<Duration, Stop> {
        let mut left = self.duration_operand(depth, context, expected)?;
        while let token @ Token {
            kind: Kind::Op(op), ..
        } = self.peek()
        {
            let arithmetic = matches!(
                op,
                Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow
            );
            if !arithmetic || op.precedence() < min {
                break;
            }
            self.advance();
            let next = op.precedence() + u8::from(op != Op::Pow);
            let right = self.duration(next, depth + 1, context, expected)?;
            left = self.arithmetic((op, token.place), &left, &right);
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
                Ok(Duration::compound(inner.seconds, token.place))
            }
            Kind::Word(word @ (Word::Step | Word::Range | Word::MaxOf | Word::MinOf)) => {
                self.advance();
                if !self.eat(Kind::LeftParen) {
                    return self.unexpected(context, expected);
                }
                let seconds = match word {
                    Word::Step => self.times.step,
                    Word::Range => self.times.range,
                    _ => {
                        let left = self.duration(1, depth + 1, context, expected)?.seconds;
                        if !self.eat(Kind::Comma) {
                            return self.unexpected(context, expected);
                        }
                        let right = self.duration(1, depth + 1, context, expected)?.seconds;
                        match word {
                            Word::MaxOf => left.max(right),
                            _ => left.min(right),
                        }
                    }
                };
                if !self.eat(Kind::RightParen) {
                    return self.unexpected(context, expected);
                }
                Ok(Duration::compound(seconds, token.place))
            }
            _ => self.unexpected(context, expected),
        }
    }
}
