//! Push bodies in JSON: the form of `/loki/api/v1/push` and the older one of `/api/prom/push`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::labels;
use crate::logs::lines::utf8;
use crate::logs::store::{Entry, NO_TIME, StreamEntries};
use crate::wire::rfc3339;

/// Loki's message for a number that is none.
const NO_NUMBER: &str =
    "Value looks like Number/Boolean/None, but can't find its end: ',' or '}' symbol";

/// An object that may be `null`. A field that comes twice counts as it came last.
#[derive(Default)]
struct Body {
    streams: Vec<Stream>,
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Body;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with streams")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
                let mut body = Body::default();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    if name.eq_ignore_ascii_case("streams") {
                        let streams: Option<Vec<Stream>> = map.next_value()?;
                        body.streams = streams.unwrap_or_default();
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(body)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// `{"stream": {"name": "value"}, "values": […]}`
#[derive(Default)]
struct Stream {
    labels: BTreeMap<String, String>,
    entries: Vec<Entry>,
}

impl<'de> Deserialize<'de> for Stream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Stream;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with stream and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Stream, A::Error> {
                let mut stream = Stream::default();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    match &*name {
                        "stream" => {
                            let labels: BTreeMap<String, Text> = map.next_value()?;
                            let labels = labels.into_iter().map(|(name, text)| (name, text.0));
                            stream.labels = labels.collect();
                        }
                        "values" => {
                            let values: Option<Vec<Option<Value>>> = map.next_value()?;
                            let values = values.unwrap_or_default().into_iter().flatten();
                            stream.entries = values.map(|value| value.0).collect();
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(stream)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A label value. What is no string counts as it is written: `1` is "1".
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &RawValue = Deserialize::deserialize(deserializer)?;
        let raw = raw.get();
        if raw.starts_with('"') {
            return serde_json::from_str(raw)
                .map(Self)
                .map_err(D::Error::custom);
        }
        Ok(Self(raw.to_owned()))
    }
}

/// `["<nanoseconds>", "<line>", {"name": "value"}]`. As in Loki an entry may end early, and what
/// follows the metadata does not count.
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
                let ts = match seq.next_element::<String>()? {
                    // Rust takes a plus, Loki does not.
                    Some(text) if text.starts_with('+') => Err(A::Error::custom(NO_NUMBER)),
                    Some(text) => text.parse().map_err(|_| A::Error::custom(NO_NUMBER)),
                    None => Ok(NO_TIME),
                };
                let entry = Entry {
                    ts: ts?,
                    line: seq.next_element()?.unwrap_or_default(),
                    metadata: seq.next_element::<Metadata>()?.unwrap_or_default().0,
                };
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value(entry))
            }
        }

        deserializer.deserialize_seq(Values)
    }
}

/// Structured metadata in the order of the request: it decides which of two names that become the
/// same label name is kept.
#[derive(Default)]
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

/// Refuses what does not begin as an object, with the message of Loki's decoder.
fn check_start(text: &str) -> Result<(), String> {
    match text
        .trim_start_matches([' ', '\t', '\n', '\r'])
        .chars()
        .next()
    {
        None => Err("EOF".to_owned()),
        Some('{' | 'n') => Ok(()),
        Some(other) => Err(format!(
            "readObjectStart: expect {{ or n, but found {other}"
        )),
    }
}

/// Reads the body of `/loki/api/v1/push`.
///
/// # Errors
/// The message; it begins as Loki's does.
pub(crate) fn read_json(body: &[u8]) -> Result<Vec<StreamEntries>, String> {
    let text = utf8::text(body);
    check_start(&text)?;
    let body: Option<Body> = serde_json::from_str(&text).map_err(|error| {
        let place = match error.classify() {
            serde_json::error::Category::Data => "Streams: []loghttp.LogProtoStream",
            _ => "readFieldHash",
        };
        format!("loghttp.PushRequest.{place}: {error}")
    })?;
    body.unwrap_or_default()
        .streams
        .into_iter()
        .map(|stream| {
            Ok(StreamEntries {
                labels: labels::of_map(stream.labels)?,
                entries: stream.entries,
            })
        })
        .collect()
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct LegacyBody {
    streams: Option<Vec<LegacyStream>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct LegacyStream {
    labels: Option<String>,
    entries: Option<Vec<LegacyEntry>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LegacyEntry {
    ts: Option<String>,
    line: Option<String>,
    structured_metadata: Option<Metadata>,
}

/// Reads the body of `/api/prom/push`.
pub(super) fn read_legacy_json(body: &[u8]) -> Result<Vec<StreamEntries>, String> {
    let text = utf8::text(body);
    check_start(&text)?;
    let body: Option<LegacyBody> =
        serde_json::from_str(&text).map_err(|error| format!("push.PushRequest: {error}"))?;
    let streams = body.unwrap_or_default().streams.unwrap_or_default();
    streams.into_iter().map(legacy_stream).collect()
}

fn legacy_stream(stream: LegacyStream) -> Result<StreamEntries, String> {
    let time = |text: String| {
        rfc3339::parse(&text)
            .and_then(|time| i64::try_from(time.as_nanosecond()).ok())
            .ok_or_else(|| format!("push.PushRequest: parsing time {text:?}: not RFC 3339"))
    };
    let entries = stream.entries.unwrap_or_default().into_iter().map(|entry| {
        Ok(Entry {
            ts: entry.ts.map_or(Ok(NO_TIME), time)?,
            line: entry.line.unwrap_or_default(),
            metadata: entry.structured_metadata.unwrap_or_default().0,
        })
    });
    Ok(StreamEntries {
        labels: labels::read(&stream.labels.unwrap_or_default())?,
        entries: entries.collect::<Result<_, String>>()?,
    })
}
