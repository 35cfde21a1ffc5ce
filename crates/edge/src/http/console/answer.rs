//! One file as an answer: headers, what the browser has already, what it can unpack.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};

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
    let varies = if file.is_index() { "accept, accept-encoding" } else { "accept-encoding" };
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
    let reads = |encoding: &str| acceptable(texts(asked, &ACCEPT_ENCODING), encoding);
    for (form, encoding) in [(&file.brotli, "br"), (&file.gzip, "gzip")] {
        if let Some(form) = form
            && reads(encoding)
        {
            return (form.clone(), Some(encoding));
        }
    }
    (file.plain.clone(), None)
}

/// Whether a list such as `Accept`'s names something, and not with `q=0`.
pub(super) fn acceptable<'a>(mut lines: impl Iterator<Item = &'a str>, wanted: &str) -> bool {
    lines.any(|line| {
        line.split(',').any(|one| {
            let mut parts = one.split(';').map(str::trim);
            let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            let weight = parts
                .filter_map(|part| part.split_once('='))
                .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
            is_named && weight.is_none_or(|(_, weight)| weight.trim().parse().is_ok_and(|q: f32| q > 0.0))
        })
    })
}

/// Whether the client has what the tag names.
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    texts(asked, &IF_NONE_MATCH).flat_map(|line| line.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|line| line.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_read_from_lists_with_weights() {
        let accepts = |line: &'static str, wanted: &str| acceptable([line].into_iter(), wanted);
        assert!(accepts("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"));
        assert!(accepts("application/json, Text/HTML; charset=utf-8; q=0.1", "text/html"));
        assert!(accepts("gzip, deflate, br;q=1.0", "br"));
        for refused in ["*/*", "", "text/html;q=0", "text/html; Q=0.000", "text/htmlx", "text/html;q=x"] {
            assert!(!accepts(refused, "text/html"), "{refused}");
        }
    }

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
