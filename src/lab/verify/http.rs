//! The servers under test: requests with parameters, a login and forms, and their JSON answers.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::Full;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::finding::Finding;
use crate::client::{Bounds, Client, Failure, Size};
use crate::lab::excerpt::excerpt;

/// Longest time for one request; the slowest route of the service takes five seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// Largest answer that is read, in bytes.
const LARGEST: usize = 32 << 20;

/// Idle connections that are kept for each server. All promises ask at the same time.
const IDLE: usize = 64;

/// Characters that are percent-encoded in a query string.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A base URL cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL.
    #[error("{0:?} is no URL; expected one like http://127.0.0.1:3200")]
    Malformed(String),
    /// TLS is not supported.
    #[error("{0:?} uses https, which is not spoken here; put a proxy that ends TLS before it")]
    Https(String),
    /// A login, which would be shown in the report. The URL is not repeated.
    #[error(
        "the URL has a login, which the report would show; give Grafana's with --grafana-user and \
         --grafana-password-file"
    )]
    Login,
}

/// One server, by the URL that its paths are added to.
#[derive(Clone)]
pub struct Server {
    client: Client,
    base: String,
    authority: String,
    authorization: Option<HeaderValue>,
}

/// Response of a server.
#[derive(Debug)]
pub struct Response {
    /// The request, as a person could repeat it.
    pub asked: String,
    /// HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

impl Server {
    /// A server at a base URL, `http://host:port` with or without a path.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn new(url: &str) -> Result<Self, UrlError> {
        let malformed = || UrlError::Malformed(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        let authority = uri.authority().ok_or_else(malformed)?.to_string();
        if authority.contains('@') {
            return Err(UrlError::Login);
        }
        match uri.scheme_str() {
            Some("http") if uri.query().is_none() => {}
            Some("https") => return Err(UrlError::Https(url.to_owned())),
            _ => return Err(malformed()),
        }
        Ok(Self {
            client: Client::new(IDLE, None),
            base: url.trim_end_matches('/').to_owned(),
            authority,
            authorization: None,
        })
    }

    /// With basic authentication.
    #[must_use]
    pub fn with_login(mut self, user: &str, password: &str) -> Self {
        use base64::Engine;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        self.authorization = HeaderValue::try_from(format!("Basic {pair}")).ok();
        self
    }

    /// The URL that it was made with.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Host and port.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// GET with parameters; any status is an answer.
    ///
    /// # Errors
    /// A finding when no answer came.
    pub async fn get(&self, path: &str, params: &[(&str, &str)]) -> Result<Response, Finding> {
        self.get_with(path, params, &[]).await
    }

    /// GET with parameters and further headers; any status is an answer.
    ///
    /// # Errors
    /// A finding when no answer came.
    pub async fn get_with(
        &self,
        path: &str,
        params: &[(&str, &str)],
        headers: &[(HeaderName, &str)],
    ) -> Result<Response, Finding> {
        let mut url = format!("{}{path}", self.base);
        if !params.is_empty() {
            url.push('?');
            url.push_str(&form(params));
        }
        let asked = curl("-sG", &format!("{}{path}", self.base), params);
        self.send(Method::GET, &url, asked, headers, Bytes::new())
            .await
    }

    /// POST of a form; any status is an answer.
    ///
    /// # Errors
    /// A finding when no answer came.
    pub async fn post(&self, path: &str, params: &[(&str, &str)]) -> Result<Response, Finding> {
        let url = format!("{}{path}", self.base);
        let asked = curl("-s", &url, params);
        let headers = [(CONTENT_TYPE, "application/x-www-form-urlencoded")];
        self.send(Method::POST, &url, asked, &headers, form(params).into())
            .await
    }

    /// POST of JSON; any status is an answer.
    ///
    /// # Errors
    /// A finding when no answer came.
    pub async fn post_json(&self, path: &str, body: &Value) -> Result<Response, Finding> {
        let url = format!("{}{path}", self.base);
        let asked = format!("POST {url}");
        let headers = [(CONTENT_TYPE, "application/json")];
        self.send(Method::POST, &url, asked, &headers, body.to_string().into())
            .await
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        asked: String,
        headers: &[(HeaderName, &str)],
        body: Bytes,
    ) -> Result<Response, Finding> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(ACCEPT, "application/json");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        if let Some(login) = &self.authorization {
            request = request.header(AUTHORIZATION, login);
        }
        let request = match request.body(Full::new(body)) {
            Ok(request) => request,
            Err(error) => return Err(Finding::new(asked, error.to_string()).settled()),
        };
        let bounds = Bounds {
            time: PATIENCE,
            size: Size::Whole(LARGEST),
        };
        match self.client.exchange(request, bounds).await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                Ok(Response {
                    asked,
                    status: head.status.as_u16(),
                    headers: head.headers,
                    body: String::from_utf8_lossy(&body).into_owned(),
                })
            }
            Err(Failure::Late(time)) => {
                let came = format!("no answer within {} s", time.as_secs());
                Err(Finding::new(asked, came))
            }
            Err(failure) => {
                let came = format!("no answer: {}", failure.cause());
                Err(Finding::new(asked, came))
            }
        }
    }
}

impl Response {
    /// A finding about this response, which is not as expected.
    #[must_use]
    pub fn finding(&self, came: impl Into<String>) -> Finding {
        Finding::new(&self.asked, came)
    }

    /// The body as JSON, of an answer with status 2xx.
    ///
    /// # Errors
    /// A finding with the status and the body.
    pub fn json(&self) -> Result<Value, Finding> {
        if !(200..300).contains(&self.status) {
            let came = format!("HTTP {}: {}", self.status, excerpt(&self.body));
            return Err(self.finding(came));
        }
        serde_json::from_str(&self.body).map_err(|error| {
            let came = format!("no JSON ({error}): {}", excerpt(&self.body));
            self.finding(came)
        })
    }
}

/// The request as a command that a person can repeat.
fn curl(flags: &str, url: &str, params: &[(&str, &str)]) -> String {
    let mut command = format!("curl {flags} '{url}'");
    for (name, value) in params {
        let value = value.replace('\'', r"'\''");
        let _ = write!(command, " --data-urlencode '{name}={value}'");
    }
    command
}

fn form(params: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in params {
        if !text.is_empty() {
            text.push('&');
        }
        let _ = write!(
            text,
            "{}={}",
            utf8_percent_encode(name, ESCAPED),
            utf8_percent_encode(value, ESCAPED)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_urls_are_taken() {
        assert_eq!(
            Server::new("http://h:1/p/").map(|it| it.base).ok(),
            Some("http://h:1/p".into())
        );
        assert!(matches!(Server::new("https://h"), Err(UrlError::Https(_))));
        assert!(matches!(Server::new("http://a:b@h"), Err(UrlError::Login)));
        for wrong in [
            "",
            "127.0.0.1:3200",
            "ftp://h",
            "http://",
            "/x",
            "http://h/?q",
        ] {
            assert!(
                matches!(Server::new(wrong), Err(UrlError::Malformed(_))),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_request_is_told_as_a_command_that_a_shell_takes_as_it_is() {
        let command = curl("-sG", "http://h", &[("q", "{a='b'}")]);
        assert_eq!(
            command,
            r"curl -sG 'http://h' --data-urlencode 'q={a='\''b'\''}'"
        );
    }

    #[test]
    fn parameters_are_escaped_whole() {
        assert_eq!(
            form(&[("q", "{a=\"b\"} + é&")]),
            "q=%7Ba%3D%22b%22%7D%20%2B%20%C3%A9%26"
        );
    }
}
