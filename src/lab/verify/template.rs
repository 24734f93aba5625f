//! What Grafana puts in the place of variables and macros before it sends a query.

use regex::Regex;

use super::dashboard::{Query, Variable};

/// Time between two scrapes that Grafana assumes when a Prometheus data source sets none.
const DEFAULT_SCRAPE: f64 = 15.0;

/// Which language a query is in; values are formatted differently for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Asked of Prometheus.
    PromQl,
    /// Asked of Loki.
    LogQl,
}

/// A variable with what is chosen for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The variable's name.
    pub name: String,
    /// The chosen values; more than one when "all" is chosen.
    pub values: Vec<String>,
    /// Whether values are part of a regular expression and must be escaped as such.
    pub pattern: bool,
    /// Taken as it is, without escaping.
    pub literal: bool,
}

impl Choice {
    /// A variable with the one value `value`.
    #[must_use]
    pub fn one(variable: &Variable, value: &str) -> Self {
        Self {
            name: variable.name.clone(),
            values: vec![value.to_owned()],
            pattern: variable.multi || variable.include_all,
            literal: false,
        }
    }

    /// A variable with all of its values.
    #[must_use]
    pub fn all(variable: &Variable, values: &[String]) -> Self {
        match variable
            .all_value
            .as_deref()
            .filter(|text| !text.is_empty())
        {
            Some(text) => Self {
                literal: true,
                ..Self::one(variable, text)
            },
            None => Self {
                values: values.to_vec(),
                ..Self::one(variable, "")
            },
        }
    }

    fn formatted(&self, language: Language) -> String {
        let [first] = &self.values[..] else {
            let escaped: Vec<_> = self.values.iter().map(|it| escaped_pattern(it)).collect();
            let joined = escaped.join("|");
            return match language {
                Language::PromQl => format!("({joined})"),
                Language::LogQl => joined,
            };
        };
        if self.literal {
            first.clone()
        } else if self.pattern {
            escaped_pattern(first)
        } else {
            first.replace('\\', "\\\\").replace('"', "\\\"")
        }
    }
}

/// A value as part of a regular expression inside of a quoted string.
fn escaped_pattern(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if character == '\\' {
            escaped.push_str("\\\\\\\\");
            continue;
        }
        match character {
            '"' => escaped.push('\\'),
            _ if "$^*{}[]'+?.()|".contains(character) => escaped.push_str("\\\\"),
            _ => {}
        }
        escaped.push(character);
    }
    escaped
}

/// The steps of a range query, and what the macros stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// Time range of the dashboard, seconds.
    pub range: f64,
    /// Time between two points, seconds.
    pub step: f64,
    /// `$__rate_interval`, seconds.
    pub rate_interval: f64,
}

impl Times {
    /// What Grafana chooses for a query over `range` seconds. `scrape` is the data source's
    /// `timeInterval` in seconds.
    ///
    /// The rule for the rate interval is at
    /// <https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/>.
    #[must_use]
    pub fn of(query: &Query, language: Language, range: f64, scrape: Option<f64>) -> Self {
        let smallest = match language {
            Language::PromQl => query.min_step.or(scrape).unwrap_or(DEFAULT_SCRAPE),
            Language::LogQl => query.min_step.unwrap_or(1.0),
        };
        let step = (range / f64::from(query.max_points)).ceil().max(smallest);
        let scrape = query.own_interval.or(scrape).unwrap_or(DEFAULT_SCRAPE);
        Self {
            range,
            step,
            rate_interval: (step + scrape).max(4.0 * scrape),
        }
    }
}

/// The query text that is sent.
///
/// # Errors
/// The name of a variable that has no value.
pub fn filled(
    text: &str,
    language: Language,
    times: Times,
    choices: &[Choice],
) -> Result<String, String> {
    // `$name`, `${name}`, `${name:format}` and `[[name]]`.
    let Ok(place) = Regex::new(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)\]\]") else {
        return Err(text.to_owned());
    };
    let mut missing = None;
    let filled = place.replace_all(text, |found: &regex::Captures<'_>| {
        let group = |index| found.get(index).map(|it: regex::Match<'_>| it.as_str());
        let name = group(1).or(group(2)).or(group(4)).unwrap_or_default();
        if let Some(text) = macro_text(name, times) {
            return text;
        }
        match choices.iter().find(|choice| choice.name == name) {
            Some(choice) if group(3) == Some("raw") => choice.values.join(","),
            Some(choice) => choice.formatted(language),
            // A line format's `$1` and the like are not variables.
            None if name.bytes().all(|byte| byte.is_ascii_digit()) => found[0].to_owned(),
            None => {
                missing = Some(name.to_owned());
                String::new()
            }
        }
    });
    match missing {
        Some(name) => Err(name),
        None => Ok(filled.into_owned()),
    }
}

fn macro_text(name: &str, times: Times) -> Option<String> {
    let seconds = |value: f64| format!("{}s", value.round().max(1.0));
    let millis = |value: f64| (value * 1000.0).round().to_string();
    Some(match name {
        "__interval" | "__auto" => seconds(times.step),
        "__interval_ms" => millis(times.step),
        "__rate_interval" => seconds(times.rate_interval),
        "__rate_interval_ms" => millis(times.rate_interval),
        "__range" => seconds(times.range),
        "__range_s" => times.range.round().to_string(),
        "__range_ms" => millis(times.range),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        range: 900.0,
        step: 5.0,
        rate_interval: 20.0,
    };

    fn variable(include_all: bool, all_value: Option<&str>) -> Variable {
        let json = serde_json::json!({
            "name": "app", "type": "query", "includeAll": include_all, "allValue": all_value,
        });
        serde_json::from_value(json).expect("a variable")
    }

    #[test]
    fn macros_and_every_spelling_of_a_variable_are_filled_in() {
        let choice = [Choice::one(&variable(false, None), "x")];
        let filled = filled(
            "$app ${app} ${app:raw} [[app]] [$__rate_interval] $__range_s",
            Language::PromQl,
            TIMES,
            &choice,
        );
        assert_eq!(filled.as_deref(), Ok("x x x x [20s] 900"));
        let missing = super::filled("$other", Language::PromQl, TIMES, &choice);
        assert_eq!(missing, Err("other".to_owned()));
    }

    #[test]
    fn all_values_become_a_pattern_unless_the_variable_has_its_own() {
        let values = ["a.b".to_owned(), "c".to_owned()];
        let all = Choice::all(&variable(true, None), &values);
        assert_eq!(all.formatted(Language::PromQl), "(a\\\\.b|c)");
        assert_eq!(all.formatted(Language::LogQl), "a\\\\.b|c");
        let own = Choice::all(&variable(true, Some(".+")), &values);
        assert_eq!(own.formatted(Language::PromQl), ".+");
    }

    #[test]
    fn text_cannot_leave_its_quotes() {
        let text = Choice::one(&variable(false, None), "a\"b\\");
        assert_eq!(text.formatted(Language::LogQl), "a\\\"b\\\\");
    }

    #[test]
    fn the_rate_interval_spans_four_scrapes() {
        let query = Query {
            panel: String::new(),
            source: String::new(),
            expr: String::new(),
            instant: false,
            exemplar: false,
            may_be_empty: false,
            min_step: None,
            own_interval: None,
            max_points: 1000,
        };
        assert_eq!(Times::of(&query, Language::PromQl, 900.0, Some(5.0)), TIMES);
        let hour = Times::of(&query, Language::PromQl, 86_400.0, Some(5.0));
        assert_eq!((hour.step, hour.rate_interval), (87.0, 92.0));
    }
}
