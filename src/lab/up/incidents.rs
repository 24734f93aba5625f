//! `/api/incidents`: what `lab incident` does, for the console. Both work on the same state, so they agree.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use salvo::http::StatusCode;
use salvo::{Request, Response, Router, handler};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::body::{self, Refused, write};
use super::ports::Addresses;
use crate::lab::incident::{App, Catalogue, Desk, Listed, Order, Place, Refusal, State, folder};

/// Bytes of a request's body: some answers of 256 bytes, escaped.
const LARGEST_BODY: usize = 16 * 1024;

/// Orders that may be carried out at one time.
const OPEN: usize = 8;

/// Incidents of this lab and of this machine.
#[derive(Clone)]
pub(super) struct Incidents(Arc<Shared>);

struct Shared {
    catalogue: Catalogue,
    /// None of a machine without a folder for the state.
    desk: Result<Desk, Refusal>,
    place: Place,
    /// Why none can be started in this lab, and what to do.
    problem: Option<String>,
    places: Semaphore,
}

/// What a person may do.
#[derive(Clone, Copy)]
enum Kind {
    Start,
    Hint,
    Answer,
    Solution,
    Stop,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    name: Option<String>,
    seed: Option<u64>,
    #[serde(default)]
    healthy: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answers {
    answers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Solution {
    #[serde(default)]
    give_up: bool,
}

/// The body of an order that has nothing to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Incidents {
    /// Of the incidents built in and those of a folder, in the lab at these addresses.
    pub(super) fn new(
        own: Option<PathBuf>,
        addresses: &Addresses,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let catalogue = Catalogue::new(own);
        let state = folder(environment).map(State::new);
        let desk = state.map(|state| Desk::new(catalogue.clone(), state));
        let problem = match &desk {
            Err(refusal) => Some(refusal.for_page().to_owned()),
            Ok(_) if addresses.apps.is_empty() => Some(
                "This lab runs no instances that could break. Stop it, and start it without --no-apps: \
                 `lab up --faults`."
                    .to_owned(),
            ),
            Ok(_) if addresses.faults.is_empty() => Some(
                "The instances of this lab cannot be broken. Stop it (Ctrl-C), and start it with \
                 `lab up --faults`."
                    .to_owned(),
            ),
            Ok(_) => None,
        };
        Self(Arc::new(Shared {
            catalogue,
            desk,
            place: place(addresses),
            problem,
            places: Semaphore::new(OPEN),
        }))
    }

    /// The routes below `/api/incidents`.
    pub(super) fn routes(&self) -> Vec<Router> {
        let orders = [
            ("start", Kind::Start),
            ("hint", Kind::Hint),
            ("answer", Kind::Answer),
            ("solution", Kind::Solution),
            ("stop", Kind::Stop),
        ];
        let show = Router::with_path("api/incidents").get(Show(self.clone()));
        let orders = orders.map(|(name, kind)| {
            let path = format!("api/incidents/{name}");
            Router::with_path(path).post(CarryOut(self.clone(), kind))
        });
        std::iter::once(show).chain(orders).collect()
    }

    /// The list, the one that runs, if it runs in this lab, and why none can be started.
    fn now(&self) -> Result<Value, Refusal> {
        let (listed, mut problems) = match self.list() {
            Ok(listed) => listed,
            Err(refusal) => (Vec::new(), vec![refusal.for_page().to_owned()]),
        };
        problems.extend(self.0.problem.clone());
        let view = match &self.0.desk {
            Ok(desk) => desk.status()?,
            Err(_) => None,
        };
        let here = view.as_ref().is_none_or(|view| view.is_in(&self.0.place));
        Ok(json!({
            "incidents": listed,
            "incident": view,
            "here": here,
            "problem": (!problems.is_empty()).then(|| problems.join("\n")),
            "can_start": self.0.problem.is_none(),
        }))
    }

    /// The incidents, and what is wrong with files that are none.
    fn list(&self) -> Result<(Vec<Listed>, Vec<String>), Refusal> {
        let (all, problems) = self.0.catalogue.readable()?;
        let problems = problems.iter().map(|it| it.for_page().to_owned());
        Ok((all.iter().map(Listed::of).collect(), problems.collect()))
    }

    async fn start(&self, order: Start) -> Result<Value, Refusal> {
        if let Some(problem) = &self.0.problem {
            return Err(Refusal::conflict(problem.clone()));
        }
        // On the command line a name may be the path of a file; a page reads no files.
        if let Some(name) = &order.name
            && !self.list()?.0.iter().any(|it| it.name == *name)
        {
            let text = "there is no incident of this name; start one of the list";
            return Err(Refusal::missing(text));
        }
        let order = Order {
            name: order.name,
            seed: order.seed,
            healthy: order.healthy,
        };
        let desk = self.desk()?;
        desk.check(&order)?;
        let view = desk.start(order, self.0.place.clone()).await?;
        Ok(json!({ "incident": view }))
    }

    fn hint(&self) -> Result<Value, Refusal> {
        let (hint, view) = self.desk()?.hint()?;
        Ok(json!({ "hint": hint, "incident": view }))
    }

    fn answer(&self, given: &Answers) -> Result<Value, Refusal> {
        let (verdicts, view) = self.desk()?.answer(&given.answers)?;
        Ok(json!({ "right": verdicts, "incident": view }))
    }

    async fn solution(&self, order: Solution) -> Result<Value, Refusal> {
        let view = self.desk()?.solution(order.give_up).await?;
        Ok(json!({ "incident": view }))
    }

    async fn stop(&self) -> Result<Value, Refusal> {
        let view = self.desk()?.stop().await?;
        Ok(json!({ "incident": view }))
    }

    fn desk(&self) -> Result<&Desk, Refusal> {
        self.0.desk.as_ref().map_err(Clone::clone)
    }

    /// Reads an order of a request and carries it out to its end, even if whoever gave it does not wait for that: an
    /// incident that is half started would be in everybody's way.
    async fn carry_out(&self, kind: Kind, req: &mut Request) -> Result<Value, Refused> {
        let it = self.clone();
        let order: BoxFuture<'static, Result<Value, Refusal>> = match kind {
            Kind::Start => {
                let order = body::json(req, LARGEST_BODY).await?;
                Box::pin(async move { it.start(order).await })
            }
            Kind::Hint => {
                let Nothing {} = body::json(req, LARGEST_BODY).await?;
                Box::pin(on_files(move || it.hint()))
            }
            Kind::Answer => {
                let answers = body::json(req, LARGEST_BODY).await?;
                Box::pin(on_files(move || it.answer(&answers)))
            }
            Kind::Solution => {
                let order = body::json(req, LARGEST_BODY).await?;
                Box::pin(async move { it.solution(order).await })
            }
            Kind::Stop => {
                let Nothing {} = body::json(req, LARGEST_BODY).await?;
                Box::pin(async move { it.stop().await })
            }
        };
        let Ok(_place) = self.0.places.try_acquire() else {
            let text = format!("{OPEN} orders are open, which is the most; try again in a moment");
            return Err((StatusCode::SERVICE_UNAVAILABLE, text));
        };
        let outcome = tokio::spawn(order).await.unwrap_or_else(failed);
        outcome.map_err(told)
    }
}

/// Does what waits for files alone away from the threads that serve requests.
async fn on_files(
    work: impl FnOnce() -> Result<Value, Refusal> + Send + 'static,
) -> Result<Value, Refusal> {
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.unwrap_or_else(failed)
}

fn failed(error: tokio::task::JoinError) -> Result<Value, Refusal> {
    Err(Refusal::broken(error.to_string()))
}

fn told(refusal: Refusal) -> Refused {
    (refusal.status, refusal.for_page().to_owned())
}

/// This lab.
fn place(addresses: &Addresses) -> Place {
    let url = |address: std::net::SocketAddr| format!("http://{address}");
    let apps = addresses.apps.iter().enumerate();
    Place {
        apps: apps
            .map(|(number, (name, address))| App {
                name: name.clone(),
                url: url(*address),
                faults: addresses.faults.get(number).copied().map(url),
            })
            .collect(),
        prometheus: addresses.prometheus.clone(),
        loki: addresses.loki.clone(),
        tempo: addresses.tempo.clone(),
        console: addresses.console.map(url),
        grafana: None,
    }
}

struct Show(Incidents);
struct CarryOut(Incidents, Kind);

#[handler]
impl Show {
    async fn handle(&self, res: &mut Response) {
        let incidents = self.0.clone();
        write(res, on_files(move || incidents.now()).await.map_err(told));
    }
}

#[handler]
impl CarryOut {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        write(res, self.0.carry_out(self.1, req).await);
    }
}
