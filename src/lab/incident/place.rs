//! Where the lab is: its instances with their control ports, and the servers that are asked.

use std::time::Duration;

use clap::Args;
use http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::refusal::Refusal;
use crate::lab::target::{base, http_url, is_loopback};
use crate::lab::verify::http::Server;

/// Where `lab up` has its console by default, and the stack its Grafana.
const CONSOLE: &str = "http://127.0.0.1:3000";

/// Time for the console to answer at all.
const REACH: Duration = Duration::from_secs(3);

/// Instances that `--app` may name.
const MOST_APPS: usize = 26;

/// Flags that name the parts of the lab.
#[derive(Args, Clone, Debug, Default)]
pub struct PlaceArgs {
    /// The console of `lab up`, which knows where everything is [default: http://127.0.0.1:3000, if a console
    /// answers there]
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub console: Option<Uri>,
    /// An instance of the service: app-a, app-b, … in this order. Repeat it for each
    /// [default: http://127.0.0.1:8000, :8001 and :8002]
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub app: Vec<Uri>,
    /// The control port of an instance, in the order of --app. Repeat it for each
    /// [default: http://127.0.0.1:8100, :8101 and :8102]
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub faults: Vec<Uri>,
    /// Prometheus' API [default: http://127.0.0.1:9090]
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub prometheus: Option<Uri>,
    /// Loki's API [default: http://127.0.0.1:3100]
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub loki: Option<Uri>,
    /// Tempo's API [default: http://127.0.0.1:3200]
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub tempo: Option<Uri>,
    /// Grafana, for links, where there is no console
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub grafana: Option<Uri>,
    /// Allow other hosts; ask whom they belong to first
    #[arg(long)]
    pub allow_remote: bool,
}

/// The parts of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The instances.
    pub apps: Vec<App>,
    /// URL of Prometheus' API.
    pub prometheus: String,
    /// URL of Loki's API.
    pub loki: String,
    /// URL of Tempo's API.
    pub tempo: String,
    /// URL of the console, if there is one.
    pub console: Option<String>,
    /// URL of Grafana, if there is one.
    pub grafana: Option<String>,
}

/// An instance of the service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// `app-a`, `app-b`, …
    pub name: String,
    /// Its URL.
    pub url: String,
    /// URL of its control port, if it has one.
    pub faults: Option<String>,
}

impl Place {
    /// Names of the instances.
    pub(super) fn services(&self) -> Vec<String> {
        self.apps.iter().map(|app| app.name.clone()).collect()
    }
}

impl PlaceArgs {
    /// Finds the lab: by its console if there is one, else at the given and the usual addresses.
    ///
    /// # Errors
    /// When the console that was named does not answer, or an address is on another host.
    pub async fn place(&self) -> Result<Place, Refusal> {
        self.check()?;
        let named = self.console.as_ref().map(base);
        let asked = match (&named, self.app.is_empty()) {
            (None, false) => None,
            _ => Some(named.clone().unwrap_or_else(|| CONSOLE.to_owned())),
        };
        let status = match &asked {
            Some(console) => status(console).await,
            None => Err(String::new()),
        };
        let url = |flag: &Option<Uri>, server: &str, default: &str| match (flag, &status) {
            (Some(flag), _) => base(flag),
            (None, Ok(status)) => text(&status["servers"][server]),
            (None, Err(_)) => default.to_owned(),
        };
        let (prometheus, loki, tempo) = (
            url(&self.prometheus, "prometheus", "http://127.0.0.1:9090"),
            url(&self.loki, "loki", "http://127.0.0.1:3100"),
            url(&self.tempo, "tempo", "http://127.0.0.1:3200"),
        );
        let grafana = self.grafana.as_ref().map(base);
        match status {
            Ok(status) => Ok(Place {
                apps: self.with_flags(instances(&status)),
                prometheus,
                loki,
                tempo,
                console: asked,
                grafana,
            }),
            Err(problem) if named.is_some() => Err(Refusal::unreachable(format!(
                "--console {}: {problem}; start the lab with `lab up --faults`",
                asked.unwrap_or_default()
            ))),
            Err(_) => Ok(Place {
                apps: self.with_flags(Vec::new()),
                prometheus,
                loki,
                tempo,
                console: None,
                grafana: grafana.or_else(|| Some(CONSOLE.to_owned())),
            }),
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let servers = [
            &self.console,
            &self.prometheus,
            &self.loki,
            &self.tempo,
            &self.grafana,
        ];
        let all = servers
            .into_iter()
            .flatten()
            .chain(&self.app)
            .chain(&self.faults);
        for url in all {
            if !self.allow_remote && !is_loopback(url) {
                return Err(Refusal::usage(format!(
                    "{} is not this machine; --allow-remote breaks and asks it all the same",
                    base(url)
                )));
            }
        }
        if self.app.len() > MOST_APPS {
            return Err(Refusal::usage(format!(
                "--app may be given {MOST_APPS} times"
            )));
        }
        if self.faults.len() > self.app.len().max(3) {
            return Err(Refusal::usage("there are more --faults than --app"));
        }
        Ok(())
    }

    /// The instances, at the addresses that flags name.
    fn with_flags(&self, found: Vec<App>) -> Vec<App> {
        let mut apps = match (self.app.is_empty(), found.is_empty()) {
            (true, false) => found,
            (true, true) => (0..3)
                .map(|at| app(at, format!("http://127.0.0.1:{}", 8000 + at)))
                .collect(),
            (false, _) => self
                .app
                .iter()
                .enumerate()
                .map(|(at, url)| app(at, base(url)))
                .collect(),
        };
        for (app, url) in apps.iter_mut().zip(&self.faults) {
            app.faults = Some(base(url));
        }
        apps
    }
}

/// Instances at URLs, app-a, app-b, … in this order, with their control ports: the given ones, else the usual ones.
pub(super) fn apps<'a>(urls: impl Iterator<Item = &'a str>, faults: &[String]) -> Vec<App> {
    let mut apps: Vec<App> = urls
        .enumerate()
        .map(|(at, url)| app(at, url.to_owned()))
        .collect();
    for (app, url) in apps.iter_mut().zip(faults) {
        app.faults = Some(control(url));
    }
    apps
}

/// The URL of a control port, which may be named with its path.
fn control(url: &str) -> String {
    let url = url.trim_end_matches('/');
    url.strip_suffix("/faults").unwrap_or(url).to_owned()
}

fn app(at: usize, url: String) -> App {
    let letter = char::from(b'a' + u8::try_from(at % MOST_APPS).unwrap_or_default());
    App {
        name: format!("app-{letter}"),
        url,
        faults: Some(format!("http://127.0.0.1:{}", 8100 + at)),
    }
}

/// What the console of a lab says about it.
async fn status(console: &str) -> Result<Value, String> {
    let server = Server::new(console).map_err(|error| error.to_string())?;
    let answer = tokio::time::timeout(REACH, server.get("/api/status", &[])).await;
    let answer = answer.map_err(|_| format!("no answer within {} s", REACH.as_secs()))?;
    let status = answer
        .and_then(|answer| answer.json())
        .map_err(|finding| finding.came)?;
    if status["instances"].is_array() && status["servers"].is_object() {
        Ok(status)
    } else {
        Err("it is no console of a lab".to_owned())
    }
}

fn instances(status: &Value) -> Vec<App> {
    let all = status["instances"].as_array().into_iter().flatten();
    all.map(|it| App {
        name: text(&it["name"]),
        url: text(&it["url"]),
        faults: it["faults"].as_str().map(control),
    })
    .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
