//! What a request's head says of how it is to be routed.

use dialect::error::BadRequest;
use http::header::HOST;
use http::{HeaderMap, Uri};

/// Characters of a session id.
const SESSION: usize = 256;
const SESSION_ID: &str = "x-session-id";
/// Asks for `openrouter_metadata`; the second name is that of its trial.
const METADATA: [&str; 2] = ["x-openrouter-metadata", "x-openrouter-experimental-metadata"];
/// Names a data region where no host does.
const REGION: &str = "x-patchbay-region";

/// The head of an inference request, as far as routing cares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Head {
    /// Empty = none is named.
    pub(crate) session_id: String,
    /// The data region to stay in; empty = anywhere.
    pub(crate) region: String,
    /// Whether the answer is to tell of its routing.
    pub(crate) wants_metadata: bool,
}

impl Head {
    /// Reads it; `regions` are those that there are.
    ///
    /// # Errors
    /// [`BadRequest`] naming the header that is wrong.
    pub(crate) fn of(headers: &HeaderMap, uri: &Uri, regions: &[String]) -> Result<Self, BadRequest> {
        let session_id = text(headers, SESSION_ID);
        if session_id.chars().count() > SESSION {
            return Err(BadRequest::new(format!("`{SESSION_ID}` must have at most {SESSION} characters")));
        }
        let wants_metadata = METADATA.iter().any(|name| text(headers, name).eq_ignore_ascii_case("enabled"));
        Ok(Self {
            session_id: session_id.to_owned(),
            region: region(headers, uri, regions)?.unwrap_or_default(),
            wants_metadata,
        })
    }
}

/// The region that the host's first label names, or the header. A host that names one promises to stay in it,
/// so the header may say no other.
fn region(headers: &HeaderMap, uri: &Uri, regions: &[String]) -> Result<Option<String>, BadRequest> {
    let known = |name: &str| regions.iter().find(|region| region.eq_ignore_ascii_case(name)).cloned();
    let host = uri.host().unwrap_or_else(|| text(headers, HOST.as_str()));
    let by_host = host.split_once('.').and_then(|(label, _)| known(label));
    let named = text(headers, REGION);
    if named.is_empty() {
        return Ok(by_host);
    }
    let Some(by_header) = known(named) else {
        let there_are = if regions.is_empty() { "none".to_owned() } else { regions.join(", ") };
        return Err(BadRequest::new(format!("`{REGION}` must name a region that is served: {there_are}")));
    };
    match by_host {
        Some(region) if region != by_header => {
            Err(BadRequest::new(format!("`{REGION}` must not be another region than the host's, `{region}`")))
        }
        _ => Ok(Some(by_header)),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use http::header::HeaderValue;

    use super::*;

    fn head(uri: &str, headers: &[(&'static str, &str)]) -> Result<Head, String> {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = headers.iter().map(pair).collect();
        let regions = ["eu".to_owned(), "us".to_owned()];
        Head::of(&headers, &uri.parse().unwrap(), &regions).map_err(|refusal| refusal.message)
    }

    #[test]
    fn a_region_is_named_by_the_host_or_a_header() {
        let region = |uri, headers: &[(&'static str, &str)]| head(uri, headers).map(|head| head.region);
        assert_eq!(region("/x", &[("host", "eu.example.com:8080")]), Ok("eu".to_owned()));
        assert_eq!(region("http://EU.example.com/x", &[]), Ok("eu".to_owned()));
        for host in ["example.com", "europe.example.com", "eu", "127.0.0.1:80", "ap.example.com"] {
            assert_eq!(region("/x", &[("host", host)]), Ok(String::new()), "{host}");
        }
        assert_eq!(region("/x", &[("host", "a.b"), ("x-patchbay-region", "US")]), Ok("us".to_owned()));
        assert_eq!(region("/x", &[("host", "us.b"), ("x-patchbay-region", "us")]), Ok("us".to_owned()));
        let other = region("/x", &[("host", "eu.b"), ("x-patchbay-region", "us")]).unwrap_err();
        assert!(other.contains("another region than the host's, `eu`"), "{other}");
        let unknown = region("/x", &[("x-patchbay-region", "ap")]).unwrap_err();
        assert!(unknown.ends_with("a region that is served: eu, us"), "{unknown}");
    }

    #[test]
    fn metadata_is_asked_for_by_one_word() {
        let wants = |name, value| head("/x", &[(name, value)]).unwrap().wants_metadata;
        assert!(wants("x-openrouter-metadata", "enabled"));
        assert!(wants("x-openrouter-metadata", "Enabled"));
        assert!(wants("x-openrouter-experimental-metadata", "ENABLED"));
        assert!(!wants("x-openrouter-metadata", "true"));
        assert!(!wants("x-openrouter-metadata", ""));
    }

    #[test]
    fn a_session_id_is_no_longer_than_a_name() {
        assert_eq!(head("/x", &[("x-session-id", &"s".repeat(256))]).unwrap().session_id.len(), 256);
        let long = head("/x", &[("x-session-id", &"s".repeat(257))]).unwrap_err();
        assert_eq!(long, "`x-session-id` must have at most 256 characters");
    }
}
