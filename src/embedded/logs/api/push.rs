//! Pushes: from bytes to entries in the store.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use prost::Message;
use salvo::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use salvo::prelude::{Request, Response, handler};

use super::answer::{Answer, Asked};
use super::proto::PushRequestProto;
use super::push_json::{read_json, read_legacy_json, stream_labels};
use crate::embedded::logs::lossy;
use crate::embedded::logs::store::{Entry, Limits, LogStore, StreamEntries};

/// A route that takes entries in.
pub(super) struct Push {
    store: Arc<LogStore>,
    /// Whether JSON has the form of `/api/prom/push`.
    legacy: bool,
}

impl Push {
    pub(super) fn new(store: Arc<LogStore>, legacy: bool) -> Self {
        Self { store, legacy }
    }

    async fn take(&self, req: &mut Request) -> Asked {
        let limit = self.store.limits().max_push_bytes;
        let header = |name| {
            let value = req
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let announced: usize = header(CONTENT_LENGTH).parse().unwrap_or(0);
        if announced > limit {
            return Err(self.unreadable(too_large(announced, limit)));
        }
        let form = Form {
            content_type: header(CONTENT_TYPE),
            encoding: header(CONTENT_ENCODING),
            legacy: self.legacy,
        };
        let body = req
            .payload_with_max_size(limit)
            .await
            .map_err(|error| match error.to_string() {
                text if text.contains("too large") => too_large(limit + 1, limit),
                text => Answer::bad_request(text),
            })
            .map_err(|answer| self.unreadable(answer))?
            .clone();
        let store = Arc::clone(&self.store);
        let pushed = tokio::task::spawn_blocking(move || {
            let streams = form.read(&body, store.limits()).inspect_err(|_| {
                store.count_unreadable_push();
            })?;
            let pushed = store.push(streams);
            pushed.map_err(|error| Answer::error(error.status(), error.to_string()))
        });
        pushed
            .await
            .unwrap_or_else(|error| Err(Answer::error(500, error.to_string())))?;
        Ok(Answer::error(204, ""))
    }

    fn unreadable(&self, answer: Answer) -> Answer {
        self.store.count_unreadable_push();
        answer
    }
}

fn too_large(bytes: usize, limit: usize) -> Answer {
    let text = format!("request body too large: {bytes} bytes, limit: {limit} bytes");
    Answer::error(413, text)
}

/// What the headers say about a body.
struct Form {
    content_type: String,
    encoding: String,
    legacy: bool,
}

impl Form {
    fn read(&self, body: &[u8], limits: &Limits) -> Result<Vec<StreamEntries>, Answer> {
        let body = self.decompressed(body, limits.max_decompressed_bytes)?;
        let media_type = self
            .content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if media_type.is_empty() {
            return Err(Answer::bad_request("mime: no media type"));
        }
        let streams = match (
            media_type.eq_ignore_ascii_case("application/json"),
            self.legacy,
        ) {
            (true, false) => read_json(&body).map_err(Answer::bad_request)?,
            (true, true) => read_legacy_json(&body).map_err(Answer::bad_request)?,
            // Like Loki, whatever is not JSON is taken for protobuf.
            (false, _) => read_protobuf(&body, limits.max_decompressed_bytes)?,
        };
        if streams.iter().any(|stream| stream.labels.is_empty()) {
            let text = "error at least one label pair is required per stream";
            return Err(Answer::bad_request(text));
        }
        Ok(streams)
    }

    fn decompressed<'b>(&self, body: &'b [u8], limit: usize) -> Result<Cow<'b, [u8]>, Answer> {
        let mut decoder: Box<dyn Read + 'b> = match self.encoding.as_str() {
            // Snappy is part of the protobuf form and undone there.
            "" | "snappy" | "identity" => return Ok(Cow::Borrowed(body)),
            "gzip" => Box::new(flate2::read::MultiGzDecoder::new(body)),
            "deflate" => Box::new(flate2::read::DeflateDecoder::new(body)),
            other => {
                let text = format!("Content-Encoding {other:?} not supported");
                return Err(Answer::bad_request(text));
            }
        };
        let mut bytes = Vec::new();
        let read = decoder
            .by_ref()
            .take(limit as u64 + 1)
            .read_to_end(&mut bytes);
        read.map_err(|error| Answer::bad_request(format!("gzip: {error}")))?;
        if bytes.len() > limit {
            return Err(too_large(bytes.len(), limit));
        }
        Ok(Cow::Owned(bytes))
    }
}

fn read_protobuf(body: &[u8], limit: usize) -> Result<Vec<StreamEntries>, Answer> {
    let corrupt = |_| Answer::bad_request("snappy: corrupt input");
    let len = snap::raw::decompress_len(body).map_err(corrupt)?;
    if len > limit {
        return Err(too_large(len, limit));
    }
    let bytes = snap::raw::Decoder::new()
        .decompress_vec(body)
        .map_err(corrupt)?;
    let request = PushRequestProto::decode(bytes.as_slice())
        .map_err(|error| Answer::bad_request(format!("proto: {error}")))?;
    let stream = |stream: super::StreamProto| {
        let entries = stream.entries.into_iter().map(|entry| Entry {
            ts: entry.timestamp.map_or(0, |ts| ts.nanoseconds()),
            line: lossy::string(entry.line),
            metadata: entry
                .structured_metadata
                .into_iter()
                .map(|label| (lossy::string(label.name), lossy::string(label.value)))
                .collect(),
        });
        Ok(StreamEntries {
            labels: stream_labels(&stream.labels).map_err(Answer::bad_request)?,
            entries: entries.collect(),
        })
    };
    request.streams.into_iter().map(stream).collect()
}

#[handler]
impl Push {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        let mut answer = self.take(req).await.unwrap_or_else(|error| error);
        // Loki's write path ends its messages with a newline.
        if !answer.body.is_empty() && !answer.body.ends_with('\n') {
            answer.body.push('\n');
        }
        answer.write(res);
    }
}
