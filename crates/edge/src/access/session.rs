//! The console's sessions: an opaque cookie, and a token beside it that only the console's own pages can send.

use http::header::COOKIE as COOKIE_HEADER;
use http::{HeaderMap, Method};
use identity::{PersonId, TenantId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Role;

/// The cookie, where sessions are `secure`. Browsers keep one of this prefix only when it is secure, of this host alone and of the whole site.
pub(crate) const COOKIE: &str = "__Host-patchbay";
/// The cookie where they are not: of browsers that keep none of that prefix without TLS.
pub(crate) const PLAIN_COOKIE: &str = "patchbay";
/// The header that repeats what only a page of the console's own origin can know.
pub(crate) const CSRF: &str = "x-csrf-token";

/// A session in force.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) person: PersonId,
    pub(crate) is_platform_admin: bool,
    /// The organisation that the person works in now, and as what.
    pub(crate) membership: Option<(TenantId, Role)>,
}

/// The secret in the session cookie of this name.
pub(crate) fn secret<'a>(headers: &'a HeaderMap, cookie: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE_HEADER).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, secret)| *name == cookie && !secret.is_empty())
        .map(|(_, secret)| secret)
}

/// What a page must send beside the cookie to change something: known to whoever knows the cookie's secret.
pub(crate) fn csrf_token(secret: &str) -> String {
    let digest = Sha256::new().chain_update(b"csrf:").chain_update(secret).finalize();
    hex::encode(digest)
}

/// Compares digests, so that the time it takes tells nothing of the token.
fn is_same(sent: &[u8], token: &str) -> bool {
    Sha256::digest(sent) == Sha256::digest(token)
}

/// Whether this is the token that belongs to the cookie's secret.
pub(crate) fn is_csrf_token(sent: &str, secret: &str) -> bool {
    is_same(sent.as_bytes(), &csrf_token(secret))
}

/// Whether a request with this cookie was sent by a page of the console: reading needs no proof.
pub(super) fn is_own_page(method: &Method, headers: &HeaderMap, secret: &str) -> bool {
    method.is_safe() || headers.get(CSRF).is_some_and(|sent| is_same(sent.as_bytes(), &csrf_token(secret)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(cookie: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE_HEADER, HeaderValue::from_static(cookie))])
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        assert_eq!(secret(&headers("a=b; __Host-patchbay=abc; c=d"), COOKIE), Some("abc"));
        assert_eq!(secret(&headers("__Host-patchbay=; patchbay=abc"), COOKIE), None);
    }

    #[test]
    fn whoever_changes_something_shows_the_token() {
        let mut sent = headers("__Host-patchbay=abc");
        assert!(is_own_page(&Method::GET, &sent, "abc"));
        assert!(!is_own_page(&Method::POST, &sent, "abc"));
        sent.insert(CSRF, csrf_token("abc").parse().unwrap());
        assert!(is_own_page(&Method::POST, &sent, "abc"));
        assert!(!is_own_page(&Method::DELETE, &sent, "other"));
    }
}
