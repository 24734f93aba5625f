//! Stands before every route: other pages must not act through a person's browser, and no answer
//! may load or run anything from elsewhere.
//!
//! The console has no login. What protects it is that only this machine can reach it, and a browser
//! here opens pages of others. So a request must be meant for this console by its `Host` (a name that
//! a stranger's DNS leads here is not), and one that changes something must come from its own page.

use std::net::IpAddr;

use http::uri::Authority;
use salvo::http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, UPGRADE,
    X_CONTENT_TYPE_OPTIONS,
};
use salvo::http::{HeaderMap, HeaderValue, Method, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use super::answer;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Nothing but the console's own files; no inline script, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// Checks the request, then sets the headers of the answer.
pub(super) struct Guard;

#[async_trait]
impl Handler for Guard {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        match refusal(req.method(), req.headers()) {
            Some(text) => {
                answer::error(req, res, StatusCode::FORBIDDEN, &text);
                ctrl.skip_rest();
            }
            None => {
                ctrl.call_next(req, depot, res).await;
                // No route took it, or not with this method.
                if res.body.is_none() {
                    match res.status_code {
                        Some(status @ StatusCode::NOT_FOUND) => {
                            answer::error(req, res, status, "there is nothing at this address");
                        }
                        Some(status @ StatusCode::METHOD_NOT_ALLOWED) => {
                            answer::error(req, res, status, "not with this method; see Allow");
                        }
                        _ => {}
                    }
                }
            }
        }
        let headers = res.headers_mut();
        for (name, value) in [
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// Why a request is not let in.
fn refusal(method: &Method, headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST).unwrap_or_default();
    if headers.get_all(HOST).iter().count() != 1 || !is_here(host) {
        return Some("open the console by an IP address or as localhost".to_owned());
    }
    let only_reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    if only_reads && !headers.contains_key(UPGRADE) {
        return None;
    }
    let foreign = match headers.get(ORIGIN) {
        Some(origin) => !is_origin_of(origin, host),
        // A browser always says where such a request comes from, other programs never do.
        None => false,
    };
    if foreign || text(SEC_FETCH_SITE) == Some("cross-site") {
        return Some("only the console's own page may ask for this".to_owned());
    }
    None
}

/// Whether a name is one that nobody else can give to this machine.
fn is_here(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Whether pages of an origin come from `host`. Something may add TLS in between.
fn is_origin_of(origin: &HeaderValue, host: &str) -> bool {
    let own = |origin: &str| {
        let rest = origin.strip_prefix("http://");
        let rest = rest.or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
    };
    origin.to_str().is_ok_and(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: Method, headers: &[(HeaderName, &'static str)]) -> bool {
        let headers = headers.iter().cloned();
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(name, value);
        }
        refusal(&method, &all).is_some()
    }

    #[test]
    fn only_names_that_nobody_else_can_give_are_hosts() {
        for (host, expected) in [
            ("localhost:3000", true),
            ("LOCALHOST", true),
            ("127.0.0.1:3000", true),
            ("[::1]:3000", true),
            ("192.168.0.7", true),
            ("lab.example:3000", false),
            ("localhost.example", false),
            ("127.0.0.1.example", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(!refused(Method::GET, &[(HOST, host)]), expected, "{host}");
        }
        assert!(refused(Method::GET, &[]));
        let twice = [(HOST, "localhost"), (HOST, "lab.example")];
        assert!(refused(Method::GET, &twice));
    }

    #[test]
    fn only_the_own_page_changes_something() {
        let host = (HOST, "localhost:3000");
        for (origin, expected) in [
            ("http://localhost:3000", true),
            ("https://localhost:3000", true),
            ("http://localhost:8000", false),
            ("http://127.0.0.1:3000", false),
            ("http://localhost:3000.example", false),
            ("null", false),
            ("", false),
        ] {
            let headers = [host.clone(), (ORIGIN, origin)];
            assert_eq!(!refused(Method::POST, &headers), expected, "{origin}");
            assert!(!refused(Method::GET, &headers), "{origin}");
            let socket = [host.clone(), (ORIGIN, origin), (UPGRADE, "websocket")];
            assert_eq!(!refused(Method::GET, &socket), expected, "{origin}");
        }
        let cross = [host.clone(), (SEC_FETCH_SITE, "cross-site")];
        assert!(refused(Method::PUT, &cross));
        assert!(!refused(Method::GET, &cross));
        assert!(!refused(Method::POST, &[host]));
    }
}
