//! `/api/traffic`: requests that a person sends to the instances from the console, one by one or
//! steadily.

mod send;
mod steady;

use std::sync::Arc;

use salvo::http::StatusCode;
use salvo::{Request, Response, Router, handler};
use serde::Deserialize;
use serde_json::{Value, json};

use self::send::{NoResponse, Sender};
use self::steady::{Pace, Steady};
use super::body::{self, write};
use super::ports::Addresses;
use crate::console::answer;

/// Paths that may be requested: each route, and a request that fails.
const PATHS: [&str; 9] = [
    "/",
    "/items/1?q=lab",
    "/items/abc",
    "/io_task",
    "/cpu_task",
    "/random_status",
    "/random_sleep",
    "/error_test",
    "/chain",
];

/// Requests per second that a steady load may have.
const RATES: std::ops::RangeInclusive<f64> = 0.1..=50.0;

/// Bytes of a request's body.
const LARGEST_BODY: usize = 4096;

/// Bytes of an item's id.
const LONGEST_ID: usize = 256;

/// Single requests that may be open at one time.
const OPEN: usize = 64;

/// Requests that can be sent, and the steady load.
#[derive(Clone)]
pub(super) struct Traffic(Arc<Shared>);

struct Shared {
    sender: Sender,
    steady: Steady,
    places: tokio::sync::Semaphore,
}

/// A request to send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    app: String,
    path: String,
}

/// True if a path is that of an item: one segment, as a URL has it.
fn is_item(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    path.strip_prefix("/items/")
        .is_some_and(|id| (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain))
}

/// Settings of the steady load.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    on: bool,
    rate: Option<f64>,
}

impl Traffic {
    /// Nothing is sent yet.
    pub(super) fn new(addresses: &Addresses) -> Self {
        let sender = Sender::new(&addresses.apps);
        Self(Arc::new(Shared {
            steady: Steady::start(sender.clone()),
            sender,
            places: tokio::sync::Semaphore::new(OPEN),
        }))
    }

    /// Sends nothing more.
    pub(super) fn stop(&self) {
        self.0.steady.end();
    }

    /// The routes below `/api/traffic`.
    pub(super) fn routes(&self) -> Vec<Router> {
        let requests = SendOne(self.clone());
        let steady = SetSteady(self.clone());
        vec![
            Router::with_path("api/traffic").get(Show(self.clone())),
            Router::with_path("api/traffic/requests").post(requests),
            Router::with_path("api/traffic/steady").put(steady),
        ]
    }

    fn json(&self) -> Value {
        let (pace, sent, failed) = self.0.steady.now();
        json!({
            "apps": self.0.sender.names(),
            "paths": PATHS,
            "steady": { "on": pace.on, "rate": pace.rate, "sent": sent, "failed": failed },
        })
    }

    async fn send(&self, req: &mut Request) -> Result<Value, (StatusCode, String)> {
        let order: Order = body::json(req, LARGEST_BODY).await?;
        let Order { app, path } = order;
        if !PATHS.contains(&path.as_str()) && !is_item(&path) {
            let paths = PATHS.join(", ");
            let text = format!("unknown path; there are: /items/ID, {paths}");
            return Err((StatusCode::BAD_REQUEST, text));
        }
        let Some(number) = self.0.sender.names().iter().position(|name| *name == app) else {
            let names = self.0.sender.names().join(", ");
            let text = format!("unknown instance; there are: {names}");
            return Err((StatusCode::NOT_FOUND, text));
        };
        let Ok(_place) = self.0.places.try_acquire() else {
            let text = format!("{OPEN} requests are open, which is the most; wait for an answer");
            return Err((StatusCode::SERVICE_UNAVAILABLE, text));
        };
        let answered = self.0.sender.send(number, &path).await;
        let answered = answered.map_err(|error| match error {
            NoResponse::Late { .. } => (StatusCode::GATEWAY_TIMEOUT, error.to_string()),
            NoResponse::Down { .. } => (StatusCode::BAD_GATEWAY, error.to_string()),
        })?;
        Ok(json!({
            "app": app,
            "path": path,
            "trace_id": answered.trace.map(|told| told.trace_id),
            "status": answered.status,
            "duration_ms": answered.took.as_micros() as f64 / 1000.0,
            "body": answered.body,
        }))
    }

    async fn set(&self, req: &mut Request) -> Result<Value, (StatusCode, String)> {
        let bad = |text: String| (StatusCode::BAD_REQUEST, text);
        let wanted: Wanted = body::json(req, LARGEST_BODY).await?;
        let (pace, ..) = self.0.steady.now();
        let rate = wanted.rate.unwrap_or(pace.rate);
        if !RATES.contains(&rate) {
            let (least, most) = (RATES.start(), RATES.end());
            return Err(bad(format!(
                "rate is to be from {least} to {most} requests per second"
            )));
        }
        if wanted.on && self.0.sender.names().is_empty() {
            return Err(bad("this lab runs no instance to send to".to_owned()));
        }
        self.0.steady.set(Pace {
            on: wanted.on,
            rate,
        });
        Ok(self.json())
    }
}

struct Show(Traffic);
struct SendOne(Traffic);
struct SetSteady(Traffic);

#[handler]
impl Show {
    async fn handle(&self, res: &mut Response) {
        answer::fresh(res, &self.0.json());
    }
}

#[handler]
impl SendOne {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        write(res, self.0.send(req).await);
    }
}

#[handler]
impl SetSteady {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        write(res, self.0.set(req).await);
    }
}
