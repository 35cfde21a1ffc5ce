//! A place that traces are sent to: it remembers what came, and answers as it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use http::HeaderMap;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn is_test(&self) -> bool {
        self.header("x-test-connection") == "true"
    }

    /// The spans of a request of OTLP's.
    pub(crate) fn spans(&self) -> Vec<&Value> {
        let all = self.body["resourceSpans"].as_array().into_iter().flatten();
        all.flat_map(|resource| resource["scopeSpans"][0]["spans"].as_array().unwrap()).collect()
    }
}

#[derive(Default)]
struct Told {
    received: Vec<Received>,
    status: u16,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    told: Arc<Mutex<Told>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let told = Arc::new(Mutex::new(Told { status: 200, ..Told::default() }));
        let app = axum::Router::new().fallback(receive).with_state(Arc::clone(&told));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, told, serving }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How it answers from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.told.lock().unwrap().status = status;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.told.lock().unwrap().received.clone()
    }

    /// What came that is no test of the connection.
    pub(crate) fn traces(&self) -> Vec<Received> {
        self.received().into_iter().filter(|received| !received.is_test()).collect()
    }

    pub(crate) fn forget(&self) {
        self.told.lock().unwrap().received.clear();
    }

    pub(crate) fn stop(self) {
        self.serving.abort();
    }
}

async fn receive(State(told): State<Arc<Mutex<Told>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, 10 << 20).await.unwrap();
    let received = Received {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    };
    let mut told = told.lock().unwrap();
    told.received.push(received);
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::from_u16(told.status).unwrap();
    if told.status == 302 {
        answer.headers_mut().insert("location", "/elsewhere".parse().unwrap());
    }
    answer
}
