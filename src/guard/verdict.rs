//! The decision on one request.

use std::borrow::Cow;

use http::header::{HOST, HeaderName, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Uri, Version};

use super::Guard;
use super::host::{Host, NamedHost};
use super::origin::Origin;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Characters of a refused name that are shown.
const SHOWN: usize = 100;

/// Verdict on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted: from the server's own page, or not from a page.
    Own,
    /// Accepted: from a page of this allowed origin, as the browser wrote it.
    Allowed(HeaderValue),
    /// Refused, for this reason.
    Refused(String),
}

impl Guard {
    /// Decides on a request by its head.
    #[must_use]
    pub fn judge(
        &self,
        method: &Method,
        uri: &Uri,
        version: Version,
        headers: &HeaderMap,
    ) -> Verdict {
        let host = match self.host(uri, version, headers) {
            Ok(host) => host,
            Err(refusal) => return Verdict::Refused(refusal),
        };
        let foreign = || {
            let text = "only this server's own pages may ask for this in a browser";
            Verdict::Refused(text.to_owned())
        };
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(given) = origins.next() else {
            return if comes_from_elsewhere(method, headers) {
                foreign()
            } else {
                Verdict::Own
            };
        };
        let origin = given.to_str().ok().and_then(Origin::parse);
        let is_own = || {
            let (host, port) = host.as_deref()?;
            Some(origin.as_ref()?.is_of(host, *port))
        };
        if origins.next().is_some() {
            foreign()
        } else if is_own() == Some(true) && text(headers, SEC_FETCH_SITE) != Some("cross-site") {
            Verdict::Own
        } else if self.origins.iter().any(|it| it.is(origin.as_ref())) {
            Verdict::Allowed(given.clone())
        } else {
            foreign()
        }
    }

    /// The host that a request is for. `None` for HTTP/1.0 without a host, which no browser sends.
    ///
    /// # Errors
    /// The refusal, for a host that is not allowed or not clear.
    fn host(
        &self,
        uri: &Uri,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<Option<Cow<'_, NamedHost>>, String> {
        let mut named = headers.get_all(HOST).iter();
        let header = named.next();
        if named.next().is_some() {
            return Err("more than one Host; use an IP address or localhost".to_owned());
        }
        // The host of a target that is a whole URL wins over the header; HTTP/2 has only the target.
        let target = uri.authority().map(http::uri::Authority::as_str);
        if target.is_none()
            && let Some((usual, host)) = self.usual.get()
            && header == Some(usual)
        {
            return Ok(Some(Cow::Borrowed(host)));
        }
        let name = header.map(|value| value.to_str().unwrap_or_default());
        let mut found = None;
        for text in [target, name].into_iter().flatten() {
            match Host::parse(text) {
                Some(host) if self.hosts.allow(&host.0) => found = found.or(Some(host)),
                _ => return Err(self.unknown(text)),
            }
        }
        if found.is_none() && version >= Version::HTTP_11 {
            return Err("no Host; use an IP address or localhost".to_owned());
        }
        if target.is_none()
            && let (Some(header), Some(host)) = (header, &found)
        {
            // It stays as it is when another request was first.
            self.usual.get_or_init(|| (header.clone(), host.clone()));
        }
        Ok(found.map(Cow::Owned))
    }

    fn unknown(&self, host: &str) -> String {
        let shown: String = host.chars().take(SHOWN).collect();
        let hint = self.hint;
        format!(
            "{shown:?} is not a host that may be asked for here: use an IP address or localhost, or \
             allow the name with {hint}"
        )
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// True if `Sec-Fetch-*` headers tell that a page of another site sends the request, without naming its
/// origin. Such a page may link here, but it may neither embed a response nor change anything.
fn comes_from_elsewhere(method: &Method, headers: &HeaderMap) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
        && !headers.contains_key(UPGRADE);
    match text(headers, SEC_FETCH_SITE) {
        Some("cross-site") => {
            let mode = text(headers, SEC_FETCH_MODE).unwrap_or("navigate");
            let dest = text(headers, SEC_FETCH_DEST).unwrap_or("document");
            !(reads && mode == "navigate" && dest == "document")
        }
        // Another port of the same name: pages of it may show pictures from here.
        Some("same-site") => !reads,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Hosts;

    fn judge(method: Method, target: &str, headers: &[(HeaderName, &'static str)]) -> Verdict {
        let allowed = vec!["https://app.example".parse().expect("an origin")];
        let guard = Guard::new(Hosts::default(), allowed, "--allow-host");
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(name, HeaderValue::from_static(value));
        }
        let uri: Uri = target.parse().expect("a target");
        guard.judge(&method, &uri, Version::HTTP_11, &all)
    }

    fn refused(method: Method, headers: &[(HeaderName, &'static str)]) -> bool {
        matches!(judge(method, "/", headers), Verdict::Refused(_))
    }

    #[test]
    fn a_request_names_one_host_that_is_allowed() {
        for (host, expected) in [
            ("localhost:3000", true),
            ("127.0.0.1:3000", true),
            ("[::1]:3000", true),
            ("lab.example:3000", false),
            ("localhost.example", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(!refused(Method::GET, &[(HOST, host)]), expected, "{host}");
        }
        assert!(refused(Method::GET, &[]));
        let twice = [(HOST, "localhost"), (HOST, "lab.example")];
        assert!(refused(Method::GET, &twice));
        assert!(refused(
            Method::GET,
            &[(HOST, "localhost"), (HOST, "localhost")]
        ));
    }

    #[test]
    fn that_a_host_was_allowed_before_changes_no_verdict() {
        let guard = Guard::new(Hosts::default(), Vec::new(), "");
        let judge = |host: &'static str, origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            headers.extend(origin.map(|it| (ORIGIN, HeaderValue::from_static(it))));
            let uri = Uri::from_static("/");
            guard.judge(&Method::GET, &uri, Version::HTTP_11, &headers) == Verdict::Own
        };
        for _ in 0..2 {
            assert!(!judge("evil.example", None));
            assert!(judge("localhost:3000", None));
            assert!(judge("localhost:3000", Some("http://localhost:3000")));
            assert!(!judge("localhost:3000", Some("http://127.0.0.1:3000")));
            assert!(judge("127.0.0.1:3000", Some("http://127.0.0.1:3000")));
            assert!(!judge("127.0.0.1:3000", Some("http://localhost:3000")));
        }
        let target = Uri::from_static("http://evil.example/");
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost:3000"));
        let verdict = guard.judge(&Method::GET, &target, Version::HTTP_11, &headers);
        assert!(matches!(verdict, Verdict::Refused(_)));
    }

    #[test]
    fn a_target_with_a_host_is_judged_by_it_too() {
        let host = [(HOST, "localhost:3000")];
        let own = judge(Method::GET, "http://127.0.0.1:3000/", &host);
        assert_eq!(own, Verdict::Own);
        for target in ["http://evil.example/", "http://user@localhost:3000/"] {
            let verdict = judge(Method::GET, target, &host);
            assert!(matches!(verdict, Verdict::Refused(_)), "{target}");
        }
        let evil = [(HOST, "evil.example")];
        let verdict = judge(Method::GET, "http://localhost:3000/", &evil);
        assert!(matches!(verdict, Verdict::Refused(_)));
    }

    #[test]
    fn only_http_1_0_may_name_no_host() {
        let guard = Guard::new(Hosts::default(), Vec::new(), "");
        let none = HeaderMap::new();
        let uri = Uri::from_static("/");
        let old = guard.judge(&Method::GET, &uri, Version::HTTP_10, &none);
        assert_eq!(old, Verdict::Own);
        let new = guard.judge(&Method::GET, &uri, Version::HTTP_11, &none);
        assert!(matches!(new, Verdict::Refused(_)));
        // A browser that hid its Host would still name the page.
        let mut origin = HeaderMap::new();
        origin.insert(ORIGIN, HeaderValue::from_static("http://evil.example"));
        let page = guard.judge(&Method::GET, &uri, Version::HTTP_10, &origin);
        assert!(matches!(page, Verdict::Refused(_)));
    }

    #[test]
    fn only_own_pages_and_allowed_ones_ask() {
        let host = (HOST, "localhost:3000");
        for (origin, expected) in [
            ("http://localhost:3000", true),
            ("https://localhost:3000", true),
            ("https://app.example", true),
            ("http://app.example", false),
            ("http://localhost:8000", false),
            ("http://127.0.0.1:3000", false),
            ("http://localhost:3000.example", false),
            ("null", false),
            ("", false),
        ] {
            for method in [Method::GET, Method::POST, Method::OPTIONS] {
                let headers = [host.clone(), (ORIGIN, origin)];
                assert_eq!(!refused(method, &headers), expected, "{origin}");
            }
            let socket = [host.clone(), (ORIGIN, origin), (UPGRADE, "websocket")];
            assert_eq!(!refused(Method::GET, &socket), expected, "{origin}");
        }
        let two = [
            host.clone(),
            (ORIGIN, "http://localhost:3000"),
            (ORIGIN, "http://evil.example"),
        ];
        assert!(refused(Method::POST, &two));
        assert!(!refused(Method::POST, &[host]));
    }

    #[test]
    fn a_page_of_another_site_may_link_here_but_load_and_change_nothing() {
        let from = |site, mode, dest| {
            vec![
                (HOST, "localhost:3000"),
                (SEC_FETCH_SITE, site),
                (SEC_FETCH_MODE, mode),
                (SEC_FETCH_DEST, dest),
            ]
        };
        let link = from("cross-site", "navigate", "document");
        assert!(!refused(Method::GET, &link));
        assert!(refused(Method::POST, &link));
        for (mode, dest) in [
            ("no-cors", "image"),
            ("no-cors", "script"),
            ("no-cors", "empty"),
            ("cors", "empty"),
            ("navigate", "iframe"),
        ] {
            assert!(
                refused(Method::GET, &from("cross-site", mode, dest)),
                "{mode}"
            );
        }
        assert!(!refused(
            Method::GET,
            &from("same-site", "no-cors", "image")
        ));
        assert!(refused(
            Method::POST,
            &from("same-site", "no-cors", "empty")
        ));
        for site in ["same-origin", "none"] {
            assert!(
                !refused(Method::POST, &from(site, "cors", "empty")),
                "{site}"
            );
        }
        let cross = [(HOST, "localhost:3000"), (SEC_FETCH_SITE, "cross-site")];
        assert!(refused(Method::PUT, &cross));
        assert!(!refused(Method::GET, &cross));
    }
}
