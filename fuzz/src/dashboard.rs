//! Dashboards, as `lab verify` reads them.

use std::sync::LazyLock;

use salvo_observability::lab::provisioning::{DATA_SOURCES, DataSource, sources};
use salvo_observability::lab::verify::dashboard::{Dashboard, Variable};
use salvo_observability::lab::verify::panel_query::PanelQuery;
use salvo_observability::lab::verify::template::Choice;
use serde_json::Value;

static SOURCES: LazyLock<Vec<DataSource>> =
    LazyLock::new(|| sources(DATA_SOURCES, "datasources.yaml").expect("the file of the lab"));

/// A file that is read has a time range and queries with steps that can be asked for, and no variable is lost.
pub fn dashboard(data: &[u8]) {
    let Ok(content) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let Ok(dashboard) = Dashboard::read(&content) else {
        return;
    };
    let range = dashboard.range_seconds();
    assert!(range.is_finite() && range > 0.0, "{range}");
    let listed = content["templating"]["list"].as_array().map_or(0, Vec::len);
    assert_eq!(dashboard.variables().len(), listed);
    let choice = |variable: &Variable| match variable.include_all {
        true => Choice::all(variable, &["one".to_owned(), "t\"wo".to_owned()]),
        false => Choice::one(variable, variable.chosen()),
    };
    let choices: Vec<_> = dashboard.variables().iter().map(choice).collect();
    let first = |variable| Choice::one(variable, "one");
    let first: Vec<_> = dashboard.variables().iter().map(first).collect();
    for query in dashboard.queries() {
        let asked = PanelQuery::of(&query, &SOURCES, &choices, &first, range);
        if let Ok(Some(asked)) = asked {
            let times = asked.times;
            assert!(times.step.is_finite() && times.step > 0.0, "{times:?}");
            assert!(
                times.rate_interval.is_finite() && times.rate_interval > 0.0,
                "{times:?}"
            );
        }
    }
}
