//! A provider that does as the script says, over real HTTP, in OpenAI's wire format.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// What a provider does with one request.
pub(crate) enum Reply {
    Status {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Value,
    },
    /// A streamed answer, step by step.
    Stream(Vec<Step>),
    /// An answer in one piece.
    Whole(Value),
    /// Accepts and never answers.
    Hang,
}

pub(crate) enum Step {
    Send(String),
    /// Waits until the test says go.
    Wait(Arc<Notify>),
    /// Breaks the connection.
    Cut,
    /// Says nothing more.
    Hang,
}

/// One scripted provider.
pub(crate) struct Upstream {
    pub(crate) base_url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Seen>>,
    closed: Notify,
}

/// One request as it came.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Upstream {
    pub(crate) async fn start(script: Vec<Reply>) -> Self {
        let shared = Arc::new(Shared { script: Mutex::new(script.into()), ..Shared::default() });
        let app = Router::new()
            .route("/v1/chat/completions", post(answer))
            .route("/v1/audio/speech", post(answer))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { base_url, shared }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Completes once the worker has closed a stream that the script had not ended.
    pub(crate) async fn closed(&self) {
        self.shared.closed.notified().await;
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let body = serde_json::from_slice(&body).unwrap();
    shared.seen.lock().unwrap().push(Seen { headers, body });
    let reply = shared.script.lock().unwrap().pop_front();
    match reply.expect("one request more than the script has replies") {
        Reply::Status { status, headers, body } => {
            let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
        }
        Reply::Whole(body) => Response::builder()
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap(),
        Reply::Stream(steps) => {
            let (sender, receiver) = mpsc::channel(1);
            tokio::spawn(play(steps, sender, shared));
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(Body::from_stream(ReceiverStream::new(receiver)))
                .unwrap()
        }
        Reply::Hang => std::future::pending().await,
    }
}

async fn play(steps: Vec<Step>, sender: mpsc::Sender<Result<Bytes, std::io::Error>>, shared: Arc<Shared>) {
    for step in steps {
        let sent = match step {
            Step::Send(text) => sender.send(Ok(text.into())).await,
            Step::Wait(go) => {
                tokio::select! {
                    () = go.notified() => {}
                    () = sender.closed() => break,
                }
                Ok(())
            }
            Step::Cut => sender.send(Err(std::io::Error::other("cut by the script"))).await,
            Step::Hang => {
                sender.closed().await;
                break;
            }
        };
        if sent.is_err() {
            break;
        }
    }
    if sender.is_closed() {
        shared.closed.notify_one();
    }
}

/// One chunk of a streamed answer.
pub(crate) fn chunk(delta: Value, finish: Option<&str>) -> Step {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    });
    Step::Send(format!("data: {chunk}\n\n"))
}

pub(crate) fn text(text: &str) -> Step {
    chunk(json!({ "content": text }), None)
}

/// The end of a good stream: finish, usage and `[DONE]`.
pub(crate) fn end(prompt: u64, completion: u64) -> Step {
    let finish = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }],
    });
    let usage = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
        "usage": { "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion },
    });
    Step::Send(format!("data: {finish}\n\ndata: {usage}\n\ndata: [DONE]\n\n"))
}

/// A good streamed answer: `Hello world` for 10 and 2 tokens.
pub(crate) fn good() -> Reply {
    Reply::Stream(vec![
        chunk(json!({ "role": "assistant", "content": "" }), None),
        text("Hello"),
        text(" world"),
        end(10, 2),
    ])
}

/// The same in one piece.
pub(crate) fn whole(content: &str, finish: &str, completion: u64) -> Reply {
    Reply::Whole(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{
            "index": 0, "message": { "role": "assistant", "content": content }, "finish_reason": finish,
        }],
        "usage": { "prompt_tokens": 10, "completion_tokens": completion, "total_tokens": 10 + completion },
    }))
}

pub(crate) fn status(status: u16) -> Reply {
    let body = json!({ "error": { "message": format!("scripted {status}"), "type": "scripted" } });
    Reply::Status { status, headers: Vec::new(), body }
}
