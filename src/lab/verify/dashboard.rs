//! A Grafana dashboard, as far as its queries and variables go.

use serde::Deserialize;
use serde_json::Value;

/// Words in a panel's description by which the panel itself says that it may be empty although
/// there is traffic. People read them in Grafana beside the panel's title.
pub const MAY_BE_EMPTY: &str = "May be empty";

/// A dashboard.
#[derive(Clone, Debug, Deserialize)]
pub struct Dashboard {
    /// Fixed identifier, part of its address.
    pub uid: String,
    /// Its name.
    pub title: String,
    /// Panels; those of a collapsed row are inside of it.
    #[serde(default)]
    pub panels: Vec<Panel>,
    #[serde(default)]
    templating: Templating,
    #[serde(default)]
    time: TimeRange,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Templating {
    #[serde(default)]
    list: Vec<Variable>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct TimeRange {
    #[serde(default)]
    from: String,
}

/// A panel or a row.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    /// Unique in the dashboard.
    pub id: u64,
    /// Its kind: `timeseries`, `stat`, `logs`, `row` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    datasource: Option<SourceRef>,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    panels: Vec<Panel>,
    /// Smallest time between two points.
    #[serde(default)]
    interval: Option<String>,
    #[serde(default)]
    max_data_points: Option<u32>,
}

impl Panel {
    /// Whether the panel says of itself that it may be empty although there is traffic.
    #[must_use]
    pub fn may_be_empty(&self) -> bool {
        self.description.contains(MAY_BE_EMPTY)
    }
}

/// A data source by its uid.
#[derive(Clone, Debug, Deserialize)]
pub struct SourceRef {
    /// The uid.
    #[serde(default)]
    pub uid: String,
}

/// One query of a panel.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    #[serde(default)]
    datasource: Option<SourceRef>,
    /// PromQL or LogQL.
    #[serde(default)]
    pub expr: String,
    #[serde(default)]
    instant: bool,
    #[serde(default)]
    query_type: String,
    /// Whether exemplars are wanted too.
    #[serde(default)]
    pub exemplar: bool,
    #[serde(default)]
    hide: bool,
    #[serde(default)]
    interval: Option<String>,
}

/// A variable of a dashboard.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// `query`, `textbox`, `custom` or `constant`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    datasource: Option<SourceRef>,
    #[serde(default)]
    query: Value,
    #[serde(default)]
    current: Value,
    /// Whether more than one value can be chosen.
    #[serde(default)]
    pub multi: bool,
    /// Whether all values can be chosen at once.
    #[serde(default)]
    pub include_all: bool,
    /// What "all" stands for, if not for every value.
    #[serde(default)]
    pub all_value: Option<String>,
}

impl Variable {
    /// The query, or the text, that it is defined by.
    #[must_use]
    pub fn definition(&self) -> &str {
        self.query
            .as_str()
            .or_else(|| self.query["query"].as_str())
            .unwrap_or_default()
    }

    /// Uid of the data source that gives its values.
    #[must_use]
    pub fn source(&self) -> &str {
        self.datasource.as_ref().map_or("", |source| &source.uid)
    }

    /// The value that is chosen when the dashboard is opened.
    #[must_use]
    pub fn chosen(&self) -> &str {
        self.current["value"].as_str().unwrap_or_default()
    }
}

/// A query as a panel asks it, before variables have values.
#[derive(Clone, Debug)]
pub struct Query {
    /// The panel's title.
    pub panel: String,
    /// Uid of the data source.
    pub source: String,
    /// PromQL or LogQL.
    pub expr: String,
    /// Whether it is asked for now only.
    pub instant: bool,
    /// Whether exemplars are wanted too.
    pub exemplar: bool,
    /// Whether no data is an answer too.
    pub may_be_empty: bool,
    /// Smallest step, as the panel or the query sets it, in seconds.
    pub min_step: Option<f64>,
    /// The query's own smallest step, in seconds; it takes the place of the scrape interval.
    pub own_interval: Option<f64>,
    /// Most points of a series.
    pub max_points: u32,
}

impl Dashboard {
    /// Reads a dashboard.
    ///
    /// # Errors
    /// What is missing or of the wrong type.
    pub fn read(content: &Value) -> Result<Self, String> {
        Self::deserialize(content).map_err(|error| error.to_string())
    }

    /// Its variables, in the order in which they may use each other.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.templating.list
    }

    /// Length of the time range that it opens with, in seconds.
    #[must_use]
    pub fn range_seconds(&self) -> f64 {
        let text = self.time.from.strip_prefix("now-");
        text.and_then(seconds).unwrap_or(6.0 * 3600.0)
    }

    /// Every query of every panel that is not hidden.
    #[must_use]
    pub fn queries(&self) -> Vec<Query> {
        let mut queries = Vec::new();
        for panel in self
            .panels
            .iter()
            .flat_map(|panel| std::iter::once(panel).chain(&panel.panels))
        {
            for target in panel.targets.iter().filter(|target| !target.hide) {
                let source = target.datasource.as_ref().or(panel.datasource.as_ref());
                let own_interval = target.interval.as_deref().and_then(seconds);
                queries.push(Query {
                    panel: panel.title.clone(),
                    source: source.map(|source| source.uid.clone()).unwrap_or_default(),
                    expr: target.expr.clone(),
                    instant: target.instant || target.query_type == "instant",
                    exemplar: target.exemplar,
                    may_be_empty: panel.may_be_empty(),
                    min_step: own_interval.or(panel.interval.as_deref().and_then(seconds)),
                    own_interval,
                    max_points: panel.max_data_points.unwrap_or(1000).max(1),
                });
            }
        }
        queries
    }
}

/// A time such as `15m`, in seconds.
#[must_use]
pub fn seconds(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok()?;
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Some(number * unit)
}
