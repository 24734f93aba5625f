//! Errors of patterns, with Go's messages.

use std::fmt;

/// The error codes of Go's `regexp/syntax`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The `regex` crate refuses the translation. No pattern should lead here.
    Internal(String),
    /// `[z-a]`, `[[:no:]]`, `\p{No}`.
    CharRange,
    /// `\q`.
    Escape,
    /// `(?P<a-b>x)`.
    NamedCapture,
    /// `(?z)`.
    PerlOp,
    /// `a**`.
    RepeatOp,
    /// `a{2,1}`, `a{1001}`.
    RepeatSize,
    /// `[a`.
    MissingBracket,
    /// `(a`.
    MissingParen,
    /// `*a`.
    MissingRepeatArgument,
    /// `a\`.
    TrailingBackslash,
    /// `a)`.
    UnexpectedParen,
    /// Parentheses and repetitions are nested too deep to be compiled.
    NestingDepth,
    /// More memory than one expression may take.
    Large,
}

/// A refused pattern. Its text is that of Go's error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    problem: Problem,
    part: String,
}

impl Error {
    pub(super) fn new(problem: Problem, part: impl Into<String>) -> Self {
        Self {
            problem,
            part: part.into(),
        }
    }

    /// The error code.
    #[cfg(test)]
    pub(super) fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match &self.problem {
            Problem::Internal(reason) => {
                return write!(
                    f,
                    "error parsing regexp: internal error: {reason}: `{}`",
                    self.part
                );
            }
            Problem::CharRange => "invalid character class range",
            Problem::Escape => "invalid escape sequence",
            Problem::NamedCapture => "invalid named capture",
            Problem::PerlOp => "invalid or unsupported Perl syntax",
            Problem::RepeatOp => "invalid nested repetition operator",
            Problem::RepeatSize => "invalid repeat count",
            Problem::MissingBracket => "missing closing ]",
            Problem::MissingParen => "missing closing )",
            Problem::MissingRepeatArgument => "missing argument to repetition operator",
            Problem::TrailingBackslash => "trailing backslash at end of expression",
            Problem::UnexpectedParen => "unexpected )",
            Problem::NestingDepth => "expression nests too deeply",
            Problem::Large => "expression too large",
        };
        write!(f, "error parsing regexp: {code}: `{}`", self.part)
    }
}

impl std::error::Error for Error {}
