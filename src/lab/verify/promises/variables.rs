//! The values that the variables of a dashboard can take.

use regex::Regex;
use serde_json::Value;

use super::super::dashboard::Variable;
use super::super::finding::Finding;
use super::super::http::{Response, Server};
use super::super::template::{Choice, Language, Times, filled, seconds};
use super::{Run, now_seconds};
use crate::lab::provisioning::DataSource;

/// The values of a variable, in the order in which they come; the first is what it has without a choice.
pub(super) async fn values(
    run: &Run,
    range: f64,
    variable: &Variable,
    known: &[Choice],
) -> Result<Vec<String>, Finding> {
    let definition = variable.definition();
    Ok(match variable.kind.as_str() {
        "textbox" => vec![match variable.chosen() {
            "" => definition.to_owned(),
            text => text.to_owned(),
        }],
        "constant" => vec![definition.to_owned()],
        "custom" => custom(definition),
        "interval" => intervals(variable, range),
        "datasource" => sources(run, variable)?,
        // Without a filter it changes no query.
        "adhoc" | "groupby" if !variable.has_filters => Vec::new(),
        "adhoc" => return Err(unknown(variable, "type \"adhoc\" with filters")),
        "query" => queried(run, range, variable, known).await?,
        other => return Err(unknown(variable, &format!("type {other:?}"))),
    })
}

fn unknown(variable: &Variable, what: &str) -> Finding {
    Finding::new(
        format!("variable ${} of {what}", variable.name),
        "verify does not know how Grafana asks for this",
    )
    .check("docs of `lab verify`; label_values(selector, label) and query_result(query) are known")
    .settled()
}

/// `a,b,c`, or `name : value` for each; a comma in a value has a backslash before it.
fn custom(definition: &str) -> Vec<String> {
    let parts = definition.replace("\\,", "\0");
    let parts = parts.split(',').map(str::trim).filter(|it| !it.is_empty());
    parts
        .map(|part| {
            part.split_once(" : ")
                .map_or(part, |(_, value)| value.trim())
        })
        .map(|value| value.replace('\0', ","))
        .collect()
}

/// Lengths of time; `auto` is one that fits the time range.
fn intervals(variable: &Variable, range: f64) -> Vec<String> {
    let mut values = custom(variable.definition());
    if variable.chosen().starts_with("$__auto_interval") || variable.chosen() == "auto" {
        let (count, least) = &variable.auto;
        let least = seconds(least).unwrap_or(10.0);
        let fitting = (range / count.max(1.0)).ceil().max(least);
        values.insert(0, format!("{fitting}s"));
    }
    values
}

/// The provisioned data sources of the type that a variable offers, that which it has chosen first.
fn sources(run: &Run, variable: &Variable) -> Result<Vec<String>, Finding> {
    let kind = variable.definition();
    let filter = expression(variable)?;
    let offered: Vec<&DataSource> = run
        .provisioning
        .sources
        .iter()
        .filter(|source| source.kind == kind)
        .filter(|source| filter.as_ref().is_none_or(|it| it.is_match(&source.name)))
        .collect();
    if offered.is_empty() {
        let came = format!("no data source of type {kind:?} is provisioned that it could offer");
        return Err(Finding::new(format!("variable ${}", variable.name), came).settled());
    }
    let chosen = offered.iter().position(|source| match variable.chosen() {
        "" | "default" => source.is_default,
        name => source.uid == name || source.name == name,
    });
    let mut uids: Vec<String> = offered.iter().map(|source| source.uid.clone()).collect();
    uids.swap(0, chosen.unwrap_or(0));
    Ok(uids)
}

/// Response of a server to the query of a variable.
async fn queried(
    run: &Run,
    range: f64,
    variable: &Variable,
    known: &[Choice],
) -> Result<Vec<String>, Finding> {
    let named = |what: String| Finding::new(format!("variable ${}", variable.name), what).settled();
    let source = variable
        .datasource
        .resolve(&run.provisioning.sources, known);
    let source = source.map_err(|what| named(format!("it {what}")))?;
    let times = Times {
        range,
        step: 1.0,
        rate_interval: 1.0,
    };
    let fill = |text: &str, language| {
        filled(text, language, times, known)
            .map_err(|name| named(format!("${name} is no variable or macro that is known")))
    };
    let (server, asked, language) = match source.kind.as_str() {
        "prometheus" => {
            let text = fill(variable.definition(), Language::PromQl)?;
            (
                &run.lab.prometheus,
                prometheus_question(variable, &text),
                Language::PromQl,
            )
        }
        "loki" => {
            let text = fill(&loki_text(variable), Language::LogQl)?;
            (&run.lab.loki, loki_question(&text), Language::LogQl)
        }
        kind => {
            return Err(unknown(
                variable,
                &format!("a data source of type {kind:?}"),
            ));
        }
    };
    let asked = asked.ok_or_else(|| match variable.definition() {
        "" => unknown(variable, &variable.query.to_string()),
        text => unknown(variable, text),
    })?;
    let answer = asked.ask(server, language, range).await?;
    if answer.status == 400 {
        return Err(answer
            .finding(format!("HTTP 400: {}", answer.body))
            .settled());
    }
    let values = taken(&expression(variable)?, asked.texts(&answer.json()?));
    match values.is_empty() {
        true => Err(answer.finding(format!("variable ${} has no value", variable.name))),
        false => Ok(values),
    }
}

/// Query of a variable.
#[derive(Debug, PartialEq)]
enum Asked {
    Names {
        matcher: Option<String>,
    },
    Values {
        selector: Option<String>,
        label: String,
    },
    Series {
        selector: String,
    },
    Result {
        query: String,
    },
}

/// The functions that Grafana knows for variables of Prometheus.
fn prometheus_question(variable: &Variable, text: &str) -> Option<Asked> {
    let text = text.trim();
    let called = |name: &str| {
        let inner = text.strip_prefix(name)?.strip_suffix(')')?;
        Some(inner.trim().to_owned())
    };
    if let Some(inner) = called("label_values(") {
        return values_of(&inner);
    }
    if let Some(inner) = called("label_names(") {
        let matcher = (!inner.is_empty()).then(|| format!("{{__name__=~\".*{inner}.*\"}}"));
        return Some(Asked::Names { matcher });
    }
    if let Some(inner) = called("metrics(") {
        return Some(Asked::Values {
            selector: Some(format!("{{__name__=~\"{inner}\"}}")),
            label: "__name__".to_owned(),
        });
    }
    if let Some(query) = called("query_result(") {
        return Some(Asked::Result { query });
    }
    // An object may say it in members of its own.
    let member = |name: &str| variable.query[name].as_str().filter(|it| !it.is_empty());
    if text.is_empty() {
        return Some(Asked::Values {
            selector: member("metric").map(str::to_owned),
            label: member("label")?.to_owned(),
        });
    }
    let is_selector = text.starts_with(|it: char| it.is_ascii_alphabetic() || "_:{".contains(it));
    (is_selector && !text.contains('(')).then(|| Asked::Series {
        selector: text.to_owned(),
    })
}

/// As text, also for a variable that was made with Loki's own form.
fn loki_text(variable: &Variable) -> String {
    let member = |name: &str| variable.query[name].as_str().unwrap_or_default();
    match (variable.definition(), member("label"), member("stream")) {
        (text, ..) if !text.is_empty() => text.to_owned(),
        (_, "", _) => match variable.query["type"] == 0 {
            true => "label_names()".to_owned(),
            false => String::new(),
        },
        (_, label, "") => format!("label_values({label})"),
        (_, label, stream) => format!("label_values({stream}, {label})"),
    }
}

fn loki_question(text: &str) -> Option<Asked> {
    let text = text.trim();
    if text == "label_names()" {
        return Some(Asked::Names { matcher: None });
    }
    values_of(text.strip_prefix("label_values(")?.strip_suffix(')')?)
}

fn values_of(inner: &str) -> Option<Asked> {
    let (selector, label) = match inner.rsplit_once(',') {
        Some((selector, label)) => (Some(selector.trim()), label.trim()),
        None => (None, inner.trim()),
    };
    let is_label = !label.is_empty()
        && label
            .chars()
            .all(|it| it.is_alphanumeric() || "_.:".contains(it));
    is_label.then(|| Asked::Values {
        // An empty selector is none.
        selector: selector
            .filter(|it| !matches!(it.replace(' ', "").as_str(), "" | "{}"))
            .map(str::to_owned),
        label: label.to_owned(),
    })
}

impl Asked {
    async fn ask(
        &self,
        server: &Server,
        language: Language,
        range: f64,
    ) -> Result<Response, Finding> {
        let now = now_seconds();
        let (start, end) = ((now - range as i64).to_string(), now.to_string());
        let mut params = vec![("start", start.as_str()), ("end", &end)];
        let (prefix, selector) = match language {
            Language::PromQl => ("/api/v1", "match[]"),
            Language::LogQl => ("/loki/api/v1", "query"),
        };
        match self {
            Self::Names { matcher } => {
                params.extend(matcher.as_deref().map(|it| (selector, it)));
                server.get(&format!("{prefix}/labels"), &params).await
            }
            Self::Values {
                selector: own,
                label,
            } => {
                params.extend(own.as_deref().map(|it| (selector, it)));
                server
                    .get(&format!("{prefix}/label/{label}/values"), &params)
                    .await
            }
            Self::Series { selector: own } => {
                params.push((selector, own));
                server.get(&format!("{prefix}/series"), &params).await
            }
            Self::Result { query } => {
                let params = [("query", query.as_str()), ("time", &end)];
                server.get(&format!("{prefix}/query"), &params).await
            }
        }
    }

    /// The texts that values are taken from.
    fn texts(&self, answer: &Value) -> Vec<String> {
        let data = &answer["data"];
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        match self {
            Self::Names { .. } | Self::Values { .. } => list(data)
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .filter(|it| it != "__name__")
                .collect(),
            Self::Series { .. } => list(data).iter().map(series).collect(),
            Self::Result { .. } if data["resultType"] == "scalar" => {
                vec![data["result"][1].as_str().unwrap_or_default().to_owned()]
            }
            Self::Result { .. } => list(&data["result"])
                .iter()
                .map(|sample| {
                    let (time, value) = (&sample["value"][0], &sample["value"][1]);
                    let millis = time.as_f64().unwrap_or_default() * 1000.0;
                    let value = value.as_str().unwrap_or_default();
                    format!("{} {value} {millis}", series(&sample["metric"]))
                })
                .collect(),
        }
    }
}

/// A series as Grafana writes it: `name{label="value"}`.
fn series(labels: &Value) -> String {
    let all = labels.as_object().into_iter().flatten();
    let others = all.filter(|(name, _)| *name != "__name__");
    let pairs: Vec<String> = others
        .map(|(name, value)| format!("{name}=\"{}\"", value.as_str().unwrap_or_default()))
        .collect();
    let name = labels["__name__"].as_str().unwrap_or_default();
    format!("{name}{{{}}}", pairs.join(","))
}

/// The expression of a variable: between slashes, with its flags, or one for all of a text.
fn expression(variable: &Variable) -> Result<Option<Regex>, Finding> {
    let text = variable.regex.as_str();
    if text.is_empty() {
        return Ok(None);
    }
    let slashed = text.strip_prefix('/').and_then(|it| it.rsplit_once('/'));
    let pattern = match slashed {
        Some((pattern, flags)) if flags.contains('i') => format!("(?i){pattern}"),
        Some((pattern, _)) => pattern.to_owned(),
        None => format!("^{text}$"),
    };
    // JavaScript lets a slash be escaped, which means nothing here.
    Regex::new(&pattern.replace("\\/", "/"))
        .map(Some)
        .map_err(|_| {
            let asked = format!("variable ${}", variable.name);
            let came = format!("its expression {text} cannot be read here");
            Finding::new(asked, came).settled()
        })
}

/// Part of a text that an expression takes: the group `value` or `text`, else the first group, else all of it;
/// each once.
fn taken(expression: &Option<Regex>, texts: Vec<String>) -> Vec<String> {
    let Some(expression) = expression else {
        return texts;
    };
    let mut values = Vec::new();
    for text in texts {
        let Some(found) = expression.captures(&text) else {
            continue;
        };
        let group = found.name("value").or(found.name("text")).or(found.get(1));
        let value = group.map_or(text.as_str(), |it| it.as_str()).to_owned();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}
