//! The origins of pages whose requests a server accepts.

use std::fmt;
use std::str::FromStr;

use super::host::Host;

/// An origin that is allowed: `https://app.example:8443`, or `*` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin(Option<Origin>);

impl AllowedOrigin {
    pub(super) fn is(&self, origin: Option<&Origin>) -> bool {
        match &self.0 {
            None => true,
            Some(own) => Some(own) == origin,
        }
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("*"),
            Some(Origin { is_tls, host, port }) => {
                let scheme = if *is_tls { "https" } else { "http" };
                write!(f, "{scheme}://{host}:{port}")
            }
        }
    }
}

impl FromStr for AllowedOrigin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self(None));
        }
        let origin = Origin::parse(text.strip_suffix('/').unwrap_or(text));
        origin
            .map(|origin| Self(Some(origin)))
            .ok_or("http://host:port or https://host:port without a path, or * for any")
    }
}

/// The origin of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    is_tls: bool,
    host: Host,
    port: u16,
}

impl Origin {
    /// Parses the `Origin` header. `None` for `null` and for other schemes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let (host, port) = Host::parse(rest)?;
        Some(Self {
            is_tls,
            host,
            port: port.unwrap_or(if is_tls { 443 } else { 80 }),
        })
    }

    /// True if pages of this origin come from the server that `host` and `port` name. A proxy in
    /// between may add TLS.
    pub(super) fn is_of(&self, host: &Host, port: Option<u16>) -> bool {
        let default = if self.is_tls { 443 } else { 80 };
        self.host == *host && self.port == port.unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_of_a_server_with_the_same_name_and_port() {
        let is_of = |origin: &str, host: &str| {
            let (host, port) = Host::parse(host).expect("a host");
            Origin::parse(origin).is_some_and(|origin| origin.is_of(&host, port))
        };
        for (origin, host, expected) in [
            ("http://localhost:3000", "localhost:3000", true),
            ("https://localhost:3000", "localhost:3000", true),
            ("http://LOCALHOST:3000", "localhost:3000", true),
            ("http://localhost", "localhost:80", true),
            ("https://lab.example", "lab.example", true),
            ("http://[::1]:3000", "[0:0::1]:3000", true),
            ("http://localhost:8000", "localhost:3000", false),
            ("http://127.0.0.1:3000", "localhost:3000", false),
            ("http://localhost:3000.example", "localhost:3000", false),
            (
                "http://localhost:3000@evil.example",
                "localhost:3000",
                false,
            ),
            ("http://localhost:3000/", "localhost:3000", false),
            ("ftp://localhost:3000", "localhost:3000", false),
            ("file://", "localhost:3000", false),
            ("null", "localhost:3000", false),
            ("", "localhost:3000", false),
        ] {
            assert_eq!(is_of(origin, host), expected, "{origin} {host}");
        }
    }

    #[test]
    fn further_origins_are_allowed_with_their_scheme_and_port() {
        let allowed: AllowedOrigin = "https://App.example/".parse().expect("an origin");
        let is = |text| allowed.is(Origin::parse(text).as_ref());
        assert!(is("https://app.example") && is("https://app.example:443"));
        assert!(!is("http://app.example") && !is("https://app.example:8443") && !is("null"));
        for wrong in [
            "",
            "null",
            "app.example",
            "http://a/b",
            "file:///a",
            "http://",
        ] {
            assert!(wrong.parse::<AllowedOrigin>().is_err(), "{wrong}");
        }
    }
}
