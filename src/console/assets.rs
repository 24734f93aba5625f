//! Serves static files: with gzip if the browser accepts it, with 304 if the browser has the current version.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use salvo::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use salvo::http::{HeaderMap, HeaderValue, StatusCode};
use salvo::{Request, Response, handler};

use super::files::{File, Files};
use super::{answer, path};

/// The HTML page of every view.
const INDEX: &str = "index.html";

/// The files and their compressed content.
pub(super) struct Assets {
    files: Files,
    /// By hash of the content. Holds embedded files only, which bounds its size.
    compressed: Mutex<HashMap<[u8; 32], Option<Bytes>>>,
}

/// Handler for `/assets/`.
pub(super) struct Asset(pub(super) Arc<Assets>);

/// Handler for the HTML page.
pub(super) struct Index(pub(super) Arc<Assets>);

#[handler]
impl Asset {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        let segments = req.uri().path().strip_prefix("/assets/");
        match segments.and_then(path::segments) {
            Some(segments) => self.0.answer(&segments, req, res).await,
            None => absent(req, res),
        }
    }
}

#[handler]
impl Index {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        self.0.answer(&[INDEX.into()], req, res).await;
    }
}

fn absent(req: &Request, res: &mut Response) {
    answer::error(req, res, StatusCode::NOT_FOUND, "no such file");
}

impl Assets {
    pub(super) fn new(files: Files) -> Self {
        Self {
            files,
            compressed: Mutex::default(),
        }
    }

    async fn answer(&self, path: &[std::borrow::Cow<'_, str>], req: &Request, res: &mut Response) {
        let Some(file) = self.files.read(path).await else {
            return absent(req, res);
        };
        let name = path.last().map_or("", |name| name);
        let media_type = media_type(name);
        let compressed = match takes_gzip(req.headers()) && is_text(media_type) {
            true => self.compressed(&file).await,
            false => None,
        };
        // A strong ETag identifies exact bytes, so each encoding needs its own.
        let suffix = if compressed.is_some() { "-gzip" } else { "" };
        let tag = format!("\"{}{suffix}\"", hex(&file.hash[..16]));

        let headers = res.headers_mut();
        // The browser revalidates on each load; an unchanged file costs no body.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        let known = is_known(req.headers(), &tag);
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(ETAG, tag);
        }
        if known {
            res.status_code(StatusCode::NOT_MODIFIED);
            return;
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if compressed.is_some() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let body = compressed.unwrap_or(file.content);
        // Set explicitly for HEAD, whose response has no body to measure.
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        res.status_code(StatusCode::OK);
        res.body(body);
    }

    /// The compressed content; none if compression does not make it smaller.
    async fn compressed(&self, file: &File) -> Option<Bytes> {
        // Files of a folder change during development and travel over loopback: not worth compressing.
        if !self.files.are_fixed() {
            return None;
        }
        if let Some(known) = self.compressed.lock().get(&file.hash) {
            return known.clone();
        }
        let content = file.content.clone();
        let smaller = tokio::task::spawn_blocking(move || {
            gzip(&content).filter(|compressed| compressed.len() < content.len())
        });
        let smaller = smaller.await.ok()?;
        self.compressed.lock().insert(file.hash, smaller.clone());
        smaller
    }
}

fn gzip(content: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).ok()?;
    Some(encoder.finish().ok()?.into())
}

/// The media type for a file extension.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "txt" | "md" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/") || media_type.ends_with("json") || media_type.ends_with("xml")
}

/// True if gzip is an accepted encoding with a weight above 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut gzip = None;
    let mut any = None;
    for item in items(headers, ACCEPT_ENCODING) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameters.trim().trim_start_matches(['q', 'Q', '=', ' ']);
        let wanted = weight.is_empty() || weight.parse::<f32>().is_ok_and(|weight| weight > 0.0);
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") => gzip = Some(wanted),
            "*" => any = Some(wanted),
            _ => {}
        }
    }
    gzip.or(any).unwrap_or(false)
}

/// True if `If-None-Match` names the tag, by weak comparison
/// ([RFC 9110, 13.1.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2)).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    items(headers, IF_NONE_MATCH).any(|it| it == "*" || it.trim_start_matches("W/") == tag)
}

/// The list items of all headers with a name.
fn items(headers: &HeaderMap, name: salvo::http::HeaderName) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(name).into_iter();
    let texts = lists.filter_map(|list| list.to_str().ok());
    texts.flat_map(|list| list.split(',')).map(str::trim)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_whom_it_is_no_surprise() {
        for (accepted, expected) in [
            (None, false),
            (Some(""), false),
            (Some("br, deflate"), false),
            (Some("gzip"), true),
            (Some("br;q=1.0, GZIP ; q=0.5"), true),
            (Some("gzip;q=0"), false),
            (Some("gzip;q=0.000, *"), false),
            (Some("*;q=0.1"), true),
            (Some("*;q=0"), false),
            (Some("gzip;q=lots"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accepted) = accepted {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            }
            assert_eq!(takes_gzip(&headers), expected, "{accepted:?}");
        }
    }
}
