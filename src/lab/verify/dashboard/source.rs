//! References from panels, queries and variables to data sources.

use serde_json::Value;

use super::super::template::{Choice, variable_name};
use super::text;
use crate::lab::provisioning::DataSource;

/// A data source as a file names it: by its uid, by its name as in older files, through a variable, or by
/// its type alone; all empty for the default one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRef {
    /// Uid, name or variable.
    pub uid: String,
    /// Its type.
    pub kind: String,
}

impl SourceRef {
    /// `None` when nothing is said.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(name) => Some(Self {
                uid: name.clone(),
                kind: String::new(),
            }),
            Value::Object(_) => Some(Self {
                uid: text(value, "uid"),
                kind: text(value, "type"),
            }),
            _ => None,
        }
    }

    /// Each query of the panel names its own.
    pub(super) fn is_mixed(&self) -> bool {
        self.uid == "-- Mixed --"
    }

    /// The panel shows the result of another panel.
    pub(super) fn is_dashboard(&self) -> bool {
        self.uid == "-- Dashboard --"
    }

    /// Grafana's own server computes it from other queries.
    pub(super) fn is_expression(&self) -> bool {
        self.uid == "__expr__" || self.kind == "__expr__"
    }

    /// The provisioned data source that is meant, as Grafana finds it.
    ///
    /// # Errors
    /// The part that is not known.
    pub fn resolve<'a>(
        &self,
        sources: &'a [DataSource],
        choices: &[Choice],
    ) -> Result<&'a DataSource, String> {
        if self.is_expression() {
            return Err(
                "is computed by an expression of Grafana's own server, which is not asked here"
                    .into(),
            );
        }
        let name = match variable_name(&self.uid) {
            None => self.uid.as_str(),
            Some(variable) => {
                let chosen = choices.iter().find(|choice| choice.name == variable);
                chosen.and_then(|it| it.values.first()).ok_or_else(|| {
                    format!(
                        "asks the data source {}, and the dashboard has no variable of this name",
                        self.uid
                    )
                })?
            }
        };
        let found = match name {
            "" | "default" => self.default_of(sources),
            "-- Grafana --" | "grafana" => None,
            name => sources
                .iter()
                .find(|source| source.uid == name)
                .or_else(|| sources.iter().find(|source| source.name == name)),
        };
        found.ok_or_else(|| match (name, self.kind.as_str()) {
            ("", kind) if !kind.is_empty() => {
                format!("asks a data source of type {kind}, of which none is provisioned")
            }
            (name, "") => format!("asks the data source {name:?}, which is not provisioned"),
            (name, kind) => {
                format!("asks the data source {name:?} of type {kind}, which is not provisioned")
            }
        })
    }

    /// The default one, unless it is of another type than is wanted; then the first of that type.
    fn default_of<'a>(&self, sources: &'a [DataSource]) -> Option<&'a DataSource> {
        let fits = |source: &&DataSource| self.kind.is_empty() || source.kind == self.kind;
        sources
            .iter()
            .filter(|source| source.is_default)
            .find(fits)
            .or_else(|| sources.iter().find(fits))
    }
}
