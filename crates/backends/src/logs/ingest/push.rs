//! The push route: reads a body, decodes it and stores its entries.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use salvo::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use salvo::http::{HeaderValue, StatusCode};
use salvo::prelude::{Request, Response, handler};

use super::json::{read_json, read_legacy_json};
use super::labels;
use super::proto::PushRequestProto;
use crate::logs::lines::utf8;
use crate::logs::store::{Entry, Limits, NO_TIME, Store, StreamEntries};
use crate::wire::intake::{BodyError, Intake};
use crate::wire::measure::{self, Field, Shape};
use crate::wire::media_type;
use crate::wire::unpack::{self, UnpackError};

/// Memory of each element, as a message plus as an entry. Sizes are doubled because the capacity of
/// a list may be twice its length.
static PUSH_REQUEST: Shape = Shape(&[(
    1,
    Field::Messages(
        &STREAM,
        2 * (size_of::<super::StreamProto>() + size_of::<StreamEntries>()),
    ),
)]);
static STREAM: Shape = Shape(&[
    (1, Field::Bytes),
    (
        2,
        Field::Messages(
            &ENTRY,
            2 * (size_of::<super::EntryProto>() + size_of::<Entry>()),
        ),
    ),
]);
static ENTRY: Shape = Shape(&[
    (2, Field::Bytes),
    (
        3,
        Field::Messages(
            &LABEL,
            2 * (size_of::<super::LabelProto>() + size_of::<(String, String)>()),
        ),
    ),
]);
static LABEL: Shape = Shape(&[(1, Field::Bytes), (2, Field::Bytes)]);

/// An array counts as an entry, an object as a map with room for eleven pairs, a string as one half
/// of a pair.
const JSON_SIZES: measure::Json = measure::Json {
    array: 2 * size_of::<Entry>(),
    object: 12 * size_of::<(String, String)>(),
    text: 2 * size_of::<String>(),
};

/// The intake that all push routes of a store share.
pub(crate) fn intake(limits: &Limits) -> Intake {
    let unpacked = limits.max_decompressed_bytes;
    Intake::new(limits.max_push_bytes, unpacked, 2 * unpacked)
}

/// The handler of a push route.
pub(crate) struct Push {
    store: Arc<Store>,
    intake: Intake,
    /// JSON has the form of `/api/prom/push`.
    legacy: bool,
}

impl Push {
    pub(crate) fn new(store: Arc<Store>, intake: Intake, legacy: bool) -> Self {
        Self {
            store,
            intake,
            legacy,
        }
    }

    async fn take(&self, req: &mut Request) -> Result<(), Refusal> {
        let header = |name| {
            let value = req
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let form = Form::new(&header(CONTENT_TYPE), header(CONTENT_ENCODING), self.legacy);
        let stored = match form {
            Ok(form) => self.store_body(req, form).await,
            Err(refusal) => Err(refusal.into()),
        };
        stored
            .inspect_err(|refused| {
                // The store counts its own refusals.
                if !refused.is_stores {
                    self.store.count_unreadable_push();
                }
            })
            .map_err(|refused| refused.refusal)
    }

    /// Reads, unpacks, measures, decodes and stores a body; each waits for its memory.
    async fn store_body(&self, req: &mut Request, form: Form) -> Result<(), Refused> {
        let limit = self.store.limits().max_push_bytes;
        let body = self.intake.read(req).await;
        let body = body.map_err(|unread| unread_body(&unread, limit))?;
        let room = form.unpacked_size(&body.bytes, self.intake.most_unpacked())?;
        let unpacked = self.intake.unpacking(room).await;
        let (most_unpacked, most) = (self.intake.most_unpacked(), self.intake.most_decoded());
        let (form, bytes, size) = blocking(move || {
            let bytes = form.unpacked(body.bytes.clone(), most_unpacked)?;
            drop(body);
            let size = form.measure(&bytes, most)?;
            Ok((form, bytes, size))
        })
        .await?;
        let decoded = self.intake.decoding(size).await;
        let store = Arc::clone(&self.store);
        blocking(move || {
            let streams = form.decoded(&bytes)?;
            drop((bytes, unpacked));
            let pushed = store.push(streams);
            drop(decoded);
            pushed.map_err(|error| Refused {
                refusal: Refusal::new(error.status(), error.to_string()),
                is_stores: true,
            })
        })
        .await
    }
}

/// A status and the text of the response that refuses a push.
struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    fn write(mut self, res: &mut Response) {
        // Loki's write path ends its messages with a newline.
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        res.status_code(self.status);
        res.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        res.body(self.text);
    }
}

/// A push that was not stored, or not completely.
struct Refused {
    refusal: Refusal,
    /// The store refused entries and has counted them.
    is_stores: bool,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            is_stores: false,
        }
    }
}

/// Runs `work` on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into())
    })
}

fn unread_body(unread: &BodyError, limit: usize) -> Refusal {
    match unread {
        BodyError::TooLarge(_) => too_large(limit + 1, limit),
        BodyError::Slow => Refusal::new(StatusCode::REQUEST_TIMEOUT, unread.to_string()),
        BodyError::Busy => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, unread.to_string()),
        BodyError::Broken(_) => Refusal::bad_request(unread.to_string()),
    }
}

fn too_large(bytes: usize, limit: usize) -> Refusal {
    let text = format!("request body too large: {bytes} bytes, limit: {limit} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
}

/// The format of a body, from its headers.
struct Form {
    /// JSON. As in Loki every other media type is protobuf.
    is_json: bool,
    encoding: String,
    legacy: bool,
}

impl Form {
    fn new(content_type: &str, encoding: String, legacy: bool) -> Result<Self, Refusal> {
        if !matches!(&*encoding, "" | "snappy" | "gzip" | "deflate") {
            let text = format!("Content-Encoding {encoding:?} not supported");
            return Err(Refusal::bad_request(text));
        }
        let media_type = media_type::parse(content_type).map_err(Refusal::bad_request)?;
        Ok(Self {
            is_json: media_type == "application/json",
            encoding,
            legacy,
        })
    }

    /// Memory to reserve for decompression, in bytes.
    fn unpacked_size(&self, body: &[u8], limit: usize) -> Result<usize, Refusal> {
        match self.encoding.as_str() {
            "gzip" | "deflate" => Ok(limit),
            _ if self.is_json => Ok(0),
            _ => unpack::snappy_size(body, limit).map_err(|error| snappy_error(&error, limit)),
        }
    }

    /// Decompresses a body.
    fn unpacked(&self, body: Bytes, limit: usize) -> Result<Bytes, Refusal> {
        let body = match self.decompressed(&body, limit)? {
            Cow::Borrowed(_) => body,
            Cow::Owned(bytes) => bytes.into(),
        };
        if self.is_json {
            return Ok(body);
        }
        let unpacked = unpack::snappy(&body, limit);
        unpacked
            .map(Bytes::from)
            .map_err(|error| snappy_error(&error, limit))
    }

    /// Estimates the memory of the decoded entries before any is decoded.
    fn measure(&self, bytes: &[u8], most: usize) -> Result<usize, Refusal> {
        let measured = match self.is_json {
            true => measure::json(bytes, JSON_SIZES, most),
            false => measure::protobuf(bytes, &PUSH_REQUEST, most),
        };
        measured.map_err(|error| {
            Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("push too large: {error}"),
            )
        })
    }

    fn decoded(&self, bytes: &[u8]) -> Result<Vec<StreamEntries>, Refusal> {
        let streams = match (self.is_json, self.legacy) {
            (true, false) => read_json(bytes).map_err(Refusal::bad_request)?,
            (true, true) => read_legacy_json(bytes).map_err(Refusal::bad_request)?,
            (false, _) => read_protobuf(bytes)?,
        };
        if streams.is_empty() {
            let text = "error at least one valid stream is required for ingestion";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, text));
        }
        Ok(streams)
    }

    fn decompressed<'b>(&self, body: &'b [u8], limit: usize) -> Result<Cow<'b, [u8]>, Refusal> {
        let unpacked = match self.encoding.as_str() {
            // Snappy is part of the protobuf form and undone there.
            "" | "snappy" => return Ok(Cow::Borrowed(body)),
            "deflate" => unpack::deflate(body, limit),
            _ => unpack::gzip(body, limit),
        };
        unpacked.map(Cow::Owned).map_err(|error| match error {
            UnpackError::TooLarge(size) => too_large(size, limit),
            // Loki says this of deflate, too.
            UnpackError::Malformed(reason) => Refusal::bad_request(format!("gzip: {reason}")),
        })
    }
}

fn snappy_error(error: &UnpackError, limit: usize) -> Refusal {
    match error {
        UnpackError::TooLarge(size) => too_large(*size, limit),
        UnpackError::Malformed(_) => Refusal::bad_request("snappy: corrupt input"),
    }
}

fn read_protobuf(bytes: &[u8]) -> Result<Vec<StreamEntries>, Refusal> {
    let request = PushRequestProto::decode(bytes)
        .map_err(|error| Refusal::bad_request(format!("proto: {error}")))?;
    let outside = |entry: &&super::EntryProto| {
        let nanos = entry.timestamp.map_or(0, |ts| ts.nanos);
        !(0..1_000_000_000).contains(&nanos)
    };
    let mut entries = request.streams.iter().flat_map(|stream| &stream.entries);
    if let Some(time) = entries.find(outside).and_then(|entry| entry.timestamp) {
        return Err(Refusal::bad_request(format!(
            "timestamp: &types.Timestamp{{Seconds: {},\nNanos: {},\n}}: nanos not in range [0, 1e9)",
            time.seconds, time.nanos
        )));
    }
    let stream = |stream: super::StreamProto| {
        let entries = stream.entries.into_iter().map(|entry| Entry {
            ts: entry.timestamp.map_or(NO_TIME, |ts| ts.nanoseconds()),
            line: utf8::string(entry.line),
            metadata: entry
                .structured_metadata
                .into_iter()
                .map(|label| (utf8::string(label.name), utf8::string(label.value)))
                .collect(),
        });
        Ok(StreamEntries {
            labels: labels::read(&stream.labels).map_err(Refusal::bad_request)?,
            entries: entries.collect(),
        })
    };
    request.streams.into_iter().map(stream).collect()
}

#[handler]
impl Push {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        match self.take(req).await {
            Ok(()) => {
                res.status_code(StatusCode::NO_CONTENT);
            }
            Err(refusal) => refusal.write(res),
        }
    }
}
