//! HTTP/1.1 over one connection: for the load as cheap as it gets, for calls as short.

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A kept-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Drives the socket; ends with the connection.
    _driver: JoinSet<()>,
}

impl Connection {
    /// # Errors
    /// When nobody listens there.
    pub(crate) async fn open(authority: &str) -> anyhow::Result<Self> {
        let socket =
            TcpStream::connect(authority).await.with_context(|| format!("{authority} is not there"))?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // A broken connection shows in the request that uses it.
            let _ = connection.await;
        });
        Ok(Self { sender, _driver: driver })
    }

    /// Whether it can send another request.
    pub(crate) fn is_usable(&self) -> bool {
        !self.sender.is_closed()
    }

    /// # Errors
    /// When the connection breaks before the head of the answer.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

/// A chat request.
///
/// # Errors
/// When path or key are no HTTP.
pub(crate) fn post(
    authority: &str,
    path: &str,
    key: &str,
    body: Bytes,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let mut request = Request::post(path).body(Full::new(body))?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(authority)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}"))?);
    Ok(request)
}

/// What a call answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// `null` when it is no JSON.
    pub(crate) body: Value,
}

/// One call on a connection of its own.
///
/// # Errors
/// When no answer comes.
pub(crate) async fn call(
    method: &str,
    url: &str,
    headers: &[(&'static str, String)],
    body: Option<&Value>,
) -> anyhow::Result<Reply> {
    let uri: Uri = url.parse()?;
    ensure!(uri.scheme_str() == Some("http"), "{url} is not plain HTTP");
    let authority = uri.authority().context("a URL has a host")?.as_str();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut request = Request::builder().method(method).uri(path).body(Full::new(Bytes::from(body)))?;
    request.headers_mut().insert(HOST, HeaderValue::from_str(authority)?);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value)?);
    }
    let mut connection = Connection::open(authority).await?;
    let response = connection.send(request).await?;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await?.to_bytes();
    Ok(Reply { status, body: serde_json::from_slice(&bytes).unwrap_or_default() })
}
