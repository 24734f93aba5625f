//! Bodies of gRPC requests, counted as they come, so that half-sent messages do not take all memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tonic::Status;
use tonic::codegen::http::Request;
use tonic::codegen::{Service, StdError};

use crate::wire::intake::{Intake, Meter};

/// A gRPC service whose requests are counted.
#[derive(Clone)]
pub(super) struct Metered<S> {
    inner: S,
    intake: Intake,
}

impl<S> Metered<S> {
    pub(super) fn new(inner: S, intake: Intake) -> Self {
        Self { inner, intake }
    }
}

impl<S, B> Service<Request<B>> for Metered<S>
where
    S: Service<Request<MeteredBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let meter = self.intake.meter();
        self.inner
            .call(request.map(|body| MeteredBody { body, meter }))
    }
}

/// A body that holds room for what has come.
pub(super) struct MeteredBody<B> {
    body: B,
    meter: Meter,
}

impl<B> Body for MeteredBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<StdError>,
{
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        };
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        Poll::Ready(Some(match self.meter.count(bytes) {
            Ok(()) => Ok(frame),
            Err(busy) => Err(Status::unavailable(busy.to_string()).into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
