//! `/rules` and `/alerts`: what is computed of the metrics, and what fires.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Api;
use super::params::Params;
use super::response::{ApiError, ApiResponse};
use crate::metrics::engine;
use crate::metrics::labels::Labels;
use crate::metrics::rules::{Alert, Group, Kind, Rule, State};
use crate::metrics::store::Selector;
use crate::wire::integer;

/// The alerts that are pending or firing.
pub(super) fn alerts(api: &Api, _params: &Params) -> Result<ApiResponse, ApiError> {
    let mut alerts = Vec::new();
    for group in api.rules.groups() {
        let mut rules: Vec<_> = group
            .rules
            .iter()
            .filter_map(|rule| match &rule.kind {
                Kind::Alerting(alerting) => Some((state(rule), &rule.name, alerting)),
                Kind::Recording => None,
            })
            .collect();
        rules.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(right.1)));
        let active = rules.iter().flat_map(|(_, _, alerting)| alerting.active());
        alerts.extend(active.map(alert));
    }
    Ok(ApiResponse::data(json!({"alerts": alerts}).to_string()))
}

/// What a request wants to see of the rules.
struct Wanted<'p> {
    names: &'p [String],
    groups: &'p [String],
    files: &'p [String],
    matchers: Vec<Selector>,
    recording: bool,
    alerting: bool,
    alerts: bool,
    /// Most groups, and the token of the first.
    page: Option<(usize, &'p str)>,
}

impl<'p> Wanted<'p> {
    fn read(params: &'p Params) -> Result<Self, ApiError> {
        let matchers = params.all("match[]").iter();
        let matchers = matchers
            .map(|text| engine::series_selector(text))
            .collect::<Result<_, _>>();
        let matchers = matchers.map_err(|error| ApiError::bad_data(error.to_string()))?;
        let kind = params.get("type").to_lowercase();
        if !["", "alert", "record"].contains(&kind.as_str()) {
            let problem = format!("not supported value {kind:?}");
            return Err(ApiError::invalid("type", problem));
        }
        Ok(Self {
            names: params.all("rule_name[]"),
            groups: params.all("rule_group[]"),
            files: params.all("file[]"),
            matchers,
            recording: kind != "alert",
            alerting: kind != "record",
            alerts: !excludes_alerts(params)?,
            page: page(params)?,
        })
    }

    fn group(&self, group: &Group) -> bool {
        let named = |names: &[String], name: &String| names.is_empty() || names.contains(name);
        named(self.groups, &group.name) && named(self.files, &group.file)
    }

    fn rule(&self, rule: &Rule) -> bool {
        let kind = match rule.kind {
            Kind::Recording => self.recording,
            Kind::Alerting(_) => self.alerting,
        };
        let named = self.names.is_empty() || self.names.contains(&rule.name);
        let mut matchers = self.matchers.iter();
        let matches = self.matchers.is_empty() || matchers.any(|it| it.accepts(&rule.labels));
        kind && named && matches
    }
}

fn excludes_alerts(params: &Params) -> Result<bool, ApiError> {
    let text = params.get("exclude_alerts").to_lowercase();
    match text.as_str() {
        "1" | "t" | "true" => Ok(true),
        "" | "0" | "f" | "false" => Ok(false),
        _ => Err(ApiError::invalid(
            "exclude_alerts",
            format!(
                "error converting exclude_alerts: strconv.ParseBool: parsing {text:?}: invalid syntax"
            ),
        )),
    }
}

fn page(params: &Params) -> Result<Option<(usize, &str)>, ApiError> {
    let (most, token) = (params.get("group_limit"), params.get("group_next_token"));
    if most.is_empty() {
        if token.is_empty() {
            return Ok(None);
        }
        let problem = "group_limit needs to be present in order to paginate over the groups";
        return Err(ApiError::invalid("group_next_token", problem));
    }
    let refused = |problem: String| ApiError::invalid("group_limit", problem);
    let number: i32 = integer::parse("ParseInt", most)
        .map_err(|error| refused(format!("group_limit needs to be a valid number: {error}")))?;
    match usize::try_from(number) {
        Ok(most) if most > 0 => Ok(Some((most, token))),
        _ => Err(refused("group_limit needs to be greater than 0".to_owned())),
    }
}

/// The rules by group.
pub(super) fn rules(api: &Api, params: &Params) -> Result<ApiResponse, ApiError> {
    let wanted = Wanted::read(params)?;
    let all = api.rules.groups();
    let first = match wanted.page {
        Some((_, token)) if !token.is_empty() => all
            .iter()
            .position(|group| self::token(group) == token)
            .ok_or_else(|| {
                let problem =
                    format!("invalid group_next_token '{token}'. were rule groups changed?");
                ApiError::invalid("group_next_token", problem)
            })?,
        _ => 0,
    };
    let mut answer = Map::new();
    let mut groups = Vec::new();
    for group in all.iter().skip(first).filter(|group| wanted.group(group)) {
        let rules: Vec<Value> = group
            .rules
            .iter()
            .filter(|rule| wanted.rule(rule))
            .map(|it| rule(it, wanted.alerts))
            .collect();
        if rules.is_empty() {
            continue;
        }
        if wanted.page.is_some_and(|(most, _)| groups.len() == most) {
            answer.insert("groupNextToken".to_owned(), token(group).into());
            break;
        }
        let evaluated = group.evaluated();
        groups.push(json!({
            "name": group.name,
            "file": group.file,
            "interval": seconds(group.interval),
            "limit": group.limit,
            "rules": rules,
            "evaluationTime": evaluated.took.as_secs_f64(),
            "lastEvaluation": time(evaluated.at),
        }));
    }
    answer.insert("groups".to_owned(), groups.into());
    Ok(ApiResponse::data(Value::Object(answer).to_string()))
}

/// What names a group in a page of groups.
fn token(group: &Group) -> String {
    let mut hasher = DefaultHasher::new();
    (&group.file, &group.name).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn rule(rule: &Rule, with_alerts: bool) -> Value {
    let evaluated = rule.evaluated();
    let error = rule.error();
    let health = match (&error, evaluated.at) {
        (Some(_), _) => "err",
        (None, Some(_)) => "ok",
        (None, None) => "unknown",
    };
    let mut json = json!({
        "name": rule.name,
        "query": rule.query,
        "labels": labels(&rule.labels),
        "health": health,
        "evaluationTime": evaluated.took.as_secs_f64(),
        "lastEvaluation": time(evaluated.at),
        "type": "recording",
    });
    if let Some(error) = error {
        json["lastError"] = error.into();
    }
    if let Kind::Alerting(alerting) = &rule.kind {
        let alerts = || alerting.active().into_iter().map(alert).collect::<Vec<_>>();
        json["type"] = "alerting".into();
        json["state"] = state(rule).name().into();
        json["duration"] = seconds(alerting.hold);
        json["keepFiringFor"] = seconds(alerting.keep_firing_for);
        json["annotations"] = labels(&alerting.annotations);
        json["alerts"] = with_alerts.then(alerts).into();
    }
    json
}

/// The highest state of the alerts of a rule.
fn state(rule: &Rule) -> State {
    match &rule.kind {
        Kind::Alerting(alerting) if rule.evaluated().at.is_some() => alerting.state(),
        _ => State::Unknown,
    }
}

fn alert(alert: Alert) -> Value {
    let millis = |millis: i64| time(u64::try_from(millis).ok().map(Duration::from_millis));
    let mut json = json!({
        "labels": labels(&alert.labels),
        "annotations": labels(&alert.annotations),
        "state": alert.state.name(),
        "activeAt": millis(alert.active_at),
        "value": scientific(alert.value),
    });
    if let Some(since) = alert.keep_firing_since {
        json["keepFiringSince"] = millis(since).into();
    }
    json
}

fn labels(labels: &Labels) -> Value {
    let pairs = labels.iter();
    let pairs = pairs.map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(pairs.collect())
}

/// Seconds, without a fraction where there is none.
fn seconds(duration: Duration) -> Value {
    match duration.subsec_nanos() {
        0 => duration.as_secs().into(),
        _ => duration.as_secs_f64().into(),
    }
}

/// A time since the Unix epoch; Go's zero time when there is none.
fn time(since: Option<Duration>) -> String {
    let nanos = since.and_then(|since| i128::try_from(since.as_nanos()).ok());
    let time = nanos.and_then(|nanos| jiff::Timestamp::from_nanosecond(nanos).ok());
    time.map_or_else(
        || "0001-01-01T00:00:00Z".to_owned(),
        |time| time.to_string(),
    )
}

/// A number with an exponent of two digits at least, as Go's `%e` with as many digits as it takes.
fn scientific(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}
