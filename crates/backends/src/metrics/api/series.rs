//! `/series`, `/labels` and `/label/{name}/values`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Api;
use super::params::Params;
use super::response::{ApiError, ApiResponse, push_labels, push_list, push_string};
use crate::metrics::engine::{self, QueryError};
use crate::metrics::labels::Labels;
use crate::wire::Stop;
use crate::wire::quote::quoted;

/// The label sets that the request's selectors and times leave.
///
/// A wrong selector is an error that `wrong` makes of its text: Prometheus names the parameter at one endpoint only.
fn matched(
    api: &Api,
    params: &Params,
    stop: &Stop,
    wrong: fn(String) -> ApiError,
) -> Result<BTreeSet<Labels>, ApiError> {
    let (start, end) = times(params)?;
    if end < start {
        return Err(ApiError::invalid(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let mut found = BTreeSet::new();
    // One after the other: each may bring as many regular expressions as a query.
    for text in params.all("match[]") {
        let fail = |error| match error {
            QueryError::BadData(text) => wrong(text),
            other => ApiError::of_query("match[]", other),
        };
        let selector = engine::series_selector(text).map_err(fail)?;
        let labels = api.store.select_labels(&selector, start, end, stop);
        found.extend(labels.map_err(|stopped| fail(stopped.into()))?);
    }
    Ok(found)
}

/// Start and end in milliseconds, without bounds if not given.
fn times(params: &Params) -> Result<(i64, i64), ApiError> {
    let start = params.time("start", Some(i64::MIN))?;
    Ok((start, params.time("end", Some(i64::MAX))?))
}

/// Label sets of the series that match.
pub(super) fn series(api: &Api, params: &Params, stop: &Stop) -> Result<ApiResponse, ApiError> {
    params.check_encoding()?;
    if params.all("match[]").is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = params.limit()?;
    let wrong = |text| ApiError::invalid("match[]", text);
    let found = matched(api, params, stop, wrong)?;
    let mut json = String::new();
    push_list(&mut json, found.iter().take(limit), |json, labels| {
        push_labels(json, labels)
    });
    Ok(truncated(ApiResponse::data(json), found.len() > limit))
}

/// Names of all labels, or of those of the series that match.
pub(super) fn label_names(
    api: &Api,
    params: &Params,
    stop: &Stop,
) -> Result<ApiResponse, ApiError> {
    times(params)?;
    let names = if params.all("match[]").is_empty() {
        api.store.label_names()
    } else {
        distinct(
            &matched(api, params, stop, ApiError::bad_data)?,
            |labels, found| {
                found.extend(labels.iter().map(|(name, _)| name.to_owned()));
            },
        )
    };
    strings(&names, params)
}

/// Values of one label.
pub(super) fn label_values(
    api: &Api,
    params: &Params,
    stop: &Stop,
) -> Result<ApiResponse, ApiError> {
    if let Some(name) = &params.invalid_name {
        let name = quoted(name);
        return Err(ApiError::bad_data(format!("invalid label name: {name}")));
    }
    let name = unescape_name(&params.name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    times(params)?;
    let values = if params.all("match[]").is_empty() {
        api.store.label_values(&name)
    } else {
        distinct(
            &matched(api, params, stop, ApiError::bad_data)?,
            |labels, found| {
                let value = labels.get(&name);
                if !value.is_empty() {
                    found.insert(value.to_owned());
                }
            },
        )
    };
    strings(&values, params)
}

/// The name behind an [escaped](https://prometheus.io/docs/instrumenting/escaping_schemes/) one: behind `U__`, `_2e_`
/// is the character of that code, and `__` is `_`. What is not escaped so is a name as it is.
fn unescape_name(text: &str) -> Cow<'_, str> {
    let unescaped = || {
        let mut name = String::new();
        let mut parts = text.strip_prefix("U__")?.split('_');
        name.push_str(parts.next()?);
        while let Some(code) = parts.next() {
            if code.is_empty() {
                name.push('_');
            } else {
                let short = code.len() <= 6 && code.bytes().all(|byte| byte.is_ascii_hexdigit());
                let code = u32::from_str_radix(code, 16).ok().filter(|_| short)?;
                name.push(char::from_u32(code)?);
            }
            name.push_str(parts.next()?);
        }
        Some(name)
    };
    unescaped().map_or(Cow::Borrowed(text), Cow::Owned)
}

fn distinct(
    sets: &BTreeSet<Labels>,
    mut add: impl FnMut(&Labels, &mut BTreeSet<String>),
) -> Vec<String> {
    let mut found = BTreeSet::new();
    sets.iter().for_each(|labels| add(labels, &mut found));
    found.into_iter().collect()
}

fn strings(list: &[String], params: &Params) -> Result<ApiResponse, ApiError> {
    let limit = params.limit()?;
    let mut json = String::new();
    push_list(&mut json, list.iter().take(limit), |json, text| {
        push_string(json, text)
    });
    Ok(truncated(ApiResponse::data(json), list.len() > limit))
}

fn truncated(response: ApiResponse, is_truncated: bool) -> ApiResponse {
    response.with_warnings(is_truncated.then(|| "results truncated due to limit".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::unescape_name;

    #[test]
    fn escaped_names_are_read_and_others_stay() {
        for (escaped, name) in [
            ("U__a_2e_b", "a.b"),
            ("U___e9_", "é"),
            ("U__a__b", "a_b"),
            ("U__a___2E_b", "a_.b"),
            ("U__a", "a"),
            ("U__", ""),
            ("job", "job"),
            ("U__a_2e", "U__a_2e"),
            ("U__a_zz_b", "U__a_zz_b"),
            ("U__a_110000_", "U__a_110000_"),
            ("U__a_d800_", "U__a_d800_"),
            ("U__a_0000065_", "U__a_0000065_"),
            ("u__a_2e_b", "u__a_2e_b"),
        ] {
            assert_eq!(unescape_name(escaped), name, "{escaped}");
        }
    }
}
