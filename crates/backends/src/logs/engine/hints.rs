//! Which labels a metric query needs. Parsers look for no others and stop when they have them, as
//! Loki's do: a line that is malformed further on is no error then.

use super::fields::{ERROR, Fields};

/// What a parser may leave out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    /// No label is needed: lines are not parsed at all.
    nothing: bool,
    /// The labels that are needed; all when empty.
    required: Vec<String>,
    /// Errors are among them.
    preserve_error: bool,
}

impl Hints {
    /// Labels that are needed: by stages (`stages`), by the grouping (`groups`, absent when all
    /// labels name the series), or as the value.
    pub(crate) fn new(stages: Vec<String>, groups: Option<&[String]>, value: Option<&str>) -> Self {
        let Some(groups) = groups else {
            return Self::default();
        };
        let mut required: Vec<String> = Vec::new();
        let value = value.map(str::to_owned);
        for name in stages
            .into_iter()
            .chain(groups.iter().cloned())
            .chain(value)
        {
            // A parser does not know yet that a name is taken.
            let plain = name.strip_suffix("_extracted").map(str::to_owned);
            for name in std::iter::once(name).chain(plain) {
                if !name.is_empty() && !required.contains(&name) {
                    required.push(name);
                }
            }
        }
        Self {
            nothing: required.is_empty(),
            preserve_error: required.iter().any(|name| name == ERROR),
            required,
        }
    }

    /// Whether a label is needed.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.required.is_empty() || self.required.iter().any(|required| required == name)
    }

    /// Whether a label that is needed may begin so.
    pub(crate) fn wants_prefix(&self, prefix: &str) -> bool {
        self.required.is_empty() || self.required.iter().any(|own| own.starts_with(prefix))
    }

    /// Whether all that is needed is there.
    pub(crate) fn is_satisfied(&self, fields: &Fields<'_>) -> bool {
        self.nothing
            || (!self.required.is_empty()
                && self.required.iter().all(|name| fields.was_parsed(name)))
    }

    /// Whether the query asks for errors, which end it otherwise.
    pub(crate) fn preserves_error(&self) -> bool {
        self.preserve_error
    }
}
