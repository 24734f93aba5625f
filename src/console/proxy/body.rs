//! Streams the body of a response within bounds of size and time.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

/// Fails when a bound is reached, so that the browser sees an incomplete response.
pub(super) struct Bounded {
    body: Incoming,
    bytes_left: u64,
    deadline: Pin<Box<Sleep>>,
    /// The permit of this request among the concurrent ones; released with the body.
    _place: OwnedSemaphorePermit,
}

/// Errors that end a response early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer takes too long")]
    TooSlow,
    #[error("the server broke off")]
    Server(#[source] hyper::Error),
}

impl Bounded {
    /// Bounds `body`; none if its declared length is already too large.
    pub(super) fn new(
        body: Incoming,
        bytes: u64,
        deadline: Instant,
        place: OwnedSemaphorePermit,
    ) -> Option<Self> {
        let fits = body.size_hint().lower() <= bytes;
        fits.then(|| Self {
            body,
            bytes_left: bytes,
            deadline: Box::pin(sleep_until(deadline)),
            _place: place,
        })
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Broken::TooSlow.into())));
        }
        let frame = match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => {
                return Poll::Ready(Some(Err(Broken::Server(error).into())));
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        };
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => self.bytes_left = left,
            None => return Poll::Ready(Some(Err(Broken::TooLarge.into()))),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
