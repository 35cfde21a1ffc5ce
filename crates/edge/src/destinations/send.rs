//! Requests to places that tenants name.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use egress::resolve::System;
use egress::{MalformedOrigin, Pinned, Refusal, Rules};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request};
use http_body_util::Full;
use rustls::ClientConfig;

use super::span::{self, Span};
use super::{Configuration, Kind, object};
use crate::config::DestinationsConfig;

/// Where collectors listen for OTLP over HTTP.
const OTLP: u16 = 4_318;
/// Marks a request that only asks whether one would be taken.
const TEST: HeaderName = HeaderName::from_static("x-test-connection");

/// What is configured for destinations cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("edge.destinations.allowed_origins")]
    Origin(#[from] MalformedOrigin),
    #[error("there is no safe TLS")]
    Tls(#[from] rustls::Error),
}

/// Why something could not be sent, as its owner may read it: who names a URL must not explore a network by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("its URL cannot be used: {0}")]
    Refused(Refusal),
    #[error("it could not be reached")]
    Unreachable,
    #[error("it did not answer in time")]
    Late,
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its URL or headers are malformed")]
    Malformed,
    #[error("the request could not be signed")]
    Signature,
}

/// What became of some traces: how many are there, and why no more.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) count: usize,
    pub(super) fault: Option<Fault>,
}

/// Sends to destinations. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sender(Arc<Inner>);

struct Inner {
    rules: Rules,
    resolver: System,
    tls: ClientConfig,
    timeout: Duration,
}

impl Sender {
    /// # Errors
    /// [`Unusable`].
    pub(crate) fn new(config: &DestinationsConfig) -> Result<Self, Unusable> {
        let mut rules = Rules::new(&config.allowed_origins)?;
        rules.ports.push(OTLP);
        let (resolver, tls) = (System::default(), egress::tls()?);
        Ok(Self(Arc::new(Inner { rules, resolver, tls, timeout: config.timeout_ms.get() })))
    }

    /// Whether a configuration leads where requests may go.
    ///
    /// # Errors
    /// [`Fault::Refused`].
    pub(crate) fn check(&self, configuration: &Configuration) -> Result<(), Fault> {
        self.0.rules.check(&address(configuration, "x")).map(drop).map_err(Fault::Refused)
    }

    /// Sends nothing, marked as a test. Who refuses the nothing has understood it; a bucket must take it.
    ///
    /// # Errors
    /// [`Fault`] when traces would not be taken.
    pub(crate) async fn test(&self, configuration: &Configuration) -> Result<(), Fault> {
        let prefix = configuration.text("prefix").trim_matches('/');
        let object = format!("{prefix}/connection-test.json");
        let url = address(configuration, object.trim_start_matches('/'));
        match self.send(configuration, &url, span::export(&[]), true).await {
            Err(Fault::Status(400)) if configuration.kind() != Kind::S3 => Ok(()),
            outcome => outcome,
        }
    }

    /// Sends traces in their order, until one cannot be.
    pub(super) async fn deliver(&self, configuration: &Configuration, spans: &[Span]) -> Sent {
        if configuration.kind() == Kind::S3 {
            for (count, span) in spans.iter().enumerate() {
                let name = object::name(configuration, (&span.name, &span.key_name), span.at);
                let (url, body) = (address(configuration, &name), span::export(std::slice::from_ref(span)));
                if let Err(fault) = self.send(configuration, &url, body, false).await {
                    return Sent { count, fault: Some(fault) };
                }
            }
            return Sent { count: spans.len(), fault: None };
        }
        let sent = self.send(configuration, &address(configuration, ""), span::export(spans), false).await;
        Sent { count: if sent.is_ok() { spans.len() } else { 0 }, fault: sent.err() }
    }

    async fn send(
        &self,
        configuration: &Configuration,
        url: &str,
        body: Bytes,
        is_test: bool,
    ) -> Result<(), Fault> {
        let inner = &self.0;
        let sending = async {
            let checked = inner.rules.check(url).map_err(Fault::Refused)?;
            let pinned = Pinned::to(&checked, &inner.rules, &inner.resolver).await;
            let pinned = pinned.map_err(|_| Fault::Unreachable)?;
            let request = request(configuration, checked.url.as_str(), body, is_test)?;
            let client = egress::client::<Full<Bytes>>(inner.tls.clone(), pinned);
            let answer = client.request(request.map(Full::new)).await.map_err(|_| Fault::Unreachable)?;
            // Redirects are not followed: whoever checked one place has not checked another.
            if answer.status().is_success() { Ok(()) } else { Err(Fault::Status(answer.status().as_u16())) }
        };
        tokio::time::timeout(inner.timeout, sending).await.unwrap_or(Err(Fault::Late))
    }
}

/// Where requests go; of a bucket, where this object goes.
fn address(configuration: &Configuration, object: &str) -> String {
    let base = configuration.text(configuration.kind().address()).trim_end_matches('/');
    match configuration.kind() {
        Kind::Webhook => configuration.text("url").to_owned(),
        Kind::OtelCollector if base.ends_with("/v1/traces") => base.to_owned(),
        Kind::OtelCollector => format!("{base}/v1/traces"),
        Kind::Langfuse => format!("{base}/api/public/otel/v1/traces"),
        Kind::S3 => object::url(configuration, object),
    }
}

fn request(
    configuration: &Configuration,
    url: &str,
    body: Bytes,
    is_test: bool,
) -> Result<Request<Bytes>, Fault> {
    let method = match configuration.kind() {
        Kind::S3 => Method::PUT,
        Kind::Webhook if configuration.text("method") == "PUT" => Method::PUT,
        _ => Method::POST,
    };
    let mut request = Request::builder().method(method).uri(url).body(body).map_err(|_| Fault::Malformed)?;
    let headers = request.headers_mut();
    let _ = headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let agent = HeaderValue::from_static(concat!("patchbay/", env!("CARGO_PKG_VERSION")));
    let _ = headers.insert(USER_AGENT, agent);
    if configuration.kind() == Kind::Langfuse {
        let pair = format!("{}:{}", configuration.text("publicKey"), configuration.text("secretKey"));
        let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
        let _ = headers.insert(AUTHORIZATION, value.map_err(|_| Fault::Malformed)?);
    }
    for (name, value) in configuration.headers() {
        let (name, value) = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let _ = headers.insert(name.map_err(|_| Fault::Malformed)?, value.map_err(|_| Fault::Malformed)?);
    }
    if is_test {
        let _ = headers.insert(TEST, HeaderValue::from_static("true"));
    }
    if configuration.kind() == Kind::S3 {
        object::sign(&mut request, configuration, SystemTime::now())?;
    }
    Ok(request)
}

pub(super) fn is_header(name: &str, value: &str) -> bool {
    HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok() && value.is_ascii()
}

/// Headers that requests have of themselves.
pub(super) fn is_own_header(name: &str) -> bool {
    let own = [
        "connection",
        "content-length",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-test-connection",
    ];
    let name = name.to_ascii_lowercase();
    own.contains(&name.as_str()) || name.starts_with("x-amz-") || name.starts_with("proxy-")
}
