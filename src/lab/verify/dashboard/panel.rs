//! Panels of all ages with their targets.

use serde_json::Value;

use super::{MAY_BE_EMPTY, SourceRef, text};

/// Kinds of panels whose targets Grafana does not look at.
const WITHOUT_QUERIES: [&str; 6] = [
    "text",
    "dashlist",
    "news",
    "alertlist",
    "annolist",
    "welcome",
];

/// A panel that is no row.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    title: String,
    description: String,
    datasource: Option<SourceRef>,
    targets: Vec<Value>,
    interval: String,
    max_data_points: Option<u32>,
    /// Variables for each value of which there is one panel.
    repeated: Vec<String>,
}

/// A query of a panel, before variables have values.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The panel's title.
    pub panel: String,
    /// Uid of the data source, or how else the file names it.
    pub source: String,
    /// The data source.
    pub reference: SourceRef,
    /// PromQL or LogQL; empty when the target has no query, or one in another language.
    pub expr: String,
    /// Kind that the target names.
    pub query_type: String,
    /// True for an instant query.
    pub instant: bool,
    /// True if exemplars are wanted too.
    pub exemplar: bool,
    /// True if no data is an answer too.
    pub may_be_empty: bool,
    /// Smallest step that the panel sets; it may be a variable.
    pub panel_interval: String,
    /// Smallest step that the query sets, in the place of the scrape interval; it may be a variable.
    pub own_interval: String,
    /// By how much the step is longer than it has to be.
    pub factor: f64,
    /// Most points of a series.
    pub max_points: u32,
    /// Variables that have one value at a time here, whatever is chosen.
    pub repeated: Vec<String>,
}

/// All panels of a dashboard, those inside of rows too.
///
/// # Errors
/// The part that is not known.
pub(super) fn all(dashboard: &Value) -> Result<Vec<Panel>, String> {
    let mut found = Vec::new();
    let mut row = None;
    for panel in list(&dashboard["panels"]) {
        if panel["type"] == "row" {
            row = repeat(panel);
            for inner in list(&panel["panels"]) {
                found.push(Panel::read(inner, &row, dashboard)?);
            }
        } else {
            found.push(Panel::read(panel, &row, dashboard)?);
        }
    }
    // Until Grafana 4 a dashboard had rows, and those had panels.
    for row in list(&dashboard["rows"]) {
        for panel in list(&row["panels"]) {
            found.push(Panel::read(panel, &repeat(row), dashboard)?);
        }
    }
    Ok(found)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn repeat(value: &Value) -> Option<String> {
    let name = value["repeat"].as_str().filter(|it| !it.is_empty());
    name.map(str::to_owned)
}

impl Panel {
    fn read(value: &Value, row: &Option<String>, dashboard: &Value) -> Result<Self, String> {
        let library = &value["libraryPanel"];
        let model = match library.as_object() {
            Some(_) if !value["targets"].is_array() => library_panel(library, dashboard)?,
            _ => value,
        };
        Ok(Self {
            title: text(model, "title"),
            description: text(model, "description"),
            datasource: SourceRef::read(&model["datasource"]),
            targets: match WITHOUT_QUERIES.contains(&text(model, "type").as_str()) {
                true => Vec::new(),
                false => list(&model["targets"]).cloned().collect(),
            },
            interval: text(model, "interval"),
            max_data_points: whole(&model["maxDataPoints"]),
            repeated: row.iter().cloned().chain(repeat(value)).collect(),
        })
    }

    pub(super) fn queries(&self) -> Vec<Query> {
        let shown = self.targets.iter().filter(|target| target["hide"] != true);
        shown.filter_map(|target| self.query(target)).collect()
    }

    /// `None` for a target that shows the data of another panel.
    fn query(&self, target: &Value) -> Option<Query> {
        let reference = self.source(target);
        if reference.is_dashboard() {
            return None;
        }
        let text_or_number = |name: &str| match &target[name] {
            Value::Number(number) => number.to_string(),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        // Loki's queries name it `step`.
        let own = [text_or_number("interval"), text(target, "step")];
        let factors = ["intervalFactor", "resolution"].map(|name| target[name].as_f64());
        Some(Query {
            panel: self.title.clone(),
            source: reference.uid.clone(),
            reference,
            expr: text(target, "expr"),
            query_type: text(target, "queryType"),
            instant: target["queryType"] == "instant"
                || (target["instant"] == true && target["range"] != true),
            exemplar: target["exemplar"] == true,
            may_be_empty: self.description.contains(MAY_BE_EMPTY),
            panel_interval: self.interval.clone(),
            own_interval: own
                .into_iter()
                .find(|it| !it.is_empty())
                .unwrap_or_default(),
            factor: factors.into_iter().flatten().next().unwrap_or(1.0).max(1.0),
            max_points: self.max_data_points.unwrap_or(1000).max(1),
            repeated: self.repeated.clone(),
        })
    }

    /// The data source of a target: that of the panel, unless it is mixed or says nothing. Grafana runs a
    /// query on its panel's data source even where the target has kept another one.
    fn source(&self, target: &Value) -> SourceRef {
        let own = SourceRef::read(&target["datasource"]);
        match (&self.datasource, own) {
            (_, Some(own)) if own.is_expression() => own,
            (Some(panel), own) if panel.is_mixed() => own.unwrap_or_default(),
            (Some(panel), _) => panel.clone(),
            (None, Some(own)) => own,
            (None, None) => {
                let mut others = self.targets.iter();
                let other = others.find_map(|it| SourceRef::read(&it["datasource"]));
                other.unwrap_or_default()
            }
        }
    }
}

/// The model of a library panel, which an export carries with it.
fn library_panel<'a>(library: &Value, dashboard: &'a Value) -> Result<&'a Value, String> {
    let uid = text(library, "uid");
    let elements = &dashboard["__elements"];
    let found = elements.get(&uid).or_else(|| {
        let mut all = list(elements);
        all.find(|it| it["uid"] == uid.as_str())
    });
    found.map(|it| &it["model"]).ok_or_else(|| {
        let name = library["name"].as_str().unwrap_or(&uid);
        format!("it shows the library panel {name:?}, which is not in the file")
    })
}

/// A number, also one that is written as text.
fn whole(value: &Value) -> Option<u32> {
    let number = value.as_f64().or_else(|| value.as_str().and_then(number))?;
    // A dashboard's own bound; what is out of range is taken at the end of it.
    Some(number.clamp(1.0, 1e6) as u32)
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}
