//! A panel's query as it is sent, with the values of its variables and macros.

use super::dashboard::Query;
use super::template::{Choice, Language, Times, filled, interval_filled, seconds};
use crate::lab::provisioning::DataSource;

/// A panel's query, and the server that it goes to.
#[derive(Debug)]
pub struct PanelQuery<'a> {
    /// The query as the file has it.
    pub query: &'a Query,
    /// The data source that gets it.
    pub source: &'a DataSource,
    /// Its language.
    pub language: Language,
    /// The query.
    pub text: String,
    /// Steps and time range.
    pub times: Times,
}

impl<'a> PanelQuery<'a> {
    /// A query over `range` seconds with these choices; `None` for a query that is empty. The variable of a
    /// repeated panel has one value, that in `first`.
    ///
    /// # Errors
    /// Names what is not known.
    pub fn of(
        query: &'a Query,
        sources: &'a [DataSource],
        choices: &[Choice],
        first: &[Choice],
        range: f64,
    ) -> Result<Option<Self>, String> {
        let choices: Vec<Choice> = choices
            .iter()
            .map(|choice| {
                let single = first.iter().find(|it| it.name == choice.name);
                let single = single.filter(|_| query.repeated.contains(&choice.name));
                single.unwrap_or(choice).clone()
            })
            .collect();
        let source = query.reference.resolve(sources, &choices)?;
        let language = language(source, query)?;
        if query.expr.trim().is_empty() {
            return Ok(None);
        }
        let unknown = |name| {
            let expr = &query.expr;
            format!("${name} is no variable or macro that is known, in {expr}")
        };
        let mut timed = query.clone();
        timed.panel_interval = interval_filled(&query.panel_interval, &choices).map_err(unknown)?;
        timed.own_interval = interval_filled(&query.own_interval, &choices).map_err(unknown)?;
        let scrape = source.settings["timeInterval"].as_str().and_then(seconds);
        let times = Times::of(&timed, language, range, scrape);
        Ok(Some(Self {
            query,
            source,
            language,
            text: filled(&query.expr, language, times, &choices).map_err(unknown)?,
            times,
        }))
    }
}

fn language(source: &DataSource, query: &Query) -> Result<Language, String> {
    match source.kind.as_str() {
        "prometheus" => Ok(Language::PromQl),
        "loki" => Ok(Language::LogQl),
        kind => {
            let kind_of_query = match query.query_type.as_str() {
                "" => String::new(),
                name => format!(" (query type {name})"),
            };
            Err(format!(
                "asks the data source {:?} of type {kind}{kind_of_query}; only queries of Prometheus and \
                 Loki are known",
                source.uid
            ))
        }
    }
}
