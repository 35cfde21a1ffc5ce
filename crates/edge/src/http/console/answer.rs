//! One file as an answer: headers, what the browser has already, what it can unpack.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};

use super::super::accept::accepts;
use super::files::File;

/// Scripts and styles are files of this site; nothing is inline, nothing comes from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Of the page, for everything that it loads.
const OF_PAGE: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];
const FOR_A_YEAR: &str = "public, max-age=31536000, immutable";
const ASK_EACH_TIME: &str = "no-cache";

/// The file, or that it has not changed.
pub(super) fn answer(file: &File, asked: &HeaderMap) -> Response {
    let (body, encoding) = packed(file, asked);
    let tag = match encoding {
        Some(encoding) => format!("\"{}-{encoding}\"", file.tag),
        None => format!("\"{}\"", file.tag),
    };
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    let caching = if file.is_asset() { FOR_A_YEAR } else { ASK_EACH_TIME };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // At an address of a page others than browsers are answered something else.
    let varies = if file.is_index() { super::VARIES } else { "accept-encoding" };
    headers.insert(VARY, HeaderValue::from_static(varies));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    if file.is_index() {
        headers.extend(OF_PAGE.map(|(name, value)| (name, HeaderValue::from_static(value))));
    }
    if is_known(asked, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    *response.body_mut() = Body::from(body);
    response
}

/// The smallest form of a file that a client can read.
fn packed(file: &File, asked: &HeaderMap) -> (Bytes, Option<&'static str>) {
    let reads = |encoding: &str| accepts(asked, &ACCEPT_ENCODING, encoding);
    for (form, encoding) in [(&file.brotli, "br"), (&file.gzip, "gzip")] {
        if let Some(form) = form
            && reads(encoding)
        {
            return (form.clone(), Some(encoding));
        }
    }
    (file.plain.clone(), None)
}

/// Whether the client has what the tag names.
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let lines = asked.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_by_itself_weakly_or_by_a_star() {
        let knows = |line: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(line));
            is_known(&headers, "\"a-br\"")
        };
        assert!(knows("\"a-br\"") && knows("\"b\", W/\"a-br\"") && knows("*"));
        assert!(!knows("\"a\"") && !knows("a-br") && !knows(""));
    }
}
