//! The routes, and the middleware around them.

use std::sync::Arc;

use salvo::Router;
use salvo::affix_state;
use salvo::http::Method;
use salvo::routing::{Filter, FilterInfo, filters};
use salvo_oapi::OpenApi;
use salvo_oapi::swagger_ui::SwaggerUi;

use super::instance::Instance;
use super::limits::{Enforce, Limits};
use super::probe_paths::is_probe;
use super::rejected;
use super::{handlers, probes};
use crate::guard::{Before, Guard};
use crate::telemetry::observe::Observe;
use crate::telemetry::server_span::ServerSpan;

/// Path of the OpenAPI description.
const OPENAPI: &str = "/openapi.json";

/// The routes that faults can concern, and the name of the span of each one's own work.
#[cfg(feature = "faults")]
pub(super) const ROUTES: &[(&str, &str)] = &[
    ("/", "greeting.render"),
    ("/items/{item_id}", "items.lookup"),
    ("/io_task", "file.read"),
    ("/cpu_task", "primes.prepare"),
    ("/random_status", "status.choose"),
    ("/random_sleep", "pause.choose"),
    ("/error_test", "stock.lookup"),
    ("/chain", "chain.plan"),
];

/// The routes, their OpenAPI description and Swagger UI.
fn routes(instance: Arc<Instance>) -> Router {
    let with_state = Router::new()
        .hoop(affix_state::inject(instance))
        .push(Router::with_path("io_task").get(handlers::io_task))
        .push(Router::with_path("cpu_task").get(handlers::cpu_task))
        .push(Router::with_path("chain").get(handlers::chain))
        .push(Router::with_path("metrics").get(probes::metrics))
        .push(Router::with_path("readyz").get(probes::readyz));
    let router = Router::new()
        .get(handlers::root)
        .push(Router::with_path("items/{item_id}").get(handlers::item))
        .push(Router::with_path("random_status").get(handlers::random_status))
        .push(Router::with_path("random_sleep").get(handlers::random_sleep))
        .push(Router::with_path("error_test").get(handlers::error_test))
        .push(Router::with_path("livez").get(probes::livez))
        .push(with_state);
    let description = OpenApi::new("salvo-app", env!("CARGO_PKG_VERSION")).merge_router(&router);
    // The routes are tried in this order: these two, which few ask for, last.
    router
        .push(description.into_router(OPENAPI))
        .push(SwaggerUi::new(OPENAPI).into_router("docs"))
}

/// Makes each route that answers GET answer HEAD as well. The HTTP library leaves out the body.
fn answer_head(router: &mut Router) {
    for filter in router.filters_mut() {
        if matches!(filter.info(), FilterInfo::Method(Method::GET)) {
            *filter = Box::new(filters::get().or(filters::head()));
        }
    }
    router.routers_mut().iter_mut().for_each(answer_head);
}

/// The routes with all middleware. A request passes, in this order: the server span and metrics, then the guard
/// and the bounds, which write the 404 and 405 responses too.
#[must_use]
pub(super) fn observed(
    instance: Arc<Instance>,
    guard: Guard,
    limits: Limits,
    span: ServerSpan,
) -> salvo::Service {
    let gate = Arc::clone(&instance.gate);
    let metrics = Arc::clone(&instance.metrics);
    let mut routes = routes(instance);
    answer_head(&mut routes);
    salvo::Service::new(routes)
        .hoop(Observe::new(metrics).with_spans(span, |req| !is_probe(req)))
        .hoop(Enforce {
            guard: Before::new(Arc::new(guard), rejected::refuse),
            gate,
            limits,
        })
}
