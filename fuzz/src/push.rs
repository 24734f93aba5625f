//! Loki's push API.

use std::sync::Arc;
use std::time::Duration;

use lab_backends::logs::ingest::PushRequestProto;
use lab_backends::logs::{Clock, Limits, Store, router};
use prost::Message as _;

use super::server::{Answer, Server};
use super::worlds::NOW;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A server that takes lines of any time, and queries over all time.
pub(super) fn loki() -> (Arc<Store>, Server) {
    let any = Duration::from_secs(100 * 365 * 24 * 3600);
    let limits = Limits {
        max_age: any,
        reject_older_than: any,
        creation_grace: any,
        out_of_order_window: any,
        max_query_length: Duration::MAX,
        ..Limits::for_store_of(16 << 20)
    };
    let store = Arc::new(Store::with_clock(limits, Clock::from_fn(|| NOW)));
    let server = Server::new(router(Arc::clone(&store)));
    (store, server)
}

/// Pushes a body twice: what came once is not there twice, and the streams can be read.
fn push(content_type: &str, body: &[u8]) -> Answer {
    let (store, server) = loki();
    let first = server.post("/loki/api/v1/push", content_type, body);
    let kept = store.stats();
    if first.is_ok() && kept.entries > 0 {
        let second = server.post("/loki/api/v1/push", content_type, body);
        assert_eq!(second.status, first.status, "{second:?}");
        assert_eq!(store.stats().entries, kept.entries);
    }
    every_stream_is_listed(&store, &server);
    first
}

/// The API lists as many streams as the store has.
pub(super) fn every_stream_is_listed(store: &Store, server: &Server) {
    let always = [
        ("start", "-9000000000000000000"),
        ("end", "9000000000000000000"),
    ];
    let series = server.form("/loki/api/v1/series", &always);
    assert!(series.is_ok(), "{series:?}");
    let count = series.json()["data"].as_array().map_or(0, Vec::len);
    assert_eq!(count as u64, store.stats().streams);
}

/// JSON.
pub fn push_json(data: &[u8]) {
    push(JSON, data);
}

/// Protobuf. With a first byte of 0 the rest is sent as it is, else it is compressed before; what is then not the
/// message is refused.
pub fn push_protobuf(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    if *first == 0 {
        push(PROTOBUF, body);
        return;
    }
    let compressed = snap::raw::Encoder::new().compress_vec(body);
    let answer = push(PROTOBUF, &compressed.expect("a small body"));
    if PushRequestProto::decode(body).is_err() {
        assert!(answer.status.is_client_error(), "{answer:?}");
    }
}
