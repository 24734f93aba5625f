//! The dashboards: importable as they are, every query parses, every data source is one that is provisioned.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lab_backends::logs::lang;
use lab_backends::metrics::engine;
use salvo_observability::lab::provisioning::{self, DataSource, sources};
use salvo_observability::lab::verify::correlation::{DerivedField, TraceToLogs};
use salvo_observability::lab::verify::dashboard::{Dashboard, Query, SourceRef, Variable};
use salvo_observability::lab::verify::panel_query::PanelQuery;
use salvo_observability::lab::verify::template::{Choice, Language, Times, filled};
use salvo_observability::lab::verify::tempo::Span;
use serde_json::{Value, json};

/// Width of Grafana's grid.
const COLUMNS: u64 = 24;

/// Named like a counter by Tempo, but a gauge.
const NO_COUNTER: &str = "tempodb_backend_bytes_total";

/// Panels that show no number.
const WITHOUT_UNIT: [&str; 3] = ["logs", "row", "text"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files() -> Vec<(String, Value)> {
    let mut files: Vec<(String, Value)> = fs::read_dir(root().join("dashboards"))
        .expect("dashboards/")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = fs::read_to_string(&path).expect("text");
            let content = serde_json::from_str(&text).unwrap_or_else(|it| panic!("{name}: {it}"));
            (name.into_owned(), content)
        })
        .collect();
    files.sort_by(|one, other| one.0.cmp(&other.0));
    files
}

fn data_sources() -> Vec<DataSource> {
    let text = fs::read_to_string(root().join("etc/grafana/datasources.yaml")).expect("the file");
    sources(&text, "datasources.yaml").expect("data sources")
}

/// All panels, those inside of rows too.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let list = |value: &'_ Value| value["panels"].as_array().is_some();
    let top = dashboard["panels"].as_array().expect("panels");
    let inner = top
        .iter()
        .filter(|panel| list(panel))
        .flat_map(|panel| panel["panels"].as_array().into_iter().flatten());
    top.iter().chain(inner).collect()
}

#[test]
fn what_is_built_in_is_what_is_in_the_folder() {
    assert_eq!(provisioning::dashboards(None).expect("dashboards"), files());
}

#[test]
fn dashboards_are_importable_and_have_fixed_identity() {
    let mut uids = BTreeSet::new();
    for (file, dashboard) in files() {
        assert_eq!(
            dashboard["id"],
            Value::Null,
            "{file}: an id belongs to one Grafana only"
        );
        let uid = dashboard["uid"].as_str().expect("a uid");
        assert_eq!(format!("{uid}.json"), file, "the file is named as the uid");
        assert!(uids.insert(uid.to_owned()), "{uid} twice");
        for text in ["title", "refresh", "description"] {
            assert!(
                dashboard[text].as_str().is_some_and(|it| !it.is_empty()),
                "{file}: {text}"
            );
        }
        assert_eq!(
            dashboard["schemaVersion"], 42,
            "{file}: the last version of this model, of Grafana 12 and 13"
        );
        assert!(
            dashboard.get("__inputs").is_none(),
            "{file}: asks at import"
        );
        assert!(
            dashboard["annotations"]["list"].is_array()
                && dashboard["templating"]["list"].is_array()
        );
        assert!(dashboard["time"]["from"].is_string() && dashboard["time"]["to"].is_string());
    }
}

#[test]
fn panel_ids_are_unique_and_panels_do_not_overlap() {
    for (file, dashboard) in files() {
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = &panel["title"];
            let id = panel["id"].as_u64().expect("an id");
            assert!(id > 0 && ids.insert(id), "{file}: id {id} of {title}");
            let place = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
            let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
            assert!(
                w > 0 && h > 0 && x + w <= COLUMNS,
                "{file}: {title} is outside of the grid"
            );
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(
                    taken.insert(cell),
                    "{file}: {title} overlaps another panel at {cell:?}"
                );
            }
        }
    }
}

#[test]
fn every_panel_has_a_unit_a_description_and_a_known_kind() {
    for (file, dashboard) in files() {
        for panel in panels(&dashboard) {
            let (title, kind) = (&panel["title"], panel["type"].as_str().expect("a type"));
            assert!(
                title.as_str().is_some_and(|it| !it.is_empty()),
                "{file}: {panel}"
            );
            assert!(
                [
                    "stat",
                    "bargauge",
                    "timeseries",
                    "logs",
                    "table",
                    "row",
                    "text"
                ]
                .contains(&kind),
                "{file}: {title}: the console does not draw {kind}"
            );
            if kind != "row" {
                assert!(panel["description"].is_string(), "{file}: {title}");
            }
            if !WITHOUT_UNIT.contains(&kind) {
                let unit = &panel["fieldConfig"]["defaults"]["unit"];
                assert!(
                    unit.as_str().is_some_and(|it| !it.is_empty()),
                    "{file}: {title}"
                );
            }
        }
    }
}

#[test]
fn every_data_source_is_provisioned() {
    let sources = data_sources();
    let known: Vec<&str> = sources.iter().map(|source| source.uid.as_str()).collect();
    assert_eq!(known, ["prometheus", "tempo", "loki"]);
    fn walk(file: &str, value: &Value, sources: &[DataSource]) {
        if let Some(uid) = value["datasource"]["uid"].as_str() {
            let found = sources.iter().find(|source| source.uid == uid);
            match found {
                Some(source) => assert_eq!(value["datasource"]["type"], source.kind.as_str()),
                // Grafana's own, which every Grafana has.
                None => assert_eq!(uid, "-- Grafana --", "{file}: {uid} is not provisioned"),
            }
        }
        match value {
            Value::Array(items) => items.iter().for_each(|it| walk(file, it, sources)),
            Value::Object(members) => members.values().for_each(|it| walk(file, it, sources)),
            _ => {}
        }
    }
    for (file, dashboard) in files() {
        walk(&file, &dashboard, &sources);
        for query in read(&dashboard).queries() {
            assert!(known.contains(&query.source.as_str()), "{file}: {query:?}");
        }
    }
}

fn read(dashboard: &Value) -> Dashboard {
    Dashboard::read(dashboard).expect("a dashboard")
}

fn language(query: &Query, sources: &[DataSource]) -> Language {
    let source = sources.iter().find(|source| source.uid == query.source);
    match source.map(|source| source.kind.as_str()) {
        Some("prometheus") => Language::PromQl,
        Some("loki") => Language::LogQl,
        other => panic!("{query:?} asks {other:?}"),
    }
}

#[test]
fn every_query_parses_whatever_is_chosen() {
    let sources = data_sources();
    for (file, dashboard) in files() {
        let dashboard = read(&dashboard);
        let values = ["app-a".to_owned(), "a \"b\\ (c)".to_owned()];
        let one: Vec<_> = dashboard
            .variables()
            .iter()
            .map(|it| Choice::one(it, &values[1]))
            .collect();
        let all: Vec<_> = dashboard
            .variables()
            .iter()
            .map(|it| match it.include_all {
                true => Choice::all(it, &values),
                false => Choice::one(it, ""),
            })
            .collect();
        let queries = dashboard.queries();
        assert!(!queries.is_empty(), "{file}");
        for query in &queries {
            assert!(!query.expr.is_empty(), "{file}: {}", query.panel);
            let language = language(query, &sources);
            let times = Times::of(query, language, dashboard.range_seconds(), Some(5.0));
            for choices in [&one, &all] {
                let text = filled(&query.expr, language, times, choices)
                    .unwrap_or_else(|name| panic!("{file}: {}: ${name}", query.panel));
                let parsed = match language {
                    Language::PromQl => engine::selectors(&text)
                        .map(drop)
                        .map_err(|it| it.to_string()),
                    Language::LogQl => lang::parse(&text).map(drop).map_err(|it| it.to_string()),
                };
                assert_eq!(parsed, Ok(()), "{file}: {}: {text}", query.panel);
            }
        }
    }
}

#[test]
fn counters_are_only_seen_through_rates() {
    for (file, dashboard) in files() {
        for query in read(&dashboard).queries() {
            let counters = query.expr.replace(NO_COUNTER, "");
            for part in counters.split("_total").skip(1) {
                // A selector, then its range.
                let rest = part.split_once('}').map_or(part, |(_, rest)| rest);
                assert!(
                    rest.starts_with('['),
                    "{file}: {}: {}",
                    query.panel,
                    query.expr
                );
            }
        }
    }
}

#[test]
fn the_panels_of_the_seed_and_exemplars_are_there() {
    let files = files();
    let dashboard = &files[0].1;
    let all = panels(dashboard);
    let titles: Vec<&str> = all
        .iter()
        .filter_map(|panel| panel["title"].as_str())
        .collect();
    assert_eq!(
        titles,
        [
            "Total Requests",
            "Total Exceptions",
            "Requests Count",
            "Requests Average Duration",
            "Percent of 2xx Requests",
            "Percent of 5xx Requests",
            "PR 99 Requests Duration",
            "Requests In Process",
            "Requests Per Second",
            "Log Type Rate",
            "Log of All Applications",
            "Incidents",
        ]
    );
    let read = read(dashboard);
    let variables: Vec<_> = read.variables().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(variables, ["app_name", "log_keyword"]);
    let queries = read.queries();
    let with: Vec<_> = queries
        .iter()
        .filter(|it| it.exemplar)
        .map(|it| it.panel.as_str())
        .collect();
    assert_eq!(with, ["PR 99 Requests Duration"]);
}

#[test]
fn the_correlations_are_provisioned_in_both_directions() {
    let sources = data_sources();
    let [prometheus, tempo, loki] = &sources[..] else {
        panic!("three data sources")
    };
    let destination = &prometheus.settings["exemplarTraceIdDestinations"][0];
    assert_eq!(
        (&destination["name"], &destination["datasourceUid"]),
        (&"TraceID".into(), &"tempo".into())
    );
    assert_eq!(prometheus.settings["httpMethod"], "POST");
    assert_eq!(
        TraceToLogs::of(tempo).expect("a mapping").datasource_uid,
        "loki"
    );
    assert_eq!(tempo.settings["nodeGraph"]["enabled"], true);
    assert_eq!(tempo.settings["serviceMap"]["datasourceUid"], "prometheus");
    let fields = DerivedField::leading_to(loki, "tempo").expect("a derived field");
    assert_eq!(fields[0].matcher_regex, r#"trace_id"?[=:]"?([0-9a-f]{32})"#);
    for query in tempo.settings["tracesToMetrics"]["queries"]
        .as_array()
        .expect("queries")
    {
        let text = query["query"].as_str().expect("a query");
        // As Grafana fills it in; the doubled dollar sign survives the environment.
        assert!(
            text.contains("$$__tags") || text.contains("$${__span."),
            "{text}"
        );
        let text = text.replace("$${__span.tags[\"service.name\"]}", "app-a");
        let text = text.replace("$$__tags", "app_name=\"app-a\", path=\"/\"");
        assert!(engine::selectors(&text).is_ok(), "{text}");
    }
}

/// What the console and `lab verify` both make of the same input; the console's tests read the same file.
fn golden(part: &str) -> Vec<Value> {
    let text = fs::read_to_string(root().join("tests/golden/grafana.json")).expect("the file");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    let cases = all[part].as_array().expect("cases").clone();
    assert!(!cases.is_empty(), "{part}");
    cases
}

fn golden_sources() -> Vec<DataSource> {
    let sources = golden("sources").into_iter();
    let sources = sources.map(serde_json::from_value);
    sources.collect::<Result<_, _>>().expect("data sources")
}

/// The choices of a case: all values, or one, or several.
fn choices(case: &Value) -> Vec<Choice> {
    let list = |value: &Value| -> Vec<String> {
        let items = value.as_array().into_iter().flatten();
        items
            .map(|it| it.as_str().expect("text").to_owned())
            .collect()
    };
    let all = case["choices"].as_array().into_iter().flatten();
    all.map(|case| {
        let variable = Variable::read(&case["variable"]);
        let (options, chosen) = (list(&case["options"]), list(&case["chosen"]));
        match &chosen[..] {
            [one] if one == "$__all" => Choice::all(&variable, &options),
            _ => Choice {
                values: chosen.clone(),
                ..Choice::one(&variable, "")
            },
        }
    })
    .collect()
}

fn golden_language(case: &Value) -> Language {
    match case["language"].as_str() {
        Some("prometheus") => Language::PromQl,
        Some("loki") => Language::LogQl,
        other => panic!("{other:?}"),
    }
}

/// What came is what a case expects, or an error that names the one thing that is not known.
fn as_expected(case: &Value, came: Result<Value, String>) {
    match (case["error"].as_str(), came) {
        (None, came) => assert_eq!(came.as_ref(), Ok(&case["expected"]), "{case}"),
        (Some(named), Err(error)) => assert!(error.contains(named), "{case}: {error}"),
        (Some(_), Ok(came)) => panic!("{case}: {came}"),
    }
}

#[test]
fn variables_and_macros_are_filled_in_as_in_the_console() {
    let times = Times {
        range: 900.0,
        step: 5.0,
        rate_interval: 20.0,
    };
    for case in golden("filled") {
        let text = case["text"].as_str().expect("text");
        let came = filled(text, golden_language(&case), times, &choices(&case));
        as_expected(&case, came.map(Value::String));
    }
}

#[test]
fn steps_and_rate_intervals_are_those_of_the_console() {
    for case in golden("intervals") {
        let limits = &case["limits"];
        let text = |name: &str| limits[name].as_str().unwrap_or_default().to_owned();
        let query = Query {
            own_interval: text("own"),
            panel_interval: text("panel"),
            factor: limits["factor"].as_f64().unwrap_or(1.0),
            max_points: limits["points"].as_u64().expect("points") as u32,
            ..Query::default()
        };
        let range = case["range"].as_f64().expect("a range");
        let scrape = text("scrape").trim_end_matches('s').parse().ok();
        let times = Times::of(&query, golden_language(&case), range, scrape);
        let expected = &case["expected"];
        assert_eq!(Some(times.step), expected["step"].as_f64(), "{case}");
        assert_eq!(
            Some(times.rate_interval),
            expected["rateInterval"].as_f64(),
            "{case}"
        );
    }
}

#[test]
fn a_data_source_is_found_however_a_file_names_it() {
    let sources = golden_sources();
    for case in golden("references") {
        let reference = SourceRef::read(&case["reference"]).unwrap_or_default();
        let came = reference.resolve(&sources, &choices(&case));
        as_expected(&case, came.map(|it| json!(it.uid)));
    }
}

#[test]
fn dashboards_of_other_people_are_read_or_the_one_thing_is_named() {
    let sources = golden_sources();
    for mut case in golden("dashboards") {
        let choices = choices(&case);
        let first: Vec<Choice> = choices
            .iter()
            .map(|it| Choice {
                values: it.values[..1].to_vec(),
                ..it.clone()
            })
            .collect();
        let came = Dashboard::read(&case["dashboard"]).and_then(|dashboard| {
            let queries = dashboard.queries();
            let mut asked = Vec::new();
            for query in &queries {
                if let Some(it) = PanelQuery::of(query, &sources, &choices, &first, 900.0)? {
                    asked.push(json!({
                        "panel": query.panel,
                        "source": it.source.uid,
                        "query": it.text,
                        "step": it.times.step as u64,
                    }));
                }
            }
            Ok(Value::Array(asked))
        });
        case["expected"] = case["queries"].take();
        as_expected(&case, came);
    }
}

#[test]
fn a_derived_field_finds_the_trace_in_both_formats_of_a_line() {
    for case in golden("derived_fields") {
        let loki = DataSource {
            settings: json!({"derivedFields": [case["field"]]}),
            ..golden_sources().remove(2)
        };
        let fields = DerivedField::leading_to(&loki, "tempo").expect("a field");
        let came = fields[0].link(case["line"].as_str().expect("a line"));
        as_expected(&case, came.map(|it| json!(it)));
    }
}

#[test]
fn a_span_leads_to_the_lines_that_the_console_leads_to() {
    for case in golden("trace_to_logs") {
        let tempo = DataSource {
            settings: case["settings"].clone(),
            ..golden_sources().remove(1)
        };
        let given = &case["span"];
        let text = |name: &str| given[name].as_str().expect("text").to_owned();
        let map = |name: &str| serde_json::from_value(given[name].clone()).expect("a map");
        let span = Span {
            span_id: text("spanId"),
            start_ns: text("startTimeUnixNano").parse().expect("a time"),
            end_ns: text("endTimeUnixNano").parse().expect("a time"),
            resource: map("resource"),
            attributes: map("attributes"),
            ..Span::default()
        };
        let id = case["traceId"].as_str().expect("an id");
        let came = TraceToLogs::of(&tempo).and_then(|it| it.query(id, &span));
        let came = came.map(|it| {
            let millis = |nanos: i64| nanos / 1_000_000;
            json!({"query": it.query, "from": millis(it.start), "to": millis(it.end)})
        });
        // Where Grafana shows no link there is none.
        assert_eq!(came.unwrap_or(Value::Null), case["expected"], "{case}");
    }
}
