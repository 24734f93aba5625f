//! `ip("…")`: addresses in lines and labels, compared with an address, a range or a network.

use std::net::IpAddr;

/// The pattern that an address is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum IpPattern {
    /// `192.168.0.1`
    Address(IpAddr),
    /// `192.168.0.1-192.168.0.23`
    Range(IpAddr, IpAddr),
    /// `192.168.0.0/16`
    Network(IpAddr, u8),
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl IpPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is not a pattern; the message is Loki's.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        Self::read(text).ok_or_else(|| {
            let quoted = crate::logs::store::Quoted(text);
            format!("ip: invalid pattern: {quoted}")
        })
    }

    fn read(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        if let Some((address, len)) = text.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let plain = !len.is_empty()
                && len.bytes().all(|b| b.is_ascii_digit())
                && (len == "0" || !len.starts_with('0'));
            let len: u8 = len.parse().ok().filter(|_| plain)?;
            return (len <= width(address)).then_some(Self::Network(address, len));
        }
        let (first, last) = text.split_once('-')?;
        let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
        let is_range = first.is_ipv4() == last.is_ipv4() && first <= last;
        is_range.then_some(Self::Range(first, last))
    }

    fn contains(self, address: IpAddr) -> bool {
        match self {
            Self::Address(own) => own == address,
            Self::Range(first, last) => {
                first.is_ipv4() == address.is_ipv4() && (first..=last).contains(&address)
            }
            Self::Network(network, len) => {
                let host_bits = u32::from(width(network) - len);
                network.is_ipv4() == address.is_ipv4()
                    && bits(network).checked_shr(host_bits).unwrap_or(0)
                        == bits(address).checked_shr(host_bits).unwrap_or(0)
            }
        }
    }

    /// Searches a text for an address that matches. As in Loki the first bytes of a word decide
    /// whether an address may begin there.
    pub(crate) fn is_in(self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let is_part: fn(&u8) -> bool = if begins_v4(rest) {
                |byte| byte.is_ascii_digit() || *byte == b'.'
            } else if begins_v6(rest) {
                |byte| byte.is_ascii_hexdigit() || matches!(*byte, b':' | b'.')
            } else {
                at += 1;
                continue;
            };
            let len = rest.iter().take_while(|byte| is_part(byte)).count();
            let address = text.get(at..at + len).and_then(|part| part.parse().ok());
            if address.is_some_and(|address| self.contains(address)) {
                return true;
            }
            at += len + 1;
        }
        false
    }
}

fn begins_v4(bytes: &[u8]) -> bool {
    match bytes {
        [first, a, b, c, ..] => first.is_ascii_digit() && [a, b, c].contains(&&b'.'),
        _ => false,
    }
}

fn begins_v6(bytes: &[u8]) -> bool {
    let Some(first) = bytes.get(..5) else {
        return false;
    };
    let digits = first
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    match digits {
        0 => matches!(first, [b':', b':', third, ..] if third.is_ascii_hexdigit()),
        _ => first.get(digits) == Some(&b':'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_ranges_and_networks_are_found_in_lines() {
        let cases = [
            ("192.168.0.1", "from 192.168.0.1 to", true),
            ("192.168.0.1", "from 192.168.0.11 to", false),
            ("192.168.4.5/16", "src=192.168.99.1:80", true),
            ("10.0.0.1-10.0.0.9", "x 10.0.0.9", true),
            ("10.0.0.1-10.0.0.9", "x 10.0.0.10", false),
            ("::1", "addr [::1]:80", true),
            ("2001:db8::/32", "a=2001:db8::ff00:42:8329", true),
            ("2001:db8::/32", "a=2001:db9::1", false),
            ("0.0.0.0/0", "no address", false),
            ("0.0.0.0/0", "1.2.3.4", true),
        ];
        for (pattern, line, expected) in cases {
            assert_eq!(
                IpPattern::new(pattern).unwrap().is_in(line),
                expected,
                "{pattern} {line}"
            );
        }
        for bad in [
            "",
            "x",
            "1.2.3",
            "1.2.3.4/33",
            "1.2.3.4-::1",
            "2.0.0.0-1.0.0.0",
            "1.2.3.4/08",
        ] {
            assert!(IpPattern::new(bad).is_err(), "{bad}");
        }
    }
}
