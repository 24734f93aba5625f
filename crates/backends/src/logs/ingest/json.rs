//! Push bodies in JSON: the form of `/loki/api/v1/push` and the older one of `/api/prom/push`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::logs::lang;
use crate::logs::lines::utf8;
use crate::logs::store::{Entry, LabelSet, StreamEntries};
use crate::wire::rfc3339;

#[derive(serde::Deserialize)]
struct Body {
    streams: Vec<Stream>,
}

#[derive(serde::Deserialize)]
struct Stream {
    stream: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<Value>,
}

/// `["<nanoseconds>", "<line>", {"name": "value"}]`
struct Value(Entry);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;

        impl<'de> Visitor<'de> for Values {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[\"<nanoseconds>\", \"<line>\", {structured metadata}]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let missing = |at| A::Error::invalid_length(at, &self);
                let ts: String = seq.next_element()?.ok_or_else(|| missing(0))?;
                let ts = ts.parse().map_err(|_| {
                    A::Error::custom("Value looks like Number/Boolean/None, but can't find its end")
                })?;
                let line = seq.next_element()?.ok_or_else(|| missing(1))?;
                let metadata: Option<Metadata> = seq.next_element()?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value(Entry {
                    ts,
                    line,
                    metadata: metadata.map(|own| own.0).unwrap_or_default(),
                }))
            }
        }

        deserializer.deserialize_seq(Values)
    }
}

/// Structured metadata in the order of the request: it decides which of two names that become the
/// same label name is kept.
struct Metadata(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Metadata(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// Reads the body of `/loki/api/v1/push`.
///
/// # Errors
/// The message; it begins as Loki's does.
pub(crate) fn read_json(body: &[u8]) -> Result<Vec<StreamEntries>, String> {
    let body: Body = serde_json::from_str(&utf8::text(body)).map_err(|error| {
        let place = match error.classify() {
            serde_json::error::Category::Data => "Streams: []loghttp.LogProtoStream",
            _ => "readFieldHash",
        };
        format!("loghttp.PushRequest.{place}: {error}")
    })?;
    body.streams
        .into_iter()
        .map(|stream| {
            Ok(StreamEntries {
                // A map has each name once, so this cannot fail.
                labels: LabelSet::new(stream.stream).unwrap_or_default(),
                entries: stream.values.into_iter().map(|value| value.0).collect(),
            })
        })
        .collect()
}

#[derive(serde::Deserialize)]
struct LegacyBody {
    streams: Vec<LegacyStream>,
}

#[derive(serde::Deserialize)]
struct LegacyStream {
    labels: String,
    #[serde(default)]
    entries: Vec<LegacyEntry>,
}

#[derive(serde::Deserialize)]
struct LegacyEntry {
    #[serde(alias = "timestamp")]
    ts: String,
    line: String,
}

/// Reads the body of `/api/prom/push`.
pub(super) fn read_legacy_json(body: &[u8]) -> Result<Vec<StreamEntries>, String> {
    let body: LegacyBody = serde_json::from_str(&utf8::text(body))
        .map_err(|error| format!("legacy.PushRequest: {error}"))?;
    body.streams.into_iter().map(legacy_stream).collect()
}

fn legacy_stream(stream: LegacyStream) -> Result<StreamEntries, String> {
    let entries = stream
        .entries
        .into_iter()
        .map(|entry| {
            let ts = rfc3339::parse(&entry.ts)
                .and_then(|time| i64::try_from(time.as_nanosecond()).ok())
                .ok_or_else(|| format!("parsing time {:?}: not RFC 3339", entry.ts))?;
            Ok(Entry::new(ts, entry.line))
        })
        .collect::<Result<_, String>>()?;
    Ok(StreamEntries {
        labels: stream_labels(&stream.labels)?,
        entries,
    })
}

/// Reads `{name="value", …}`.
pub(super) fn stream_labels(text: &str) -> Result<LabelSet, String> {
    let labels = lang::parse_stream_labels(text)
        .map_err(|error| format!("couldn't parse labels: {error}"))?;
    LabelSet::new(labels.iter().map(|(name, value)| (name.as_str(), &**value))).map_err(|name| {
        let shown: String = text.chars().take(256).collect();
        format!("stream '{shown}' has duplicate label name: '{name}'")
    })
}
