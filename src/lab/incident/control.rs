//! The control ports of the instances: what is broken there.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::Value;

use super::place::{App, Place};
use super::refusal::Refusal;
use crate::client::{Bounds, Client, Size};
use crate::lab::excerpt::excerpt;

/// Bounds of one request.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(5),
    size: Size::Whole(256 * 1024),
};

/// What somebody at the console does about an instance that does not answer.
const WHILE_DOWN: &str = "the lab starts it again by itself, so try once more in some seconds; Send traffic shows whether it runs";

/// Speaks to control ports.
#[derive(Clone)]
pub(super) struct Control(Client);

impl Control {
    pub(super) fn new() -> Self {
        Self(Client::new(2, None))
    }

    /// The faults that an instance has now.
    pub(super) async fn get(&self, app: &App) -> Result<Value, Refusal> {
        self.send(Method::GET, app, None).await
    }

    /// Gives an instance a set of faults in the place of the one it has.
    pub(super) async fn put(&self, app: &App, set: &Value) -> Result<(), Refusal> {
        self.send(Method::PUT, app, Some(set)).await.map(drop)
    }

    /// Heals an instance.
    pub(super) async fn clear(&self, app: &App) -> Result<(), Refusal> {
        self.send(Method::DELETE, app, None).await.map(drop)
    }

    async fn send(&self, method: Method, app: &App, set: Option<&Value>) -> Result<Value, Refusal> {
        let name = &app.name;
        let url = app.faults.as_ref().ok_or_else(|| without_port(name))?;
        let body = set
            .map(|set| Bytes::from(set.to_string()))
            .unwrap_or_default();
        let request = Request::builder()
            .method(&method)
            .uri(format!("{url}/faults"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| Refusal::usage(format!("{url}: {error}")))?;
        let answer = self.0.exchange(request, BOUNDS).await.map_err(|failure| {
            let problem = format!(
                "the control port of {name} does not answer at {url} ({})",
                failure.cause()
            );
            Refusal::unreachable(format!(
                "{problem}; start the lab with `lab up --faults` (the stack and the machine with faults allowed), or \
                 name the ports with --faults"
            ))
            .on_page(format!("{problem}; {WHILE_DOWN}"))
        })?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        if !answer.status().is_success() {
            return Err(Refusal::usage(format!(
                "{name} does not take the faults ({method} {url}/faults is {}): {}",
                answer.status().as_u16(),
                excerpt(&text)
            )));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

fn without_port(name: &str) -> Refusal {
    Refusal::conflict(format!(
        "{name} cannot be broken: the lab runs without control ports; start it with `lab up --faults`"
    ))
}

/// Finds out before anything is broken that every instance answers and has a control port.
///
/// # Errors
/// When one does not, with what to do.
pub(super) async fn reach(control: &Control, place: &Place) -> Result<(), Refusal> {
    if place.apps.is_empty() {
        return Err(Refusal::conflict(
            "the lab runs no instances; start it without --no-apps: `lab up --faults`",
        ));
    }
    for app in &place.apps {
        let request = Request::get(format!("{}/livez", app.url)).body(Full::default());
        let request = request.map_err(|error| Refusal::usage(format!("{}: {error}", app.url)))?;
        if let Err(failure) = control.0.exchange(request, BOUNDS).await {
            let problem = format!(
                "{} does not answer at {} ({})",
                app.name,
                app.url,
                failure.cause()
            );
            let refusal = Refusal::unreachable(format!(
                "{problem}; start the lab with `lab up --faults`, or name its parts with --console or --app"
            ));
            return Err(refusal.on_page(format!("{problem}; {WHILE_DOWN}")));
        }
        control.get(app).await?;
    }
    Ok(())
}

/// Finds out that no instance is broken by somebody else: two incidents in one lab could not be told apart.
///
/// # Errors
/// When one is, with what to do.
pub(super) async fn healthy(control: &Control, place: &Place) -> Result<(), Refusal> {
    for app in &place.apps {
        let set = control.get(app).await?;
        let url = app.faults.as_deref().unwrap_or_default();
        if set["faults"].as_array().is_some_and(|it| !it.is_empty()) {
            return Err(Refusal::conflict(format!(
                "{} has faults already, of somebody else's incident or set by hand; end that one, or heal the instance \
                 with `curl -X DELETE {url}/faults`",
                app.name
            )));
        }
    }
    Ok(())
}
