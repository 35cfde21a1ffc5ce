//! One download.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use egress::{Pinned, Unreachable};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION,
    USER_AGENT,
};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use url::Url;

use super::{Cause, Error, Fetcher, Hidden};

const REDIRECTS: usize = 3;
/// Bytes of either half of a media type.
const LONGEST_WORD: usize = 100;

/// What a URL gave.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) bytes: Bytes,
    /// The media type that the server claims, in lower case and without parameters.
    pub(super) claimed: Option<String>,
}

impl From<Unreachable> for Cause {
    fn from(unreachable: Unreachable) -> Self {
        Self::Unreachable(match unreachable {
            Unreachable::Unresolved => Hidden::Unresolved,
            Unreachable::Private => Hidden::Private,
        })
    }
}

impl Fetcher {
    /// Downloads a URL, taking its bytes from what is `left` of a request's.
    ///
    /// # Errors
    /// [`Error`] when a rule or a limit is broken or the server does not give it.
    pub(super) async fn fetch(&self, url: &str, left: &AtomicUsize) -> Result<Fetched, Error> {
        let download = async {
            let _slot = self.slots.acquire().await.map_err(|_| Cause::Late)?;
            self.download(url, left).await
        };
        let outcome = tokio::time::timeout(self.limits.time, download).await.unwrap_or(Err(Cause::Late));
        outcome.map_err(|cause| Error::of(url, cause))
    }

    async fn download(&self, url: &str, left: &AtomicUsize) -> Result<Fetched, Cause> {
        let mut checked = self.rules.check(url).map_err(Cause::Refused)?;
        for _ in 0..=REDIRECTS {
            let pinned = Pinned::to(&checked, &self.rules, self.resolver.as_ref()).await?;
            let response = self.get(&checked.url, pinned).await?;
            match redirect(&checked.url, &response)? {
                Some(next) => {
                    checked = self.rules.check_url(next).map_err(|_| Cause::RefusedRedirect)?;
                }
                None => return self.read(response, left).await,
            }
        }
        Err(Cause::Redirects)
    }

    /// Asks for a URL at the pinned addresses, over a connection of its own.
    async fn get(&self, url: &Url, pinned: Pinned) -> Result<Response<Incoming>, Cause> {
        let client = egress::client::<Empty<Bytes>>(self.tls.clone(), pinned);
        let failed = |_| Cause::Unreachable(Hidden::Connection);
        let mut bare = url.clone();
        bare.set_fragment(None);
        let request = Request::get(bare.as_str())
            .header(USER_AGENT, concat!("patchbay/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "*/*")
            .header(ACCEPT_ENCODING, "identity")
            .body(Empty::new())
            .map_err(|_| Cause::Unreachable(Hidden::Connection))?;
        client.request(request).await.map_err(failed)
    }

    async fn read(&self, response: Response<Incoming>, left: &AtomicUsize) -> Result<Fetched, Cause> {
        if !response.status().is_success() {
            return Err(Cause::Status(response.status().as_u16()));
        }
        let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if header(CONTENT_ENCODING).is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity")) {
            return Err(Cause::Compressed);
        }
        let announced = header(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
        if announced.is_some_and(|length| length > self.limits.file) {
            return Err(Cause::TooLong(self.limits.file));
        }
        let claimed = header(CONTENT_TYPE).and_then(media_type);
        let mut bytes = Vec::new();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Cause::Unreachable(Hidden::Connection))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > self.limits.file {
                return Err(Cause::TooLong(self.limits.file));
            }
            let take = |left: usize| left.checked_sub(data.len());
            if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
                return Err(Cause::AllTooLong(self.limits.request));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Fetched { bytes: bytes.into(), claimed })
    }
}

/// What a `content-type` names, in lower case and without parameters; `None` when that is no media type.
fn media_type(header: &str) -> Option<String> {
    let name = header.split(';').next()?.trim().to_ascii_lowercase();
    let (kind, format) = name.split_once('/')?;
    let is_word = |word: &str| {
        (1..=LONGEST_WORD).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte))
    };
    (is_word(kind) && is_word(format)).then_some(name)
}

/// Where an answer sends on to, if it does.
fn redirect(from: &Url, response: &Response<Incoming>) -> Result<Option<Url>, Cause> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or(Cause::Status(response.status().as_u16()))?;
    from.join(location).map(Some).map_err(|_| Cause::RefusedRedirect)
}
