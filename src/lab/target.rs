//! Servers as they are named on the command line.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::bail;
use http::Uri;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for a first connection to a target.
const PATIENCE: Duration = Duration::from_secs(3);

/// A target as it is written.
pub(super) fn base(target: &Uri) -> String {
    target.to_string().trim_end_matches('/').to_owned()
}

/// True if a target is on this machine. A name other than `localhost` could lead anywhere.
pub(super) fn is_loopback(target: &Uri) -> bool {
    let host = target.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A URL of plain HTTP with nothing behind the port, and without a login: it would not be sent, but shown in reports and
/// to everyone who asks the console.
pub(super) fn http_url(text: &str) -> Result<Uri, String> {
    let wrong = || "give it as http://host:port".to_owned();
    let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| wrong())?;
    let authority = uri.authority().map_or("@", |it| it.as_str());
    let plain = uri.scheme_str() == Some("http")
        && uri.path() == "/"
        && uri.query().is_none()
        && !authority.contains('@');
    if plain { Ok(uri) } else { Err(wrong()) }
}

/// Checks before the first request that a server listens. `advice` says what to do when it does not.
///
/// # Errors
/// When nobody listens there.
pub(super) async fn reach(target: &Uri, advice: &str) -> anyhow::Result<()> {
    let host = target.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = target.port_u16().unwrap_or(80);
    let problem = match timeout(PATIENCE, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no connection within {} s", PATIENCE.as_secs()),
    };
    bail!("{} cannot be reached: {problem}; {advice}", base(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (target, here) in [
            ("http://127.0.0.1:8000", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:8000", true),
            ("http://localhost:8000", true),
            ("http://localhost.example.org", false),
            ("http://192.168.0.1:8000", false),
            ("http://0.0.0.0:8000", false),
            ("http://[2001:db8::1]", false),
        ] {
            let uri = http_url(target).expect("a URL");
            assert_eq!(is_loopback(&uri), here, "{target}");
        }
    }

    #[test]
    fn only_plain_http_urls_without_a_path_are_targets() {
        for wrong in [
            "",
            "127.0.0.1:8000",
            "https://127.0.0.1",
            "http://h/path",
            "http://h/?q",
            "http://me@h",
            "http://",
        ] {
            assert!(http_url(wrong).is_err(), "{wrong:?}");
        }
    }
}
