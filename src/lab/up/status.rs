//! The lab's own page: where everything is, how the instances fare, and its metrics.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use salvo::writing::{Json, Text};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};
use serde_json::{Value, json};

use super::backends::Backends;
use super::instances::{Instances, Status};
use super::ports::Addresses;
use super::serve::Running;
use super::stats::{self, Stores};

/// What the page tells.
#[derive(Clone)]
pub(super) struct Lab {
    stores: Stores,
    instances: Vec<Arc<Status>>,
    servers: Vec<(&'static str, String)>,
}

impl Lab {
    pub(super) fn new(backends: &Backends, instances: &Instances, addresses: &Addresses) -> Self {
        Self {
            stores: backends.stores().clone(),
            instances: instances.statuses(),
            servers: vec![
                ("prometheus", addresses.prometheus.clone()),
                ("loki", addresses.loki.clone()),
                ("tempo", addresses.tempo.clone()),
                ("otlp_grpc", addresses.otlp_grpc.clone()),
            ],
        }
    }

    fn json(&self) -> Value {
        let instances: Vec<_> = self
            .instances
            .iter()
            .map(|it| {
                json!({
                    "name": it.name,
                    "url": format!("http://{}", it.address),
                    "running": it.is_running(),
                    "restarts": it.restarts.load(Ordering::Relaxed),
                })
            })
            .collect();
        let servers: serde_json::Map<_, _> = self
            .servers
            .iter()
            .map(|(name, url)| ((*name).to_owned(), json!(url)))
            .collect();
        json!({ "instances": instances, "servers": servers })
    }

    fn text(&self) -> String {
        let mut text = "salvo-observability\n\n".to_owned();
        for it in &self.instances {
            let state = if it.is_running() { "running" } else { "down" };
            let restarts = it.restarts.load(Ordering::Relaxed);
            let _ = writeln!(
                text,
                "{:<12} http://{}  {state}, restarted {restarts} times",
                it.name, it.address
            );
        }
        for (name, url) in &self.servers {
            let _ = writeln!(text, "{name:<12} {url}");
        }
        text.push_str("\nas JSON: /api/status   metrics: /metrics\n");
        text
    }
}

/// Serves the page.
///
/// # Errors
/// When the listener cannot be used.
pub(super) fn serve(listener: TcpListener, lab: Lab) -> anyhow::Result<Running> {
    let routes = Router::new()
        .get(AsText(lab.clone()))
        .push(stats::router(lab.stores.clone()))
        .push(Router::with_path("api/status").get(AsJson(lab)));
    Running::start(listener, routes)
}

struct AsText(Lab);
struct AsJson(Lab);

#[async_trait]
impl Handler for AsText {
    async fn handle(
        &self,
        _req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        res.render(Text::Plain(self.0.text()));
    }
}

#[async_trait]
impl Handler for AsJson {
    async fn handle(
        &self,
        _req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        res.render(Json(self.0.json()));
    }
}
