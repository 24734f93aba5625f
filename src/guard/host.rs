//! The host names that requests to a server may have.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Names that may stand in `Host`. IP addresses and `localhost` always may.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: Vec<Name>,
    own: Option<String>,
    any_without_dot: bool,
}

impl Hosts {
    /// These names beside IP addresses and `localhost`.
    #[must_use]
    pub fn new(names: Vec<Name>) -> Self {
        Self {
            names,
            ..Self::default()
        }
    }

    /// Allows this machine's own name, which it resolves without a DNS server.
    #[must_use]
    pub fn and_own_name(mut self, name: &str) -> Self {
        self.own = match Host::parse(name) {
            Some((Host::Name(name), None)) => Some(name),
            _ => None,
        };
        self
    }

    /// Allows every name without a dot, as containers and services use for one another: nobody can
    /// register such a name in the public DNS. Whoever controls the resolver of a network can still
    /// answer for it.
    #[must_use]
    pub fn and_names_without_dot(mut self) -> Self {
        self.any_without_dot = true;
        self
    }

    pub(super) fn allow(&self, host: &Host) -> bool {
        match host {
            Host::Address(_) => true,
            Host::Name(name) => {
                name == "localhost"
                    || self.own.as_ref() == Some(name)
                    || (self.any_without_dot && !name.contains('.'))
                    || self.names.iter().any(|allowed| allowed.is(name))
            }
        }
    }
}

/// A name that is allowed: `lab.example`, all names below one as `*.lab.example`, or `*` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Pattern);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Any,
    One(String),
    Below(String),
}

impl Name {
    fn is(&self, name: &str) -> bool {
        match &self.0 {
            Pattern::Any => true,
            Pattern::One(own) => own == name,
            Pattern::Below(suffix) => name
                .strip_suffix(suffix.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        }
    }
}

/// As it was written.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::Any => f.write_str("*"),
            Pattern::One(name) => f.write_str(name),
            Pattern::Below(name) => write!(f, "*.{name}"),
        }
    }
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a host name without a port, *.name for all names below one, or * for any";
        if text == "*" {
            return Ok(Self(Pattern::Any));
        }
        let (pattern, text): (fn(String) -> Pattern, _) = match text.strip_prefix("*.") {
            Some(rest) => (Pattern::Below, rest),
            None => (Pattern::One, text),
        };
        match Host::parse(text) {
            Some((Host::Name(name), None)) => Ok(Self(pattern(name))),
            // Allowed already; a list may name it all the same.
            Some((address @ Host::Address(_), None)) => Ok(Self(Pattern::One(address.to_string()))),
            _ => Err(wrong),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// A host as a URL or `Host` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// In lower case, without a dot at its end.
    Name(String),
    Address(IpAddr),
}

/// A host and the port behind it.
pub(super) type NamedHost = (Host, Option<u16>);

impl Host {
    /// Parses `host` or `host:port`. `None` for anything else, such as a host with a user before it.
    pub(super) fn parse(text: &str) -> Option<NamedHost> {
        if let Some(rest) = text.strip_prefix('[') {
            let (inside, rest) = rest.split_once(']')?;
            // A zone names the link of an address, which does not matter here.
            let inside = inside
                .split_once('%')
                .map_or(inside, |(address, _)| address);
            let address: Ipv6Addr = inside.parse().ok()?;
            return Some((Self::Address(address.into()), port(rest)?));
        }
        let end = text.find(':').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let name = name.strip_suffix('.').unwrap_or(name);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
            return None;
        }
        let host = match name.parse::<Ipv4Addr>() {
            Ok(address) => Self::Address(address.into()),
            Err(_) => Self::Name(name.to_ascii_lowercase()),
        };
        Some((host, port(rest)?))
    }
}

/// The port of `:80`. `None` for an empty text and for a colon alone.
fn port(text: &str) -> Option<Option<u16>> {
    match text.strip_prefix(':') {
        None if text.is_empty() => Some(None),
        Some("") => Some(None),
        Some(digits) if digits.bytes().all(|it| it.is_ascii_digit()) => {
            digits.parse().ok().map(Some)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(hosts: &Hosts, text: &str) -> bool {
        Host::parse(text).is_some_and(|(host, _)| hosts.allow(&host))
    }

    #[test]
    fn only_names_that_nobody_else_can_give_are_allowed() {
        let hosts = Hosts::default();
        for host in [
            "localhost",
            "localhost:3000",
            "LOCALHOST.",
            "127.0.0.1:3000",
            "127.0.0.1.",
            "[::1]:3000",
            "[fe80::1%25eth0]:3000",
            "192.168.0.7",
            "localhost:",
        ] {
            assert!(allows(&hosts, host), "{host}");
        }
        for host in [
            "lab.example:3000",
            "localhost.example",
            "localhost..",
            "127.0.0.1.example",
            "127.0.0.1.nip.io",
            "2130706433",
            "0x7f.1",
            "app-a",
            "user@localhost",
            "localhost@evil.example",
            "localhost:3000@evil.example",
            "localhost:port",
            "localhost:99999",
            "localhost:+80",
            "localhost/evil",
            "[::1",
            "[evil.example]",
            "::1",
            "",
            ".",
            ".localhost",
            "a b",
            "löcalhost",
        ] {
            assert!(!allows(&hosts, host), "{host}");
        }
        let own = Hosts::default().and_own_name("My-Machine");
        assert!(allows(&own, "my-machine:3000") && !allows(&own, "other:3000"));
        let of_containers = Hosts::default().and_names_without_dot();
        assert!(allows(&of_containers, "app-a:8000"));
        assert!(!allows(&of_containers, "app-a.example:8000"));
    }

    #[test]
    fn further_names_are_allowed_one_by_one_below_one_or_all() {
        let hosts = |name: &str| Hosts {
            names: vec![name.parse().expect("a name")],
            ..Hosts::default()
        };
        let one = hosts("Lab.example");
        assert!(allows(&one, "lab.EXAMPLE.:9090"));
        assert!(!allows(&one, "a.lab.example"));
        assert!(!allows(&one, "evil-lab.example"));
        let below = hosts("*.lab.example");
        assert!(allows(&below, "a.lab.example") && allows(&below, "a.b.lab.example:1"));
        assert!(!allows(&below, "lab.example"));
        assert!(!allows(&below, "evillab.example"));
        assert!(allows(&hosts("*"), "evil.example"));
        for wrong in ["", "lab:80", "http://lab", "a b", "*.*", "a*", "*."] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
    }
}
