//! The queries and variables of a Grafana dashboard. Read are files of today, files of older Grafanas with
//! rows in the place of panels or a data source by its name, and exports that ask for data sources at
//! import. An error names what it does not know.
//!
//! * [`import`]: the inputs that an export leaves open until it is imported
//! * [`panel`]: panels of all versions with their targets
//! * [`source`]: references to data sources
//! * [`variable`]: variables of all kinds

mod import;
mod panel;
mod source;
mod variable;

use serde_json::Value;

use super::template::seconds;
use panel::Panel;
pub use panel::Query;
pub use source::SourceRef;
pub use variable::Variable;

/// Words in a panel's description by which the panel itself says that it may be empty although
/// there is traffic. People read them in Grafana beside the panel's title.
pub const MAY_BE_EMPTY: &str = "May be empty";

/// The time range of a file that has none that can be understood, in seconds.
const DEFAULT_RANGE: f64 = 6.0 * 3600.0;

/// A dashboard.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// Fixed identifier, part of its address; empty when the file has none.
    pub uid: String,
    /// Its name.
    pub title: String,
    panels: Vec<Panel>,
    variables: Vec<Variable>,
    from: String,
}

impl Dashboard {
    /// Reads a dashboard.
    ///
    /// # Errors
    /// Names the part that is not known.
    pub fn read(content: &Value) -> Result<Self, String> {
        let content = import::imported(content)?;
        let variables = content["templating"]["list"].as_array();
        let variables = variables.into_iter().flatten().map(Variable::read);
        Ok(Self {
            uid: text(&content, "uid"),
            title: text(&content, "title"),
            panels: panel::all(&content)?,
            variables: variable::ordered(variables.collect()),
            from: text(&content["time"], "from"),
        })
    }

    /// Its variables: each after those that it uses.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Length of the time range that it opens with, in seconds.
    #[must_use]
    pub fn range_seconds(&self) -> f64 {
        let length = self.from.strip_prefix("now-");
        // `now-1d/d` is a day too; `now-0d/d` is today so far, which has no fixed length.
        let length = length.map(|it| it.split_once('/').map_or(it, |(length, _)| length));
        let length = length.and_then(seconds).filter(|length| *length > 0.0);
        length.unwrap_or(DEFAULT_RANGE)
    }

    /// Every query of every panel that is not hidden.
    #[must_use]
    pub fn queries(&self) -> Vec<Query> {
        self.panels.iter().flat_map(Panel::queries).collect()
    }
}

/// A member that is text; empty when it is not there or something else.
fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
