//! Regular expressions as Prometheus, Loki and Tempo read them: RE2's syntax, in the form of Go's
//! [`regexp/syntax`](https://pkg.go.dev/regexp/syntax), which all three use.
//!
//! The `regex` crate has the same engine and the same leftmost-first choice, but another syntax: `{` on its own is
//! an error there, `\w` knows all of Unicode, `[a&&b]` is an intersection. So a pattern is parsed here as Go
//! parses it, and written out again in the crate's syntax, with every flag resolved.
//!
//! - [`compile`] is Go's `regexp.Compile(pattern)`
//! - [`compile_anchored`] is a label matcher (`=~`, `!~`): the whole value has to match
//! - [`Expression`] knows the names of its groups as Go does, and fills templates (`$1`, `${name}`)

mod class;
mod error;
mod escape;
mod expand;
mod names;
mod node;
mod parse;
mod print;
#[cfg(test)]
mod tests;

pub(crate) use error::Error;
pub(crate) use error::Problem;
pub(crate) use expand::Expression;

use regex::{Regex, RegexBuilder};

/// Bytes that one compiled expression may take. Larger ones are refused, not run.
const COMPILED_BYTES: usize = 1 << 20;
/// Bytes that an expression may take while it is matched, for its cache of states.
const CACHE_BYTES: usize = 1 << 20;
/// Levels of nesting that the engine is given. [`node::MAX_HEIGHT`] refuses before that.
const NEST_LIMIT: u32 = 4 * node::MAX_HEIGHT as u32;

/// Flags that stand at the start of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags {
    /// `i`: letters match their other case too.
    fold: bool,
    /// `m`: `^` and `$` match at line breaks.
    multi_line: bool,
    /// `s`: `.` matches a line break.
    dot_all: bool,
    /// `U`: repetitions take as little as they can.
    lazy: bool,
}

/// Writes a pattern of Go's syntax in the syntax of the `regex` crate, with the same meaning.
///
/// # Errors
/// Go refuses the pattern; the message is Go's.
pub(crate) fn translate(pattern: &str) -> Result<String, Error> {
    Ok(print::print(
        &parse::parse(pattern, Flags::default(), names::Spelling::Loose)?.root,
    ))
}

/// As [`translate`], by the parser that Prometheus and Loki use for matchers and line filters: it knows a
/// Unicode property by its own name only, `\p{Han}` and not `\p{han}`.
///
/// # Errors
/// As [`translate`].
pub(crate) fn translate_exact(pattern: &str) -> Result<String, Error> {
    Ok(print::print(
        &parse::parse(pattern, Flags::default(), names::Spelling::Exact)?.root,
    ))
}

/// Compiles a pattern as Go's `regexp.Compile` does.
///
/// # Errors
/// Go refuses the pattern, with Go's message; or the compiled form takes too much memory.
pub(crate) fn compile(pattern: &str) -> Result<Regex, Error> {
    build(pattern, &translate(pattern)?)
}

/// Compiles the pattern of a label matcher, as Prometheus' `FastRegexMatcher` does: it is parsed on its own, so
/// that `a)|(b` is refused, and then has to match the whole value.
///
/// # Errors
/// As [`compile`].
pub(crate) fn compile_anchored(pattern: &str) -> Result<Regex, Error> {
    let flags = Flags {
        dot_all: true,
        ..Flags::default()
    };
    let inner = print::print(&parse::parse(pattern, flags, names::Spelling::Exact)?.root);
    build(pattern, &format!(r"\A(?:{inner})\z"))
}

fn build(pattern: &str, translated: &str) -> Result<Regex, Error> {
    RegexBuilder::new(translated)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(CACHE_BYTES)
        .nest_limit(NEST_LIMIT)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => Error::new(Problem::Large, pattern),
            other => Error::new(Problem::Internal(other.to_string()), pattern),
        })
}
