//! Why a text is no query, in the form of Loki's messages.

/// A parse error. Its text is what Loki answers with status 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text breaks off or goes on in a way the grammar does not know.
    #[error("parse error at line {line}, col {col}: {message}")]
    At {
        /// Line, from 1.
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

    /// An error at a byte of the text.
    pub fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self::At {
            line: before.matches('\n').count() + 1,
            col: before.get(line_start..).map_or(0, |s| s.chars().count()) + 1,
            message: message.into(),
        }
    }
}
