//! Loki's own path for OTLP, `POST /otlp/v1/logs`. Other than a collector it stores nothing of a request with an
//! attribute that cannot be a label, counts no refused records, and fails in protobuf whatever it was asked in.

use std::sync::Arc;

use prost::Message as _;
use salvo::http::header::{CONTENT_TYPE, HeaderValue};
use salvo::http::{ResBody, StatusCode};
use salvo::prelude::{Request, Response, handler};

use super::{KIND, LogRecords, Stored, decode, labels, records, store};
use crate::logs::store::{PushError, Store};
use crate::otlp::body::Encoding;
use crate::otlp::budget::Budget;
use crate::otlp::gate::Gate;
use crate::otlp::own_path::OwnPath;
use crate::otlp::signal::{Kind, Partial, Rejected, Signal};
use crate::otlp::status::{Failure, RpcStatus};
use crate::wire::intake::Intake;

/// The handler of the path.
pub(crate) struct OtlpPush(OwnPath);

impl OtlpPush {
    pub(crate) fn new(store: Arc<Store>, intake: Intake) -> Self {
        Self(OwnPath {
            gate: Gate::new(intake),
            signal: Arc::new(AsLoki(LogRecords::new(store))),
            unknown_type: |name| format!("content type: {name} is not supported"),
            unknown_encoding: |name| {
                format!("unsupported content encoding {name}: only gzip is supported")
            },
        })
    }
}

#[handler]
impl OtlpPush {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        let Err((status, text)) = self.0.receive(req).await else {
            res.status_code(StatusCode::NO_CONTENT);
            return;
        };
        // Its own failures are worth another attempt.
        res.status_code(match status {
            StatusCode::INTERNAL_SERVER_ERROR => StatusCode::SERVICE_UNAVAILABLE,
            status => status,
        });
        let octets = HeaderValue::from_static("application/octet-stream");
        res.headers_mut().insert(CONTENT_TYPE, octets);
        let body = RpcStatus::of_text(text).encode_to_vec();
        res.body(ResBody::Once(body.into()));
    }
}

/// The same records with Loki's answers.
struct AsLoki(LogRecords);

impl Signal for AsLoki {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn store(&self, body: &[u8], encoding: Encoding, budget: Budget) -> Result<Partial, Rejected> {
        let request = decode(body, encoding, budget)?;
        if records(&request).next().is_none() {
            let text = "error at least one valid stream is required for ingestion";
            return Err(Failure::failed_precondition(text).into());
        }
        labels::check(&request).map_err(Failure::invalid)?;
        let Stored { problem, .. } = store(&self.0.store, &request);
        match problem {
            None => Ok(Partial::default()),
            Some(problem) => Err(refusal(&problem).into()),
        }
    }

    fn count_malformed(&self) {
        self.0.count_malformed();
    }

    fn count_too_large(&self) {
        self.0.count_too_large();
    }
}

fn refusal(problem: &PushError) -> Failure {
    match problem.status() {
        StatusCode::TOO_MANY_REQUESTS => Failure::exhausted(problem.to_string(), None),
        _ => Failure::invalid(problem.to_string()),
    }
}
