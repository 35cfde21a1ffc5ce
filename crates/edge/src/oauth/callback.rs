//! Where an app has its code sent.

use url::{Host, Url};

use super::{Error, invalid};

/// Bytes of an address.
const LONGEST: usize = 2_000;
/// What is added to the address, and so may not be in it.
const OURS: [&str; 3] = ["code", "error", "error_description"];

/// An address that a browser may be sent to with a code: `https`, or `http` of this machine at any port.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    url: Url,
    app: String,
}

impl Callback {
    /// # Errors
    /// [`Error::Invalid`] for any other.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        // What browsers and parsers pass over or read as something else could hide where it leads.
        let is_plain =
            text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let url =
            Url::parse(text).ok().filter(|_| is_plain).ok_or_else(|| invalid("callback_url: use a URL"))?;
        let is_local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if !(url.scheme() == "https" && url.host().is_some() || url.scheme() == "http" && is_local) {
            return Err(invalid("callback_url: use https, or http of localhost"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(invalid("callback_url: leave user names, passwords and fragments out"));
        }
        if url.query_pairs().any(|(name, _)| OURS.contains(&name.as_ref())) {
            return Err(invalid("callback_url: leave code, error and error_description out of its query"));
        }
        let app = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        Ok(Self { url, app })
    }

    /// Where the app lives, as people see it: host and, where it is not the usual one, port.
    pub(crate) fn app(&self) -> &str {
        &self.app
    }

    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The address with an answer in its query.
    pub(crate) fn with(&self, name: &str, value: &str, state: Option<&str>) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair(name, value);
        if let Some(state) = state {
            url.query_pairs_mut().append_pair("state", state);
        }
        url.into()
    }

    /// As a content security policy names where a form may lead that ends here. Browsers hold every further redirect
    /// against it too, and many an app goes on from its callback to another host of its own.
    pub(crate) fn sources(&self) -> &'static str {
        if self.url.scheme() == "https" { "https:" } else { "http: https:" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_to_safe_places_alone() {
        for (right, app) in [
            ("https://app.example.com/back", "app.example.com"),
            ("https://app.example.com:8443/back?next=1", "app.example.com:8443"),
            ("http://localhost:3000/", "localhost:3000"),
            ("http://127.0.0.1:49152/cb", "127.0.0.1:49152"),
            ("http://[::1]:1234/", "[::1]:1234"),
            ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ] {
            assert_eq!(
                Callback::parse(right).map(|callback| callback.app).ok().as_deref(),
                Some(app),
                "{right}"
            );
        }
        for wrong in [
            "",
            "/back",
            "//app.example.com/",
            "http://app.example.com/",
            "http://localhost.example.com/",
            "http://localhost@example.com/",
            "https://user@app.example.com/",
            "https://app.example.com/#code",
            "https://app.example.com/?code=1",
            "https://app.example.com/?%63ode=1",
            "https:\\\\app.example.com/",
            "https://app.example.com/\r\nset-cookie: a=b",
            "java\tscript:alert(1)",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp://callback",
            "file:///etc/passwd",
        ] {
            assert!(Callback::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_answer_is_added_to_what_is_asked_for_already() {
        let callback = Callback::parse("https://app.example.com/back?next=1").unwrap();
        let sent = callback.with("code", "c", Some("a&b=c #"));
        assert_eq!(sent, "https://app.example.com/back?next=1&code=c&state=a%26b%3Dc+%23");
    }
}
