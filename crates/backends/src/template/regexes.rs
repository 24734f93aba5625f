//! Regular expressions of templates, compiled once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::context::{Context, Fault};
use super::value::Value;
use crate::wire::quote::valid;
use crate::wire::regex::Expression;

/// Largest number of cached expressions. The cache is cleared beyond it, for templates that build
/// expressions from labels.
const MOST: usize = 32;

type Compiled = Result<Arc<Expression>, String>;

/// The expressions of one template; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Regexes(Arc<Mutex<HashMap<String, Compiled>>>);

impl Regexes {
    /// The compiled expression or its error.
    pub(crate) fn get(&self, pattern: &str) -> Compiled {
        let mut known = self.0.lock();
        if let Some(compiled) = known.get(pattern) {
            return compiled.clone();
        }
        if known.len() >= MOST {
            known.clear();
        }
        let compiled = Expression::new(pattern).map(Arc::new);
        let compiled = compiled.map_err(|error| error.to_string());
        known.insert(pattern.to_owned(), compiled.clone());
        compiled
    }
}

/// Replaces every match. With `literal` the replacement is not a template.
pub(crate) fn replace_all(
    context: &mut Context<'_>,
    pattern: &[u8],
    text: &[u8],
    replacement: &[u8],
    literal: bool,
) -> Result<Value, Fault> {
    let expression = context.regex(pattern)?;
    let (text, replacement) = (valid(text), valid(replacement));
    let groups = replacement.matches('$').count();
    let mut out = String::new();
    let mut last = 0;
    for captures in expression.regex().captures_iter(&text) {
        let Some(found) = captures.get(0) else {
            continue;
        };
        let before = text.get(last..found.start()).unwrap_or_default();
        // No group is longer than the whole match.
        let most = replacement.len() + before.len() + groups.saturating_mul(found.len());
        context.room(most)?;
        // The replacement may expand to nothing and still be long to read.
        context.work(replacement.len())?;
        let length = out.len();
        out.push_str(before);
        if literal {
            out.push_str(&replacement);
        } else {
            expression.expand(&replacement, &captures, &mut out);
        }
        context.make(out.len() - length)?;
        last = found.end();
    }
    let rest = text.get(last..).unwrap_or_default();
    context.make(rest.len())?;
    out.push_str(rest);
    Ok(Value::text(out))
}

/// Number of matches of an expression.
pub(crate) fn count(
    context: &mut Context<'_>,
    pattern: &[u8],
    text: &[u8],
) -> Result<Value, Fault> {
    let expression = context.regex(pattern)?;
    let mut count = 0;
    for found in expression.regex().find_iter(&valid(text)) {
        context.work(found.len())?;
        count += 1;
    }
    Ok(Value::int(count))
}
