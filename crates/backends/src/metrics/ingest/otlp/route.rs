//! Prometheus' own path for OTLP, `POST /api/v1/otlp/v1/metrics`. Other than a collector it stores nothing of a
//! request of which something cannot be translated or stored.

use std::sync::Arc;

use salvo::http::StatusCode;
use salvo::http::header::{CONTENT_TYPE, HeaderValue};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use super::report::Reason;
use super::sinks::{Checking, Storing};
use super::{DataPoints, KIND, charge, decode, series};
use crate::metrics::now_ms;
use crate::metrics::store::Store;
use crate::otlp::body::Encoding;
use crate::otlp::budget::Budget;
use crate::otlp::gate::Gate;
use crate::otlp::own_path::OwnPath;
use crate::otlp::signal::{Kind, Partial, Rejected, Signal};
use crate::otlp::status::Failure;
use crate::wire::intake::Intake;

/// The handler of the path.
pub(crate) struct OtlpWrite(OwnPath);

impl OtlpWrite {
    pub(crate) fn new(store: Arc<Store>, intake: Intake) -> Self {
        Self(OwnPath {
            gate: Gate::new(intake),
            signal: Arc::new(AsPrometheus(DataPoints::new(store))),
            unknown_type: |name| {
                format!(
                    "unsupported content type: {name}, supported: [application/json, application/x-protobuf]"
                )
            },
            unknown_encoding: |name| {
                format!(
                    "unsupported compression: {name}. Only \"gzip\" or no compression supported"
                )
            },
        })
    }
}

#[async_trait]
impl Handler for OtlpWrite {
    async fn handle(
        &self,
        req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        match self.0.receive(req).await {
            // Prometheus has nothing to say about a request that it keeps.
            Ok(_) => {
                res.status_code(StatusCode::OK);
            }
            Err((status, text)) => {
                res.status_code(status);
                let plain = HeaderValue::from_static("text/plain; charset=utf-8");
                res.headers_mut().insert(CONTENT_TYPE, plain);
                res.body(text + "\n");
            }
        }
    }
}

/// The same data points with Prometheus' answers.
struct AsPrometheus(DataPoints);

impl Signal for AsPrometheus {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn store(&self, body: &[u8], encoding: Encoding, budget: Budget) -> Result<Partial, Rejected> {
        let request = decode(body, encoding, budget)?;
        let store = &*self.0.store;
        charge(store, body)?;
        let now = now_ms();
        let mut checking = Checking { store, now, new: 0 };
        let report = series::translate(&request, &mut checking);
        if report.has(Reason::Time) || report.has(Reason::Untranslatable) {
            store.count_refused_request();
        }
        if report.has(Reason::Time) {
            return Err(Failure::invalid(report.text()).into());
        }
        if report.has(Reason::Untranslatable) {
            return Err(Failure::internal(report.text()).into());
        }
        store
            .room_for(checking.new)
            .map_err(|limit| Failure::exhausted(limit.to_string(), None))?;
        // What comes out of order within the request itself is dropped without a word, as Prometheus does.
        series::translate(&request, &mut Storing { store, now });
        Ok(Partial::default())
    }

    fn count_malformed(&self) {
        self.0.count_malformed();
    }

    fn count_too_large(&self) {
        self.0.count_too_large();
    }
}
