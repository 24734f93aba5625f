//! HEAD is answered like GET, without the body.

use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http::{Method, StatusCode};
use salvo::conn::ConnCtrl;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, Service, async_trait};

/// Middleware that answers HEAD with the GET route of the same path, where the path has no route for
/// HEAD itself.
pub(crate) struct Head(Service);

impl Head {
    /// Middleware of a service with these routes.
    #[must_use]
    pub(crate) fn new(routes: Arc<Router>) -> Self {
        Self(Service::new(routes))
    }

    async fn get(&self, req: &mut Request) -> Response {
        let uri = req.uri().clone();
        let mut get = std::mem::take(req);
        *get.method_mut() = Method::GET;
        let routes = self.0.hyper_handler(
            get.local_addr().clone(),
            get.remote_addr().clone(),
            get.scheme().clone(),
            None,
            ConnCtrl::new(),
            None,
        );
        // The handlers behind this read the method and the path.
        req.set_uri(uri);
        *req.method_mut() = Method::HEAD;
        routes.handle(get).await
    }
}

#[async_trait]
impl Handler for Head {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        let has_no_route = res.status_code == Some(StatusCode::METHOD_NOT_ALLOWED);
        if req.method() != Method::HEAD || !has_no_route {
            ctrl.call_next(req, depot, res).await;
            return;
        }
        let answer = self.get(req).await;
        // A path that has no GET keeps its own response.
        if answer.status_code != Some(StatusCode::METHOD_NOT_ALLOWED) {
            *res = answer;
            // Salvo removes the body, and its length with it.
            if let Some(length) = res.body.size().filter(|_| !res.body.is_none()) {
                res.headers_mut().insert(CONTENT_LENGTH, length.into());
            }
        }
        ctrl.skip_rest();
    }
}
