//! Parse errors, in the form of Loki's messages.

/// A parse error. Its text is the body of Loki's response with status 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A syntax error.
    #[error("parse error at line {line}, col {col}: {message}")]
    At {
        /// Line, from 1; 0 where Loki's scanner does not know it.
        line: usize,
        /// Character in the line, from 1.
        col: usize,
        /// The message.
        message: String,
    },
    /// A semantic error, or a feature that is not supported.
    #[error("parse error : {0}")]
    Plain(String),
    /// A query of another kind than the endpoint takes.
    #[error("{0}")]
    Kind(&'static str),
}

impl ParseError {
    /// An error without a position.
    pub fn plain(message: impl Into<String>) -> Self {
        Self::Plain(message.into())
    }
}
