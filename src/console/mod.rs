//! The console's server: static files, dashboards and data sources, and a proxy to the read endpoints
//! of the backends.
//!
//! * [`files`], [`assets`]: static files, embedded or from a folder
//! * [`catalog`]: dashboards and data sources
//! * [`proxy`]: forwards read requests to Prometheus, Loki and Tempo
//! * [`guard`]: refusals, routing errors, and the security headers of every response
//! * [`answer`], [`path`]: JSON responses and request paths, shared by the others

pub(crate) mod answer;
mod assets;
mod catalog;
mod files;
mod guard;
mod path;
pub mod proxy;

use std::sync::Arc;

use salvo::{Router, Service};
use serde_json::Value;

use assets::{Asset, Assets, Index};
use catalog::{Dashboards, DataSources};
use guard::SecurityHeaders;
use proxy::{Backend, Limits, Proxy};

use crate::guard::{Before, Guard, Hosts};
use crate::routing::{Head, Unmatched};

pub use catalog::CatalogError;
pub use files::Files;

/// Paths of views. All serve the same page, whose JavaScript reads the path.
const VIEWS: [&str; 12] = [
    "/",
    "d/{uid}",
    "d/{uid}/{slug}",
    "traces",
    "traces/{id}",
    "services",
    "logs",
    "explore",
    "map",
    "alerts",
    "incidents",
    "traffic",
];

/// The parts of the console.
pub struct Console {
    /// The static files.
    pub files: Files,
    /// Grafana dashboards: file name and content. Of two with the same uid the later is shown.
    pub dashboards: Vec<(String, Value)>,
    /// The data sources, as a JSON list of objects.
    pub data_sources: Value,
    /// The servers that the proxy forwards to.
    pub backends: Vec<Backend>,
    /// Bounds of time and size for forwarded requests.
    pub limits: Limits,
}

impl Console {
    /// The console with further routes beside it, for its own pages at an IP address or localhost.
    ///
    /// # Errors
    /// When a dashboard cannot be read.
    pub fn service(
        self,
        further: impl IntoIterator<Item = Router>,
    ) -> Result<Service, CatalogError> {
        let guard = Guard::new(Hosts::default(), Vec::new(), "a guard of its own");
        self.service_behind(Arc::new(guard), further)
    }

    /// As [`service`](Self::service), with another guard.
    ///
    /// # Errors
    /// When a dashboard cannot be read.
    pub(crate) fn service_behind(
        self,
        guard: Arc<Guard>,
        further: impl IntoIterator<Item = Router>,
    ) -> Result<Service, CatalogError> {
        let assets = Arc::new(Assets::new(self.files));
        let dashboards = Dashboards::read(self.dashboards)?;
        let proxy = Arc::new(Proxy::new(self.backends, self.limits));

        let mut routes = Router::new();
        for route in further {
            routes = routes.push(route);
        }
        for view in VIEWS {
            let index = || Index(Arc::clone(&assets));
            routes = routes.push(Router::with_path(view).get(index()).head(index()));
        }
        let asset = || Asset(Arc::clone(&assets));
        let routes = routes
            .push(
                Router::with_path("assets/{**path}")
                    .get(asset())
                    .head(asset()),
            )
            .push(Router::with_path("api/datasources").get(DataSources(self.data_sources)))
            .push(
                Router::with_path("api/datasources/proxy/uid/{**path}").goal(proxy::Forward(proxy)),
            )
            .push(Router::with_path("api/dashboards").get(dashboards.list()))
            .push(Router::with_path("api/dashboards/{uid}").get(dashboards.by_uid()));
        let routes = Arc::new(routes);
        Ok(Service::new(Arc::clone(&routes))
            .hoop(SecurityHeaders)
            .hoop(Unmatched::new(guard::unmatched))
            .hoop(Before::new(guard, guard::refuse))
            .hoop(Head::new(routes)))
    }
}
