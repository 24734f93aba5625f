//! Variables of a dashboard.

use serde_json::Value;

use super::super::template::names_in;
use super::{SourceRef, text};

/// Value of `current` when all values are chosen.
const ALL: &str = "$__all";

/// A variable of a dashboard.
#[derive(Clone, Debug, Default)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// `query`, `textbox`, `custom`, `constant`, `interval`, `datasource`, `adhoc` and so on.
    pub kind: String,
    /// The data source that gives its values.
    pub datasource: SourceRef,
    /// Definition: text, or an object of the data source's.
    pub query: Value,
    /// Expression that takes a part of a value, as Grafana writes it: `/…/`.
    pub regex: String,
    /// True if more than one value can be chosen.
    pub multi: bool,
    /// True if all values can be chosen at once.
    pub include_all: bool,
    /// Value of "all", if it is not every value.
    pub all_value: Option<String>,
    /// True if filters are set, of a variable of type `adhoc`.
    pub has_filters: bool,
    /// Into how many pieces a variable of type `interval` divides the time range by itself, and the
    /// smallest of them.
    pub auto: (f64, String),
    current: Value,
}

impl Variable {
    /// Reads a variable; what it does not have is empty.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let all_value = value["allValue"].as_str().filter(|it| !it.is_empty());
        Self {
            name: text(value, "name"),
            kind: text(value, "type"),
            datasource: SourceRef::read(&value["datasource"]).unwrap_or_default(),
            query: value["query"].clone(),
            regex: text(value, "regex"),
            multi: value["multi"] == true,
            include_all: value["includeAll"] == true,
            all_value: all_value.map(str::to_owned),
            has_filters: value["filters"].as_array().is_some_and(|it| !it.is_empty()),
            auto: (
                value["auto_count"].as_f64().unwrap_or(30.0),
                text(value, "auto_min"),
            ),
            current: value["current"]["value"].clone(),
        }
    }

    /// The query, or the text, that it is defined by.
    #[must_use]
    pub fn definition(&self) -> &str {
        self.query
            .as_str()
            .or_else(|| self.query["query"].as_str())
            .unwrap_or_default()
    }

    /// The value that is chosen when the dashboard is opened; empty for none or all.
    #[must_use]
    pub fn chosen(&self) -> &str {
        let first = self.current.as_str().or_else(|| self.current[0].as_str());
        first.filter(|it| *it != ALL).unwrap_or_default()
    }

    /// True if a variable of this name has to have a value first.
    fn uses(&self, name: &str) -> bool {
        let mut texts = vec![&self.datasource.uid, &self.regex];
        let members = self
            .query
            .as_object()
            .into_iter()
            .flat_map(|it| it.values());
        texts.extend(
            std::iter::once(&self.query)
                .chain(members)
                .filter_map(|it| match it {
                    Value::String(text) => Some(text),
                    _ => None,
                }),
        );
        texts.iter().any(|text| names_in(text).contains(&name))
    }
}

/// The variables so that each comes after those that it uses; otherwise in the order of the file.
pub(super) fn ordered(mut waiting: Vec<Variable>) -> Vec<Variable> {
    let mut ready = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let free = waiting.iter().position(|one| {
            !waiting
                .iter()
                .any(|other| other.name != one.name && one.uses(&other.name))
        });
        // Variables that use each other in a circle keep their order.
        ready.push(waiting.remove(free.unwrap_or(0)));
    }
    ready
}
