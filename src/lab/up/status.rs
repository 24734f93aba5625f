//! Status of the lab: addresses of the servers, state of the instances, and metrics.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};
use serde_json::{Value, json};

use super::backends::Backends;
use super::instances::{Instances, Status};
use super::ports::Addresses;
use super::stats::{self, Stores};
use crate::console::answer;

/// Body of the response.
#[derive(Clone)]
pub(super) struct Lab {
    stores: Stores,
    instances: Vec<Arc<Status>>,
    servers: Vec<(&'static str, String)>,
}

impl Lab {
    pub(super) fn new(backends: &Backends, instances: &Instances, addresses: &Addresses) -> Self {
        let mut servers = vec![
            ("prometheus", addresses.prometheus.clone()),
            ("loki", addresses.loki.clone()),
            ("tempo", addresses.tempo.clone()),
            ("otlp_grpc", addresses.otlp_grpc.clone()),
        ];
        let http = addresses.otlp_http.clone();
        servers.extend(http.map(|address| ("otlp_http", address)));
        Self {
            stores: backends.stores().clone(),
            instances: instances.statuses(),
            servers,
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
                    "faults": it.faults,
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
}

/// The routes `/api/status` and `/metrics`.
pub(super) fn routes(lab: Lab) -> Vec<Router> {
    let metrics = stats::router(lab.stores.clone());
    vec![Router::with_path("api/status").get(lab), metrics]
}

#[async_trait]
impl Handler for Lab {
    async fn handle(
        &self,
        _req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        answer::fresh(res, &self.json());
    }
}
