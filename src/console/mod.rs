//! The console's server: the files that a browser loads, the dashboards and data sources that they
//! draw from, and a proxy to the servers' read endpoints.
//!
//! * [`files`], [`assets`]: the browser's part, embedded or from a folder
//! * [`catalog`]: dashboards and data sources
//! * [`proxy`]: what may be asked of Prometheus, Loki and Tempo, and how it gets there
//! * [`guard`]: who may ask, and the headers of every answer
//! * [`answer`], [`path`]: what they share

pub mod answer;
mod assets;
mod catalog;
pub mod files;
mod guard;
mod path;
pub mod proxy;

use std::sync::Arc;

use salvo::{Router, Service};
use serde_json::Value;

use assets::{Asset, Assets, Index};
use catalog::{Dashboards, DataSources};
use guard::Frame;
use proxy::{Backend, Limits, Proxy};

use crate::guard::{Before, Guard, Hosts};
use crate::routing::Head;

pub use catalog::CatalogError;
pub use files::Files;

/// Addresses of views. Each is answered with the same page, which reads the address itself.
const VIEWS: [&str; 7] = [
    "/",
    "d/{uid}",
    "d/{uid}/{slug}",
    "traces",
    "traces/{id}",
    "logs",
    "traffic",
];

/// What the console is made of.
pub struct Console {
    /// The browser's part.
    pub files: Files,
    /// Grafana dashboards: the names of their files, and what is in them. Of two with the same uid the later is
    /// shown.
    pub dashboards: Vec<(String, Value)>,
    /// What the browser is told of the data sources: a list of objects.
    pub data_sources: Value,
    /// The servers that may be asked.
    pub backends: Vec<Backend>,
    /// How long an answer of theirs may take, and how large it may be.
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
    pub fn service_behind(
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
            .hoop(Frame)
            .hoop(Before::new(guard, guard::refuse))
            .hoop(Head::new(routes)))
    }
}
