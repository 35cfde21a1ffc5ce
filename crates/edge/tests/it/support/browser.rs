//! A browser without scripts: keeps the cookie, shows pages and sends their forms.

use http::Method;
use url::form_urlencoded::Serializer;

use super::Platform;
use super::client::Answer;

pub(crate) struct Browser<'a> {
    platform: &'a Platform,
    /// As it is sent; empty = none.
    pub(crate) cookie: String,
}

/// Pairs as an address or a form carries them.
pub(crate) fn encoded(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl<'a> Browser<'a> {
    pub(crate) const fn new(platform: &'a Platform) -> Self {
        Self { platform, cookie: String::new() }
    }

    /// Of somebody whose session has this secret.
    pub(crate) fn of(platform: &'a Platform, secret: &str) -> Self {
        Self { platform, cookie: format!("__Host-patchbay={secret}") }
    }

    /// What stands in the address bar leads here.
    pub(crate) async fn open(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    /// A form of a page of this site.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [("sec-fetch-site", "same-origin")];
        self.send(Method::POST, path, &headers, &encoded(fields)).await
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut all = headers.to_vec();
        if !self.cookie.is_empty() {
            all.push(("cookie", self.cookie.as_str()));
        }
        let answer = self.platform.call_with(method, path, &all, body).await;
        if let Some(cookie) = answer.headers.get("set-cookie") {
            self.cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        if answer.header("content-type").starts_with("text/html") {
            check(&answer);
        }
        answer
    }
}

/// What every page owes its reader, whatever it says.
fn check(page: &Answer) {
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "same-origin");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("access-control-allow-origin"), "");
    let text = page.text();
    assert!(text.contains("<html lang=\"en\">") && text.contains("color-scheme: light dark"), "{text}");
    for never in ["<script", "javascript:", "<img", "style=\""] {
        assert!(!text.to_lowercase().contains(never), "{never} in {text}");
    }
}

/// The value of a field of a page's form.
pub(crate) fn value(page: &Answer, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let text = page.text();
    let at = text.find(&start).unwrap_or_else(|| panic!("no field {name}: {text}")) + start.len();
    text[at..].split('"').next().unwrap().to_owned()
}
