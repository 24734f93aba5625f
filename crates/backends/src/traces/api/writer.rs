//! JSON written piece by piece, so that a large response is in memory only once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};

/// A text of JSON under way.
#[derive(Default)]
pub(super) struct Json {
    out: Vec<u8>,
}

/// An object under way, whose last member may not be written yet.
pub(super) struct Object<'j> {
    json: &'j mut Json,
    empty: bool,
}

impl Json {
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Writes brackets, commas and numbers, which need no escapes.
    pub(super) fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes a string.
    pub(super) fn text(&mut self, text: &str) {
        self.out.push(b'"');
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
            let (plain, special) = rest.split_at(at);
            self.raw(plain);
            match special.as_bytes()[0] {
                b'"' => self.raw("\\\""),
                b'\\' => self.raw("\\\\"),
                b'\n' => self.raw("\\n"),
                b'\r' => self.raw("\\r"),
                b'\t' => self.raw("\\t"),
                control => self.raw(&format!("\\u{control:04x}")),
            }
            rest = &special[1..];
        }
        self.raw(rest);
        self.out.push(b'"');
    }

    /// Writes a floating-point number; what JSON has no number for becomes a string, as in
    /// protobuf's JSON mapping.
    pub(super) fn float(&mut self, number: f64) {
        match number {
            n if n.is_nan() => self.raw("\"NaN\""),
            f64::INFINITY => self.raw("\"Infinity\""),
            f64::NEG_INFINITY => self.raw("\"-Infinity\""),
            // As Go writes it: with an exponent below 0.000001 and from 10^21 on.
            n if n != 0.0 && !(1e-6..1e21).contains(&n.abs()) => {
                let text = format!("{n:e}");
                let exponent = |text: &str| text.contains("e-") || !text.contains('e');
                match exponent(&text) {
                    true => self.raw(&text),
                    false => self.raw(&text.replace('e', "e+")),
                }
            }
            n => self.raw(&n.to_string()),
        }
    }

    pub(super) fn object(&mut self, write: impl FnOnce(&mut Object<'_>)) {
        self.out.push(b'{');
        write(&mut Object {
            json: self,
            empty: true,
        });
        self.out.push(b'}');
    }

    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut item: impl FnMut(&mut Self, T),
    ) {
        self.out.push(b'[');
        for (nth, value) in items.into_iter().enumerate() {
            if nth > 0 {
                self.out.push(b',');
            }
            item(self, value);
        }
        self.out.push(b']');
    }

    /// Writes an attribute's value as OTLP has it in JSON.
    pub(super) fn any(&mut self, any: &AnyValue) {
        use any_value::Value as Wire;
        self.object(|object| match &any.value {
            None | Some(Wire::StringValueStrindex(_)) => {}
            Some(Wire::StringValue(text)) => object.key("stringValue").text(text),
            Some(Wire::BoolValue(true)) => object.key("boolValue").raw("true"),
            Some(Wire::BoolValue(false)) => object.key("boolValue").raw("false"),
            Some(Wire::IntValue(n)) => object.key("intValue").raw(&format!("\"{n}\"")),
            Some(Wire::DoubleValue(n)) => object.key("doubleValue").float(*n),
            Some(Wire::ArrayValue(array)) => object.key("arrayValue").object(|object| {
                object.list("values", &array.values, Self::any);
            }),
            Some(Wire::KvlistValue(list)) => object.key("kvlistValue").object(|object| {
                let none = AnyValue::default();
                object.list("values", &list.values, |json, pair| {
                    json.key_value(&pair.key, pair.value.as_ref().unwrap_or(&none));
                });
            }),
            Some(Wire::BytesValue(bytes)) => object.key("bytesValue").text(&STANDARD.encode(bytes)),
        });
    }

    /// Writes an attribute.
    pub(super) fn key_value(&mut self, key: &str, value: &AnyValue) {
        self.object(|object| {
            object.text("key", key);
            object.key("value").any(value);
        });
    }
}

/// Members that have their default (an empty text or list, a zero) are left out.
impl Object<'_> {
    /// Writes a name; the caller writes the value.
    pub(super) fn key(&mut self, name: &str) -> &mut Json {
        if !self.empty {
            self.json.out.push(b',');
        }
        self.empty = false;
        self.json.text(name);
        self.json.out.push(b':');
        self.json
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.key(name).text(text);
        }
    }

    pub(super) fn bytes(&mut self, name: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.key(name).text(&STANDARD.encode(bytes));
        }
    }

    /// A number of 64 bits, which is a string in JSON.
    pub(super) fn long(&mut self, name: &str, number: u64) {
        if number != 0 {
            self.key(name).raw(&format!("\"{number}\""));
        }
    }

    pub(super) fn number(&mut self, name: &str, number: u32) {
        if number != 0 {
            self.key(name).raw(&number.to_string());
        }
    }

    pub(super) fn list<T>(&mut self, name: &str, items: &[T], mut item: impl FnMut(&mut Json, &T)) {
        if !items.is_empty() {
            self.key(name).list(items, |json, value| item(json, value));
        }
    }
}
