//! OTLP over gRPC: with the generated client, and with bytes that it would not send.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::net::SocketAddr;

use bytes::{Buf, BufMut};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Messages as bytes.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

fn with_channel<T>(address: SocketAddr, work: impl AsyncFnOnce(Channel) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime");
    runtime.block_on(async {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("endpoint");
        work(endpoint.connect().await.expect("connection")).await
    })
}

/// Exports spans; how many were rejected.
pub fn export(address: SocketAddr, spans: ExportTraceServiceRequest) -> Result<i64, Status> {
    with_channel(address, async |channel| {
        let answer = TraceServiceClient::new(channel).export(spans).await?;
        let partial = answer.into_inner().partial_success;
        Ok(partial.unwrap_or_default().rejected_spans)
    })
}

/// Sends bytes in the place of a message.
pub fn send(address: SocketAddr, message: Vec<u8>) -> Result<Vec<u8>, Status> {
    with_channel(address, async |channel| {
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.expect("ready");
        let path = PathAndQuery::from_static(EXPORT);
        let answer = client.unary(Request::new(message), path, Raw).await?;
        Ok(answer.into_inner())
    })
}
