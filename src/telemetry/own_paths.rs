//! Metrics of requests by their own paths, not by the templates of their routes: how a metric gets more series than
//! anybody can store. They are kept apart from the others, so that all of them can be dropped at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use prometheus::proto::MetricFamily;

use super::metrics::{Metrics, RouteMetrics};
use super::observe::UNMATCHED;

/// Most bytes of a path.
const MAX_PATH: usize = 256;

/// What is counted by own paths; usually nothing.
pub(super) struct OwnPaths {
    app_name: String,
    version: String,
    any: AtomicBool,
    counted: RwLock<Option<Counted>>,
}

struct Counted {
    /// Templates; none for all.
    routes: Vec<String>,
    most: usize,
    metrics: Arc<Metrics>,
    known: Mutex<HashMap<(&'static str, String), Arc<OwnRoute>>>,
}

/// The metrics of one method on one path.
pub(super) struct OwnRoute {
    metrics: Arc<Metrics>,
    route: RouteMetrics,
    path: String,
}

impl OwnRoute {
    /// Where a request is counted, and its label.
    pub(super) fn parts(&self) -> (&Metrics, &RouteMetrics, &str) {
        (&self.metrics, &self.route, &self.path)
    }
}

impl OwnPaths {
    /// Nothing is counted by own paths.
    pub(super) fn new(app_name: &str, version: &str) -> Self {
        Self {
            app_name: app_name.to_owned(),
            version: version.to_owned(),
            any: AtomicBool::new(false),
            counted: RwLock::new(None),
        }
    }

    /// Counts requests of these routes by own paths, or none.
    pub(super) fn set(&self, routes: Option<(Vec<String>, usize)>) {
        let made = routes.and_then(|(routes, most)| {
            Some(Counted {
                routes,
                most,
                // The same names were registered before, so they can be again.
                metrics: Arc::new(Metrics::new(&self.app_name, &self.version).ok()?),
                known: Mutex::default(),
            })
        });
        let any = made.is_some();
        *self.counted.write() = made;
        self.any.store(any, Ordering::Relaxed);
    }

    /// The metrics of a request by its own path; `None` when it is counted by its route.
    #[inline]
    pub(super) fn route(
        &self,
        method: &'static str,
        template: &str,
        path: &str,
    ) -> prometheus::Result<Option<Arc<OwnRoute>>> {
        match self.any.load(Ordering::Relaxed) {
            true => self.look_up(method, template, path),
            false => Ok(None),
        }
    }

    #[cold]
    fn look_up(
        &self,
        method: &'static str,
        template: &str,
        path: &str,
    ) -> prometheus::Result<Option<Arc<OwnRoute>>> {
        let counted = self.counted.read();
        match counted.as_ref() {
            // The template as a path would be the same series a second time.
            Some(counted) if template != UNMATCHED && template != path => {
                counted.route(method, template, path)
            }
            _ => Ok(None),
        }
    }

    /// Adds these series to those of the same metrics.
    pub(super) fn add_to(&self, families: &mut Vec<MetricFamily>) {
        let counted = self.counted.read();
        for mut own in counted.iter().flat_map(|counted| counted.metrics.gather()) {
            let first = own.get_metric().first();
            let labels = first.map_or(&[][..], |metric| metric.get_label());
            // The others are about the whole process.
            if !labels.iter().any(|label| label.name() == "path") {
                continue;
            }
            match families.iter_mut().find(|it| it.name() == own.name()) {
                Some(same) => same.mut_metric().extend(own.take_metric()),
                None => families.push(own),
            }
        }
    }
}

impl Counted {
    fn route(
        &self,
        method: &'static str,
        template: &str,
        path: &str,
    ) -> prometheus::Result<Option<Arc<OwnRoute>>> {
        if !self.routes.is_empty() && !self.routes.iter().any(|route| route == template) {
            return Ok(None);
        }
        let path = path[..path.floor_char_boundary(MAX_PATH)].to_owned();
        let mut known = self.known.lock();
        let key = (method, path.clone());
        if let Some(route) = known.get(&key) {
            return Ok(Some(Arc::clone(route)));
        }
        if known.len() >= self.most {
            return Ok(None);
        }
        let route = Arc::new(OwnRoute {
            route: self.metrics.new_route(method, &path)?,
            metrics: Arc::clone(&self.metrics),
            path,
        });
        known.insert(key, Arc::clone(&route));
        Ok(Some(route))
    }
}
