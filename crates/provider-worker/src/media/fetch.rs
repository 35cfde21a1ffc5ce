//! One download.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION,
    USER_AGENT,
};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use url::{Host, Url};

use super::rules::Checked;
use super::{Cause, Error, Fetcher, Hidden};

const REDIRECTS: usize = 3;
/// Bytes of either half of a media type.
const LONGEST_WORD: usize = 100;
const CONNECT: Duration = Duration::from_secs(3);

/// What a URL gave.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) bytes: Bytes,
    /// The media type that the server claims, in lower case and without parameters.
    pub(super) claimed: Option<String>,
}

/// The addresses that one connection may be made to, all of them checked.
#[derive(Debug, Clone)]
struct Pinned(Arc<[SocketAddr]>);

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
            let pinned = self.pin(&checked).await?;
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

    /// Where a URL leads, asked once: what is checked here is what is connected to.
    async fn pin(&self, Checked { url, is_vouched }: &Checked) -> Result<Pinned, Cause> {
        let addresses = match url.host() {
            Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
            Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
            Some(Host::Domain(name)) => {
                let resolved = self.resolver.resolve(name.to_owned()).await;
                resolved.map_err(|_| Cause::Unreachable(Hidden::Unresolved))?
            }
            None => Vec::new(),
        };
        let port = url.port_or_known_default().unwrap_or_default();
        if addresses.is_empty() {
            return Err(Cause::Unreachable(Hidden::Unresolved));
        }
        // One private address among public ones is a trap.
        if !is_vouched && !addresses.iter().all(|address| (self.rules.is_public)(*address)) {
            return Err(Cause::Unreachable(Hidden::Private));
        }
        Ok(Pinned(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()))
    }

    /// Asks for a URL at the pinned addresses, over a connection of its own.
    async fn get(&self, url: &Url, pinned: Pinned) -> Result<Response<Incoming>, Cause> {
        // The connector is never told the host, and so cannot look it up again.
        let tcp = tower::service_fn(move |_: http::Uri| {
            let Pinned(addresses) = pinned.clone();
            Box::pin(async move {
                let connecting = tokio::time::timeout(CONNECT, TcpStream::connect(&*addresses));
                let stream = connecting.await.map_err(std::io::Error::from)??;
                Ok::<_, std::io::Error>(TokioIo::new(stream))
            })
        });
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .pool_timer(TokioTimer::new())
            .build(https);
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
