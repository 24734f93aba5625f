//! `lab incident`: breaks the lab in a reproducible way and lets a person find out what happened from traces, metrics
//! and logs alone. A program checks the answers, and a test proves that the telemetry tells them.
//!
//! * [`args`]: the command line; [`text`]: what it prints
//! * [`mod@file`], [`catalogue`]: incident files, those built in and one's own
//! * [`desk`]: what a person does with an incident; [`view`]: how it stands; [`refusal`]: what is not done
//! * [`judge`], [`score`]: answers and points
//! * [`alerts`]: those that it has not caused
//! * [`links`]: where to look, in the console or in Grafana
//! * [`state`]: the one incident that there is, in a folder
//! * [`place`]: where the lab is; [`control`]: its control ports
//! * [`runner`], [`requests`]: the process that keeps an incident going, and its traffic
//! * [`rows`], [`mod@derive`]: queries of a solution, and the answers that are read from their results
//! * [`proof`]: for `lab verify --incidents`, that every answer can be found

mod alerts;
mod args;
mod catalogue;
mod control;
mod derive;
mod desk;
pub mod file;
mod judge;
mod links;
mod place;
pub mod proof;
mod refusal;
mod requests;
mod rows;
mod runner;
mod score;
mod state;
mod text;
mod view;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

use serde_json::{Value, json};

pub use args::IncidentArgs;
pub use catalogue::{Catalogue, Incident, of_path};
pub use desk::{Desk, Order, Verdicts};
pub use links::Link;
pub use place::{App, Place, PlaceArgs};
pub use proof::Found;
pub use refusal::Refusal;
pub use state::{State, folder};
pub use view::{Asked, Listed, Solution, Stage, View};

use super::command::{Conclusion, conclude};
use args::Command;

/// Carries out a command. `environment` names the folder of the state.
#[must_use]
pub fn start(
    args: IncidentArgs,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let folder = folder(environment);
    let as_json = args.json;
    conclude(carry_out(args, folder), as_json)
}

/// What a command has to tell.
struct Told {
    text: String,
    json: Value,
    good: bool,
}

impl Conclusion for Told {
    fn table(&self) -> String {
        self.text.clone()
    }

    fn json(&self) -> Value {
        self.json.clone()
    }

    fn is_good(&self) -> bool {
        self.good
    }
}

impl Told {
    fn new(text: String, json: Value) -> Self {
        let good = true;
        Self { text, json, good }
    }

    fn good(self, good: bool) -> Self {
        Self { good, ..self }
    }

    fn view(text: String, view: &View) -> Self {
        Self::new(text, json!({"ok": true, "incident": view}))
    }
}

/// How an incident stands, with the alerts that it has not caused; none are told (`null`) if Prometheus is silent.
async fn status(view: &View) -> Told {
    let earlier = alerts::earlier(view).await;
    let json = json!({"ok": true, "incident": view, "earlier_alerts": earlier.as_ref().ok()});
    Told::new(text::status(view, &earlier), json)
}

async fn carry_out(
    args: IncidentArgs,
    folder: Result<std::path::PathBuf, Refusal>,
) -> Result<Told, Refusal> {
    let catalogue = Catalogue::new(args.incidents);
    let state = || folder.map(State::new);
    match args.command {
        Command::List => {
            let desk = Desk::new(catalogue, State::new(std::path::PathBuf::new()));
            let (all, problems) = desk.list()?;
            Ok(Told::new(
                text::list(&all, &problems),
                json!({"ok": problems.is_empty(), "incidents": all, "problems": problems}),
            )
            .good(problems.is_empty()))
        }
        Command::Check { file } => {
            let incident = of_path(&file)?;
            let json = json!({"ok": true, "name": incident.name, "title": incident.file.title});
            Ok(Told::new(text::checked(&incident), json))
        }
        Command::Runner(args) => {
            runner::run(&args).await?;
            Ok(Told::new(String::new(), Value::Null))
        }
        Command::Start(args) => {
            let desk = Desk::new(catalogue, state()?);
            let order = Order {
                name: args.name,
                seed: args.seed,
                healthy: args.healthy,
            };
            desk.check(&order)?;
            let view = desk.start(order, args.place.place().await?).await?;
            Ok(status(&view).await)
        }
        Command::Status => match Desk::new(catalogue, state()?).status()? {
            Some(view) => Ok(status(&view).await),
            None => Ok(Told::new(
                text::NONE.to_owned(),
                json!({"ok": true, "incident": null}),
            )),
        },
        Command::Hint => {
            let (hint, view) = Desk::new(catalogue, state()?).hint()?;
            let json = json!({"ok": true, "hint": hint, "incident": view});
            Ok(Told::new(text::hint(&hint, &view), json))
        }
        Command::Answer { answers } => {
            let given: BTreeMap<String, String> = answers.iter().cloned().collect();
            if given.len() < answers.len() {
                return Err(Refusal::usage("a question is answered twice"));
            }
            let (verdicts, view) = Desk::new(catalogue, state()?).answer(&given)?;
            Ok(Told {
                text: text::verdicts(&verdicts, &view),
                good: verdicts.values().all(|right| *right),
                json: json!({"ok": true, "right": verdicts, "incident": view}),
            })
        }
        Command::Solution { give_up } => {
            let view = Desk::new(catalogue, state()?).solution(give_up).await?;
            Ok(Told::view(text::solution(&view), &view))
        }
        Command::Stop => {
            let view = Desk::new(catalogue, state()?).stop().await?;
            Ok(Told::view(text::stopped(&view), &view))
        }
    }
}
