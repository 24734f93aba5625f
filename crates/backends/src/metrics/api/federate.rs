//! `/federate`: the newest samples as a page that another Prometheus scrapes.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use salvo::http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use salvo::http::{ResBody, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use super::Api;
use super::params::Params;
use super::response::ApiError;
use crate::metrics::engine::{self, QueryError};
use crate::metrics::labels::METRIC_NAME;
use crate::metrics::now_ms;
use crate::metrics::number::general;
use crate::metrics::sample::is_stale;
use crate::wire::Stop;

const ESCAPED: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
const UTF_8: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8";

/// Answers the page.
pub(super) struct Federate(pub(super) Arc<Api>);

impl Federate {
    /// Status and body.
    async fn page(&self, req: &mut Request, names: Names) -> Result<(StatusCode, Bytes), ApiError> {
        let params = Params::read(req).await?;
        params.check_encoding()?;
        let (api, time) = (self.0.clone(), self.0.limits.timeout);
        let work = move |stop: &Stop| match page(&api, &params, names, stop) {
            Ok(page) => (StatusCode::OK, page.into_bytes()),
            Err(error) => (error.status(), error.into_text().into_bytes()),
        };
        let responded = self.0.queries.respond(time, &self.0.unread, work).await;
        responded.map_err(ApiError::of_queue)
    }
}

/// The form of names that are not of the oldest kind.
#[derive(Clone, Copy)]
enum Names {
    /// Each other character is an underscore.
    Escaped,
    /// In quotes.
    Utf8,
}

impl Names {
    fn of(req: &Request) -> Self {
        let accepted = req.headers().get_all(ACCEPT).iter();
        let mut accepted = accepted.filter_map(|value| value.to_str().ok());
        match accepted.any(|value| value.contains("escaping=allow-utf-8")) {
            true => Self::Utf8,
            false => Self::Escaped,
        }
    }

    /// A name as it stands on the page, and whether it is in quotes.
    fn show(self, name: &str) -> (String, bool) {
        match self {
            _ if is_plain(name) => (name.to_owned(), false),
            Self::Utf8 => (quote(name), true),
            Self::Escaped => {
                let plain = |(at, one): (usize, char)| match one {
                    '_' | ':' => one,
                    _ if one.is_ascii_alphabetic() => one,
                    _ if one.is_ascii_digit() && at > 0 => one,
                    _ => '_',
                };
                (name.chars().enumerate().map(plain).collect(), false)
            }
        }
    }
}

fn page(api: &Api, params: &Params, names: Names, stop: &Stop) -> Result<String, ApiError> {
    let mut series = std::collections::BTreeMap::new();
    for text in params.all("match[]") {
        let selector = engine::any_selector(text);
        let selector = selector.map_err(|error| ApiError::bad_data(error.to_string()))?;
        let found = api.store.select(&selector, stop);
        let found = found.map_err(|it| ApiError::of_query("match[]", QueryError::from(it)))?;
        for one in found {
            let labels = one.labels().clone();
            series.insert((labels.get(METRIC_NAME).to_owned(), labels), one);
        }
    }
    let now = now_ms();
    let lookback = i64::try_from(api.limits.lookback.as_millis()).unwrap_or(i64::MAX);
    let (mut page, mut family) = (String::new(), String::new());
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for ((name, labels), series) in series {
        times.clear();
        values.clear();
        series.read(now.saturating_sub(lookback), now, &mut times, &mut values);
        let (Some(time), Some(value)) = (times.last(), values.last()) else {
            continue;
        };
        // A series that has ended, one without a name, and a native histogram cannot be told in this form.
        let native = series
            .newest_histogram()
            .is_some_and(|newest| newest > *time);
        if is_stale(*value) || name.is_empty() || native {
            continue;
        }
        let (shown, quoted) = names.show(&name);
        if name != family {
            let _ = writeln!(page, "# TYPE {shown} untyped");
            family.clone_from(&name);
        }
        let others = labels.iter().filter(|(label, _)| *label != METRIC_NAME);
        let mut pairs: Vec<String> = others
            .map(|(label, value)| format!("{}={}", names.show(label).0, quote(value)))
            .collect();
        if labels.get("instance").is_empty() {
            // So that the server that scrapes does not put its own there.
            pairs.push("instance=\"\"".to_owned());
        }
        if quoted {
            pairs.insert(0, shown);
        } else {
            page.push_str(&shown);
        }
        let value = general(*value, None);
        let _ = writeln!(page, "{{{}}} {value} {time}", pairs.join(","));
        if page.len() > api.limits.max_result.saturating_mul(engine::JSON_BYTES) {
            return Err(ApiError::bad_data(
                "the page is too long: ask for fewer series",
            ));
        }
    }
    Ok(page)
}

/// True for a name that needs no quotes.
fn is_plain(name: &str) -> bool {
    let starts = |one: char| one.is_ascii_alphabetic() || one == '_' || one == ':';
    let mut characters = name.chars();
    characters.next().is_some_and(starts)
        && characters.all(|one| starts(one) || one.is_ascii_digit())
}

fn quote(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\n', "\\n");
    format!("\"{}\"", escaped.replace('"', "\\\""))
}

#[async_trait]
impl Handler for Federate {
    async fn handle(
        &self,
        req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        let names = Names::of(req);
        let responded = self.page(req, names).await;
        let (status, body) =
            responded.unwrap_or_else(|error| (error.status(), error.into_text().into()));
        let kind = match (status, names) {
            (StatusCode::OK, Names::Escaped) => ESCAPED,
            (StatusCode::OK, Names::Utf8) => UTF_8,
            _ => "text/plain; charset=utf-8",
        };
        res.status_code(status);
        res.headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        res.body(ResBody::Once(body));
    }
}
