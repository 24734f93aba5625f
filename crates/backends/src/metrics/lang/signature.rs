//! The types of a function, which the parser and the type check need.
//!
//! The table of functions belongs to the evaluator, since a row has the computation too. It is handed to
//! the parser as a [`Lookup`], so that the language does not depend on the evaluator.

use super::ast::Type;

/// Finds the signature of a function by its name.
pub(crate) type Lookup = fn(&str) -> Option<&'static Signature>;

/// The name and the types of a function.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    /// Types of the arguments. Where their number varies, the last type is that of all further arguments.
    pub(crate) args: &'static [Type],
    /// Zero where the number of arguments is fixed. Otherwise the arguments allowed beyond all but the last
    /// of `args`; a negative number allows any.
    pub(crate) variadic: isize,
    pub(crate) returns: Type,
    /// Prometheus has it behind a feature flag that is off.
    pub(crate) experimental: bool,
}
