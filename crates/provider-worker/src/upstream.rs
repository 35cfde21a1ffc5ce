//! The transport to providers: one pooled HTTP client for all dialects.

use std::collections::HashMap;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use dialect::codec::Encoded;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

const IDLE: Duration = Duration::from_secs(30);
const IDLE_PER_HOST: usize = 1_024;
/// Connect timeouts are rounded up to this, so that there are few pools.
const CONNECT_STEP: u32 = 500;
const CONNECT_LONGEST: u32 = 60_000;

/// A provider could not be called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the upstream client cannot start")]
    Start(#[source] rustls::Error),
    #[error("the endpoint's address or headers are malformed")]
    Malformed(#[from] http::Error),
    #[error("the provider could not be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("the provider's answer broke off")]
    Broken(#[source] hyper::Error),
    #[error("the provider's answer is over {0} bytes")]
    TooLong(usize),
}

type Pool = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A pooled client.
pub(crate) struct Upstream {
    /// By connect timeout, which belongs to a pool's connector.
    pools: ArcSwap<HashMap<u32, Pool>>,
}

/// A provider's answer whose body is still to be read. Dropping it closes the connection or the stream.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
}

impl Upstream {
    pub(crate) fn new() -> Self {
        Self { pools: ArcSwap::default() }
    }

    /// Sends a request, connecting within `connect_ms`. Waits for the head of the answer without a limit.
    pub(crate) async fn send(&self, request: Request<Bytes>, connect_ms: u32) -> Result<Answer, Error> {
        let pool = self.pool(connect_ms)?;
        let request = request.map(Full::new);
        let (head, body) = pool.request(request).await.map_err(Error::Unreachable)?.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    fn pool(&self, connect_ms: u32) -> Result<Pool, Error> {
        let connect_ms = connect_ms.clamp(1, CONNECT_LONGEST).next_multiple_of(CONNECT_STEP);
        if let Some(pool) = self.pools.load().get(&connect_ms) {
            return Ok(pool.clone());
        }
        let pool = connect(Duration::from_millis(u64::from(connect_ms)))?;
        let added = self.pools.rcu(|pools| {
            let mut pools = HashMap::clone(pools);
            pools.entry(connect_ms).or_insert_with(|| pool.clone());
            pools
        });
        Ok(added.get(&connect_ms).cloned().unwrap_or(pool))
    }
}

/// What an adapter wrote as a request to `base_url`, still without the credential.
pub(crate) fn request(base_url: &str, encoded: Encoded) -> Result<Request<Bytes>, Error> {
    let url = format!("{}{}", base_url.trim_end_matches('/'), encoded.path);
    let mut request = Request::builder().method(Method::POST).uri(url).body(encoded.body)?;
    let headers = request.headers_mut();
    for (name, value) in encoded.headers {
        headers.append(name, value);
    }
    for (name, value) in [
        (CONTENT_TYPE, "application/json"),
        (ACCEPT, "application/json, text/event-stream"),
        (USER_AGENT, concat!("patchbay/", env!("CARGO_PKG_VERSION"))),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    Ok(request)
}

fn connect(timeout: Duration) -> Result<Pool, Error> {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.set_connect_timeout(Some(timeout));
    http.enforce_http(false);
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(provider)
        .map_err(Error::Start)?
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_max_idle_per_host(IDLE_PER_HOST)
        // Finds connections that died without a word, which would take every stream on them along.
        .http2_keep_alive_interval(Duration::from_secs(15))
        .http2_keep_alive_timeout(Duration::from_secs(5))
        .http2_adaptive_window(true)
        .build(https))
}

impl Answer {
    /// The next bytes of the body; `None` at its end. Loses nothing when it is dropped.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame.map_err(Error::Broken)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole body, at most `limit` bytes.
    pub(crate) async fn whole(&mut self, limit: usize) -> Result<Bytes, Error> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(Error::TooLong(limit));
        }
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut whole = Vec::with_capacity(first.len() + second.len());
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
            if whole.len() > limit {
                return Err(Error::TooLong(limit));
            }
        }
        Ok(whole.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_adapter_says_replaces_the_defaults() {
        let audio = HeaderValue::from_static("multipart/form-data; boundary=x");
        let beta = |text| (http::HeaderName::from_static("anthropic-beta"), HeaderValue::from_static(text));
        let encoded = Encoded {
            path: "/audio/transcriptions".to_owned(),
            headers: vec![(CONTENT_TYPE, audio.clone()), beta("one"), beta("two")],
            auth: dialect::codec::AuthStyle::None,
            body: Bytes::from_static(b"x"),
        };
        let request = request("https://host.example/v1/", encoded).unwrap();
        assert_eq!(request.uri(), "https://host.example/v1/audio/transcriptions");
        let all = |name: &str| request.headers().get_all(name).iter().cloned().collect::<Vec<_>>();
        assert_eq!(all("content-type"), [audio]);
        assert_eq!(all("accept"), ["application/json, text/event-stream"]);
        assert_eq!(all("anthropic-beta"), ["one", "two"]);
    }
}
