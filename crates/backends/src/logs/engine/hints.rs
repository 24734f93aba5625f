//! The labels that a metric query needs. As in Loki parsers extract no others and stop when they
//! have all, so a syntax error further on in a line is not noticed.

use super::fields::{ERROR, Fields};

/// The labels that a parser has to extract.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    /// No label is needed; lines are not parsed at all.
    nothing: bool,
    /// The labels that are needed; all when empty.
    required: Vec<String>,
    /// Error labels are among them.
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
            // The parser does not know yet whether a name is taken and will get the suffix.
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

    /// Tests whether a label is needed.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.required.is_empty() || self.required.iter().any(|required| required == name)
    }

    /// Tests whether a needed label may begin with this prefix.
    pub(crate) fn wants_prefix(&self, prefix: &str) -> bool {
        self.required.is_empty() || self.required.iter().any(|own| own.starts_with(prefix))
    }

    /// Tests whether all needed labels are set.
    pub(crate) fn is_satisfied(&self, fields: &Fields<'_>) -> bool {
        self.nothing
            || (!self.required.is_empty()
                && self.required.iter().all(|name| fields.was_parsed(name)))
    }

    /// Tests whether the query reads error labels. If it does not, an error ends the query.
    pub(crate) fn preserves_error(&self) -> bool {
        self.preserve_error
    }
}
