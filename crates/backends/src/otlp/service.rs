//! The gRPC services. Unlike the generated ones they leave a message as it came, so that it can be measured
//! before it is decoded.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures_util::future::BoxFuture;
use prost::Message;
use tonic::codec::{
    Codec, CompressionEncoding, DecodeBuf, Decoder, EnabledCompressionEncodings, EncodeBuf, Encoder,
};
use tonic::codegen::{Body as HttpBody, Service, StdError, http};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Request, Response, Status};

use super::body::{Encoding, Unreadable};
use super::gate::Gate;
use super::intake::{Body, take_in};
use super::receivers::Receivers;
use super::response::ExportResponse;
use super::signal::{Rejected, Signal};
use crate::wire::intake::{Intake, Meter};

/// The `Export` methods of the signals that are taken; all other methods are UNIMPLEMENTED.
#[derive(Clone)]
pub(super) struct Exports {
    receivers: Receivers,
}

impl Exports {
    pub(super) fn new(receivers: Receivers) -> Self {
        Self { receivers }
    }
}

impl<B> Service<http::Request<B>> for Exports
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let path = request.uri().path();
        let Some(signal) = self.receivers.of_method(path) else {
            let status = Status::unimplemented(format!("{path} is not taken here"));
            return Box::pin(async move { Ok(status.into_http()) });
        };
        let signal = Arc::clone(signal);
        let gate = self.receivers.gate().clone();
        let longest = self.receivers.max_grpc_message_bytes();
        Box::pin(async move {
            let mut gzip = EnabledCompressionEncodings::default();
            gzip.enable(CompressionEncoding::Gzip);
            let raw = Raw(gate.intake().clone());
            let mut grpc = Grpc::new(raw)
                .apply_compression_config(gzip, gzip)
                .apply_max_message_size_config(Some(longest), None);
            let export = Export {
                gate,
                signal: Arc::clone(&signal),
            };
            let response = grpc.unary(export, request).await;
            count(&*signal, &response);
            Ok(response)
        })
    }
}

/// Counts messages that no handler sees, because they cannot be decoded or are too large: by the codec's own
/// codes. A response that has failed carries its code in the headers.
fn count(signal: &dyn Signal, response: &http::Response<tonic::body::Body>) {
    match Status::from_header_map(response.headers()).map(|it| it.code()) {
        Some(Code::Internal) => signal.count_malformed(),
        Some(Code::OutOfRange) => signal.count_too_large(),
        _ => {}
    }
}

/// One method.
struct Export {
    gate: Gate,
    signal: Arc<dyn Signal>,
}

impl UnaryService<Unpacked> for Export {
    type Response = ExportResponse;
    type Future = BoxFuture<'static, Result<Response<Self::Response>, Status>>;

    fn call(&mut self, request: Request<Unpacked>) -> Self::Future {
        let (gate, signal) = (self.gate.clone(), Arc::clone(&self.signal));
        Box::pin(async move {
            let message = request.into_inner();
            let body = Body {
                bytes: message.bytes,
                encoding: Encoding::Protobuf,
                gzip: None,
            };
            let taken = take_in(&gate, &signal, body).await;
            drop(message.room);
            match taken {
                Ok(partial) => Ok(Response::new(partial.into())),
                Err(Rejected::Refused(failure)) => Err(failure.into()),
                Err(Rejected::Unreadable(Unreadable::Malformed(reason))) => {
                    Err(Status::internal(reason))
                }
                Err(Rejected::Unreadable(Unreadable::TooLarge(message))) => {
                    signal.count_too_large();
                    Err(Status::resource_exhausted(message))
                }
            }
        })
    }
}

/// Messages come in as bytes, and responses go out as protobuf.
struct Raw(Intake);

/// A message, unpacked, and its room in memory. A client decides how long it keeps a request open,
/// so the room is taken when the message is there.
struct Unpacked {
    bytes: Bytes,
    room: Meter,
}

impl Codec for Raw {
    type Encode = ExportResponse;
    type Decode = Unpacked;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

impl Encoder for Raw {
    type Item = ExportResponse;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(to)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Raw {
    type Item = Unpacked;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Unpacked>, Status> {
        let mut room = self.0.unpacked_meter();
        room.count(from.remaining())
            .map_err(|busy| Status::unavailable(busy.to_string()))?;
        let bytes = from.copy_to_bytes(from.remaining());
        Ok(Some(Unpacked { bytes, room }))
    }
}
