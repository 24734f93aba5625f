//! Counts gRPC messages that no handler sees, because they cannot be decoded or are too large.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::{Code, Status};

use crate::traces::Store;

/// A gRPC service whose answers are looked at.
#[derive(Clone)]
pub(super) struct Counted<S> {
    inner: S,
    store: Arc<Store>,
}

impl<S> Counted<S> {
    pub(super) fn new(inner: S, store: Arc<Store>) -> Self {
        Self { inner, store }
    }
}

impl<S, I, O> Service<Request<I>> for Counted<S>
where
    S: Service<Request<I>, Response = Response<O>>,
    S::Future: Send + 'static,
{
    type Response = Response<O>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        let answering = self.inner.call(request);
        let store = Arc::clone(&self.store);
        Box::pin(async move {
            let response = answering.await?;
            // The codec's own codes. An answer that has failed carries its code in the headers.
            match Status::from_header_map(response.headers()).map(|it| it.code()) {
                Some(Code::Internal) => store.count_malformed(),
                Some(Code::OutOfRange) => store.count_too_large(),
                _ => {}
            }
            Ok(response)
        })
    }
}
