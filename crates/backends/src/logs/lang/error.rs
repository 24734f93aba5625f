//! Why a text is no query, in the form of Loki's messages.

/// A parse error. Its text is what Loki answers with status 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text breaks off or goes on in a way the grammar does not know.
    #[error("parse error at line {line}, col {col}: {message}")]
    At {
        /// Line, from 1; 0 where Loki's scanner does not know it.
        line: usize,
        /// Character in the line, from 1.
        col: usize,
        /// What is wrong there.
        message: String,
    },
    /// The text is well-formed but makes no sense, or asks for what is not supported.
    #[error("parse error : {0}")]
    Plain(String),
}

impl ParseError {
    /// An error without a place.
    pub fn plain(message: impl Into<String>) -> Self {
        Self::Plain(message.into())
    }
}
