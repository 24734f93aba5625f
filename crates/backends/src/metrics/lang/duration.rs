//! Durations after `offset` and inside of brackets, with the arithmetic of Prometheus 3.14. Its value is known when
//! a query is parsed: `step()` and `range()` are those of the request.

use super::ast::DurationExpr;
use super::literal;
use super::parser::{Parser, Stop};
use super::token::{Kind, Op, Place, Token, Word};

/// Deepest tree of operations in a duration.
const MAX_HEIGHT: usize = 100;

/// A duration, in seconds.
struct Duration {
    seconds: f64,
    place: Place,
    /// Of the tree of what was written.
    height: usize,
    written: DurationExpr,
}

impl Duration {
    /// What it is as written, if it is more than a number.
    fn compound(self) -> Option<DurationExpr> {
        match self.written {
            DurationExpr::Number { .. } => None,
            operation => Some(operation),
        }
    }
}

impl DurationExpr {
    fn operation(op: &'static str, left: Option<Self>, right: Option<Self>) -> Self {
        Self::Operation {
            op,
            left: left.map(Box::new),
            right: right.map(Box::new),
            wrapped: false,
        }
    }

    /// In parentheses. A number becomes a sum of nothing and itself, which shows as the number.
    fn wrapped(self) -> Self {
        let mut whole = match self {
            operation @ Self::Operation { .. } => operation,
            number => Self::operation("+", None, Some(number)),
        };
        if let Self::Operation { wrapped, .. } = &mut whole {
            *wrapped = true;
        }
        whole
    }

    fn negated(self) -> Self {
        match self {
            Self::Number { value, is_duration } => Self::Number {
                value: -value,
                is_duration,
            },
            operation => Self::operation("-", None, Some(operation)),
        }
    }
}

impl Parser<'_> {
    /// A duration that is greater than zero.
    pub(super) fn positive_duration(
        &mut self,
        context: &str,
        expected: &str,
    ) -> Result<(f64, Option<DurationExpr>), Stop> {
        let duration = self.duration(1, 1, context, expected)?;
        let seconds = self.bounded(&duration);
        if seconds <= 0.0 {
            let text = "duration must be greater than 0".to_owned();
            self.note(duration.place, text);
        }
        Ok((seconds, duration.compound()))
    }

    /// The duration behind `offset`, and what was written, if it is more than a number.
    pub(super) fn offset(&mut self) -> Result<(f64, Option<DurationExpr>), Stop> {
        let (context, expected) = ("offset", "number, duration, step(), or range()");
        let sign = self.peek();
        let Kind::Op(op @ (Op::Add | Op::Sub)) = sign.kind else {
            let token = self.peek();
            if matches!(token.kind, Kind::Number | Kind::Duration) {
                self.advance();
                return Ok((self.literal(token, token.place, 1.0).seconds, None));
            }
            let duration = self.duration_operand(1, context, expected)?;
            return Ok((self.bounded(&duration), duration.compound()));
        };
        let factor = if op == Op::Sub { -1.0 } else { 1.0 };
        self.advance();
        let token = self.peek();
        match token.kind {
            Kind::Number | Kind::Duration => {
                self.advance();
                Ok((self.literal(token, sign.place, factor).seconds, None))
            }
            Kind::LeftParen => {
                self.advance();
                let inner = self.duration(1, 1, context, expected)?;
                if !self.eat(Kind::RightParen) {
                    return self.unexpected(context, expected);
                }
                let seconds = factor * self.bounded(&inner);
                let inner = inner.written.wrapped();
                Ok((
                    seconds,
                    Some(if op == Op::Sub {
                        inner.negated()
                    } else {
                        inner
                    }),
                ))
            }
            _ => {
                let inner = self.duration_operand(1, context, expected)?;
                let seconds = factor * self.bounded(&inner);
                let inner = inner.compound();
                Ok((
                    seconds,
                    inner.map(|it| if op == Op::Sub { it.negated() } else { it }),
                ))
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
            height: 1,
            written: DurationExpr::Number {
                value: seconds,
                is_duration: token.kind == Kind::Duration,
            },
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
        left: Duration,
        right: Duration,
    ) -> Result<Duration, Stop> {
        let height = self.lower(left.height.max(right.height) + 1, place)?;
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
        Ok(Duration {
            seconds,
            place: left.place,
            height,
            written: DurationExpr::operation(op.text(), Some(left.written), Some(right.written)),
        })
    }

    /// Refuses a tree that is too tall.
    fn lower(&mut self, height: usize, place: Place) -> Result<usize, Stop> {
        if height > MAX_HEIGHT {
            let text = format!("duration is nested deeper than {MAX_HEIGHT} operations");
            return self.fail(place, text);
        }
        Ok(height)
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
            left = self.arithmetic((op, token.place), left, right)?;
        }
        Ok(left)
    }

    fn duration_operand(
        &mut self,
        depth: usize,
        context: &str,
        expected: &str,
    ) -> Result<Duration, Stop> {
        let token = self.peek();
        self.lower(depth, token.place)?;
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
                    inner.written = inner.written.negated();
                }
                inner.place = token.place;
                inner.height = self.lower(inner.height + 1, token.place)?;
                Ok(inner)
            }
            Kind::LeftParen => {
                self.advance();
                let inner = self.duration(1, depth + 1, context, expected)?;
                if !self.eat(Kind::RightParen) {
                    return self.unexpected(context, expected);
                }
                Ok(Duration {
                    seconds: inner.seconds,
                    place: token.place,
                    height: self.lower(inner.height + 1, token.place)?,
                    written: inner.written.wrapped(),
                })
            }
            Kind::Word(word @ (Word::Step | Word::Range | Word::MaxOf | Word::MinOf)) => {
                self.advance();
                if !self.eat(Kind::LeftParen) {
                    return self.unexpected(context, expected);
                }
                let (seconds, written, height) = match word {
                    Word::Step => {
                        let written = DurationExpr::operation("step", None, None);
                        (self.times.step, written, 1)
                    }
                    Word::Range => {
                        let written = DurationExpr::operation("range", None, None);
                        (self.times.range, written, 1)
                    }
                    _ => {
                        let left = self.duration(1, depth + 1, context, expected)?;
                        if !self.eat(Kind::Comma) {
                            return self.unexpected(context, expected);
                        }
                        let right = self.duration(1, depth + 1, context, expected)?;
                        let (op, seconds) = match word {
                            Word::MaxOf => ("max_of", left.seconds.max(right.seconds)),
                            _ => ("min_of", left.seconds.min(right.seconds)),
                        };
                        let height = left.height.max(right.height) + 1;
                        let (left, right) = (left.written, right.written);
                        let written = DurationExpr::operation(op, Some(left), Some(right));
                        (seconds, written, self.lower(height, token.place)?)
                    }
                };
                if !self.eat(Kind::RightParen) {
                    return self.unexpected(context, expected);
                }
                Ok(Duration {
                    seconds,
                    place: token.place,
                    height,
                    written,
                })
            }
            _ => self.unexpected(context, expected),
        }
    }
}
