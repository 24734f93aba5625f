//! Routes that read the store: each runs its operation off the threads that serve connections.

use std::sync::Arc;

use bytes::Bytes;
use salvo::prelude::{Request, Response, handler};

use super::params::Params;
use super::response::{ApiResponse, ApiResult, Head};
use crate::logs::store::Store;
use crate::wire::{QueueError, Stop};

/// Computes the response to a request.
pub(super) type Operation = fn(&Store, &Params, &Stop) -> ApiResult;

/// The handler of one route.
pub(super) struct Endpoint {
    store: Arc<Store>,
    operation: Operation,
    /// The operation reads lines and may take long: it waits for a place among the queries.
    reads_lines: bool,
    /// Parameters that cannot be read are left out; else such a request is refused.
    forgiving: bool,
}

impl Endpoint {
    pub(super) fn new(store: Arc<Store>, operation: Operation, reads_lines: bool) -> Self {
        Self {
            store,
            operation,
            reads_lines,
            forgiving: false,
        }
    }

    /// The same handler, without the parameters that cannot be read.
    pub(super) fn forgiving(self) -> Self {
        Self {
            forgiving: true,
            ..self
        }
    }

    async fn respond(&self, req: &mut Request) -> Result<(Head, Bytes), ApiResponse> {
        let params = Params::read(req).await?;
        if !self.forgiving {
            params.check_encoding()?;
        }
        let queue = match self.reads_lines {
            true => self.store.queries(),
            false => self.store.index_queries(),
        };
        let (store, operation) = (Arc::clone(&self.store), self.operation);
        let time = store.limits().query_timeout;
        let unread = store.unread().clone();
        let response = queue.respond(time, &unread, move |stop| {
            let result = operation(&store, &params, stop);
            result.unwrap_or_else(|error| error).into_parts()
        });
        Ok(response.await?)
    }
}

impl From<QueueError> for ApiResponse {
    fn from(error: QueueError) -> Self {
        let status = match error {
            QueueError::Full | QueueError::Unread => 429,
            QueueError::TimedOut => 504,
            QueueError::Panicked => 500,
        };
        Self::error(status, error.to_string())
    }
}

#[handler]
impl Endpoint {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        match self.respond(req).await {
            Ok((head, body)) => head.write(body, res),
            Err(error) => error.write(res),
        }
    }
}
