//! Request parameters: from the query string and, for POST, from the form.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use salvo::Request;
use salvo::http::Method;

use super::response::ApiError;
use crate::metrics::lang::token;
use crate::wire::duration::prometheus;
use crate::wire::form::Form;
use crate::wire::integer::atoi;
use crate::wire::quote;
use crate::wire::rfc3339;

/// Longest form that is read.
const MAX_FORM_BYTES: usize = 1 << 20;

/// The parameters of one request.
pub(super) struct Params {
    fields: HashMap<String, Vec<String>>,
    malformed: Option<String>,
    /// The path's own parameter, for `label/{name}/values`.
    pub(super) name: String,
    /// As it was sent, if that is not UTF-8.
    pub(super) invalid_name: Option<Vec<u8>>,
}

impl Params {
    /// Reads them. The form's values come before those of the query string.
    pub(super) async fn read(req: &mut Request) -> Result<Self, ApiError> {
        let is_form = req
            .content_type()
            .is_some_and(|kind| kind.essence_str() == "application/x-www-form-urlencoded");
        let mut form = Form::default();
        if req.method() == Method::POST && is_form {
            let body = req.payload_with_max_size(MAX_FORM_BYTES).await;
            form.add(body.map_err(|error| malformed(&error.to_string()))?);
        }
        if let Some(query) = req.uri().query() {
            form.add(query.as_bytes());
        }
        let mut fields: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in form.pairs {
            // A text that is not UTF-8 is refused for its U+FFFD where it is read.
            let value = quote::valid(&value);
            fields.entry(name).or_default().push(value);
        }
        Ok(Self {
            fields,
            malformed: form.malformed,
            name: req.param::<String>("name").unwrap_or_default(),
            invalid_name: invalid_name(req.uri().path()),
        })
    }

    /// Refuses a request of which a pair could not be read. Prometheus does so at some endpoints; at the others such a
    /// pair is as if it were not there.
    pub(super) fn check_encoding(&self) -> Result<(), ApiError> {
        match &self.malformed {
            None => Ok(()),
            Some(problem) => Err(malformed(problem)),
        }
    }

    /// The first value of a parameter, `""` when it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.all(name).first().map_or("", String::as_str)
    }

    /// All values of a parameter.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.fields.get(name).map_or(&[], Vec::as_slice)
    }

    /// A time in milliseconds; `missing` is the default of a parameter that has one.
    pub(super) fn time(&self, name: &str, missing: Option<i64>) -> Result<i64, ApiError> {
        let text = self.get(name);
        let problem = || format!("cannot parse {} to a valid timestamp", token::quote(text));
        match missing {
            None => parse_time(text).ok_or_else(|| ApiError::invalid(name, problem())),
            Some(missing) if text.is_empty() => Ok(missing),
            // Prometheus says more where the parameter may be missing.
            Some(_) => parse_time(text).ok_or_else(|| {
                let problem = problem();
                ApiError::invalid(name, format!("invalid time value for '{name}': {problem}"))
            }),
        }
    }

    /// A duration in nanoseconds, or the reason why it is none.
    pub(super) fn duration(&self, name: &str) -> Result<i64, String> {
        prometheus::seconds_or_duration(self.get(name))
    }

    /// A number of results, `usize::MAX` when it is missing or zero.
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        let refused = |problem: &str| ApiError::invalid("limit", problem);
        match self.integer("limit") {
            None | Some(Ok(0)) => Ok(usize::MAX),
            Some(Ok(number)) => {
                usize::try_from(number).map_err(|_| refused("limit must be non-negative"))
            }
            Some(Err(problem)) => Err(refused(&problem)),
        }
    }

    /// A whole number as Go's `strconv.Atoi` reads it, with its error; `None` when it is missing.
    pub(super) fn integer(&self, name: &str) -> Option<Result<i64, String>> {
        let text = Some(self.get(name)).filter(|text| !text.is_empty())?;
        Some(atoi(text))
    }
}

/// The last part but one of a path, if it is not UTF-8.
fn invalid_name(path: &str) -> Option<Vec<u8>> {
    let name: Vec<u8> = percent_decode_str(path.rsplit('/').nth(1)?).collect();
    std::str::from_utf8(&name).is_err().then_some(name)
}

fn malformed(problem: &str) -> ApiError {
    ApiError::bad_data(format!("error parsing form values: {problem}"))
}

/// Unix seconds with a fraction, or RFC 3339.
fn parse_time(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        // The fraction is rounded apart, so that a large number of seconds does not blur it.
        return (seconds.abs() < 9.2e15)
            .then(|| seconds.trunc() as i64 * 1000 + (seconds.fract() * 1000.0).round() as i64);
    }
    rfc3339::parse(text).map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::parse_time;

    #[test]
    fn times_are_unix_seconds_or_rfc_3339() {
        assert_eq!(parse_time("1700000000.123"), Some(1_700_000_000_123));
        assert_eq!(
            parse_time("2023-11-14T22:13:20.5Z"),
            Some(1_700_000_000_500)
        );
        assert_eq!(
            parse_time("2023-11-14T23:13:20+01:00"),
            Some(1_700_000_000_000)
        );
        assert_eq!(parse_time("NaN"), None);
        assert_eq!(parse_time("now"), None);
        assert_eq!(parse_time(""), None);
    }
}
