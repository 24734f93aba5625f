//! Requests that a fault concerns, by what they carry.

use std::fmt;

use percent_encoding::percent_decode_str;
use salvo::Request;
use salvo::http::HeaderName;
use serde::{Serialize, Serializer};

/// What of a request is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A part of the path, by its name in the route.
    Param(String),
    /// A member of the baggage.
    Baggage(String),
    /// A parameter of the query.
    Query(String),
    /// A header.
    Header(String),
}

impl Key {
    /// What may be compared, for an error message.
    pub(super) const ALLOWED: &str = "item_id, baggage.NAME, query.NAME, header.NAME";

    /// A key as it is sent.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let key = match text.split_once('.') {
            None if text == "item_id" => return Some(Self::Param(text.to_owned())),
            None => return None,
            Some((_, "")) => return None,
            Some((kind, name)) => (kind, name.to_owned()),
        };
        match key {
            ("baggage", name) => is_token(&name).then_some(Self::Baggage(name)),
            ("query", name) => Some(Self::Query(name)),
            ("header", name) => is_token(&name).then(|| Self::Header(name.to_ascii_lowercase())),
            _ => None,
        }
    }

    /// The value that a request has.
    pub(super) fn of(&self, req: &Request) -> Option<String> {
        match self {
            Self::Param(name) => req.param(name),
            Self::Baggage(name) => baggage(req, name),
            Self::Query(name) => req.query(name),
            Self::Header(name) => {
                let value = req.headers().get(name)?;
                value.to_str().ok().map(str::to_owned)
            }
        }
    }

    /// The attribute that a span has for it.
    pub(super) fn attribute(&self) -> String {
        match self {
            Self::Param(name) | Self::Baggage(name) => name.clone(),
            Self::Query(name) => format!("url.query.{name}"),
            Self::Header(name) => format!("http.request.header.{name}"),
        }
    }
}

/// True for what can be the name of a header or of a member of the baggage, a
/// [token](https://www.rfc-editor.org/rfc/rfc9110#name-tokens).
fn is_token(name: &str) -> bool {
    HeaderName::try_from(name).is_ok()
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Param(name) => f.write_str(name),
            Self::Baggage(name) => write!(f, "baggage.{name}"),
            Self::Query(name) => write!(f, "query.{name}"),
            Self::Header(name) => write!(f, "header.{name}"),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The value of a member of the baggage, decoded.
fn baggage(req: &Request, name: &str) -> Option<String> {
    let headers = req.headers().get_all("baggage");
    let members = headers
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    for member in members {
        let member = member.split_once(';').map_or(member, |(member, _)| member);
        if let Some((key, value)) = member.split_once('=')
            && key.trim() == name
        {
            let value = percent_decode_str(value.trim()).decode_utf8_lossy();
            return Some(value.into_owned());
        }
    }
    None
}
