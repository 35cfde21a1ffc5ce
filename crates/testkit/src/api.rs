//! A client of the public API that keeps everything it is told.

mod raw;

use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::http;
pub use raw::Download;

/// A client with one key against one edge.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    key: String,
    headers: HeaderMap,
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The text of the first choice.
    #[must_use]
    pub fn text(&self) -> &str {
        self.body["choices"][0]["message"]["content"].as_str().unwrap_or_default()
    }

    /// A header of the answer; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[must_use]
    pub fn error_message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    #[must_use]
    pub fn error_type(&self) -> &str {
        self.body["error"]["metadata"]["error_type"].as_str().unwrap_or_default()
    }
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
    Comment,
    Data(Value),
    Done,
}

/// A streamed answer, read to its end.
#[derive(Debug)]
pub struct Streamed {
    pub status: u16,
    pub headers: HeaderMap,
    pub chunks: Vec<Chunk>,
    /// The connection broke before the stream's own end.
    pub broken: bool,
    /// The body, when the answer was no stream.
    pub body: Value,
}

impl Streamed {
    fn data(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.chunks.iter().filter_map(|chunk| match chunk {
            Chunk::Data(data) => Some(data),
            Chunk::Comment | Chunk::Done => None,
        })
    }

    /// A header of the answer; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.headers.get("x-generation-id").and_then(|id| id.to_str().ok())
    }

    #[must_use]
    pub fn text(&self) -> String {
        self.data().filter_map(|data| data["choices"][0]["delta"]["content"].as_str()).collect()
    }

    /// How many pieces of text came.
    #[must_use]
    pub fn deltas(&self) -> u64 {
        let texts = self.data().filter_map(|data| data["choices"][0]["delta"]["content"].as_str());
        texts.filter(|text| !text.is_empty()).count() as u64
    }

    #[must_use]
    pub fn finish_reason(&self) -> Option<&str> {
        self.data().filter_map(|data| data["choices"][0]["finish_reason"].as_str()).next_back()
    }

    #[must_use]
    pub fn usage(&self) -> Option<&Value> {
        self.data().map(|data| &data["usage"]).rfind(|usage| usage.is_object())
    }

    #[must_use]
    pub fn error(&self) -> Option<&Value> {
        self.data().map(|data| &data["error"]).rfind(|error| error.is_object())
    }

    /// Whether the stream ended as streams end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.chunks.last() == Some(&Chunk::Done)
    }

    /// Display name of the provider that served.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.data().filter_map(|data| data["provider"].as_str()).next()
    }
}

impl Api {
    #[must_use]
    pub fn new(base: &str, key: &str) -> Self {
        Self {
            http: http::client(),
            base: base.trim_end_matches('/').to_owned(),
            key: key.to_owned(),
            headers: HeaderMap::new(),
        }
    }

    /// Sends a header of its own with every inference request.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) async fn is_up(&self) -> bool {
        self.get("/key").await.is_ok_and(|reply| reply.status == 200)
    }

    /// # Errors
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> anyhow::Result<Reply> {
        let request = self.http.get(format!("{}{path}", self.base));
        // Whoever has no key sends none.
        let request = if self.key.is_empty() { request } else { request.bearer_auth(&self.key) };
        read(request.send().await?).await
    }

    /// # Errors
    /// When no answer comes.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> anyhow::Result<Reply> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .headers(self.headers.clone())
            .body(body.into());
        read(request.send().await?).await
    }

    /// # Errors
    /// When no answer comes.
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Reply> {
        let request = self.http.put(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body);
        read(request.send().await?).await
    }

    /// One whole chat answer.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn chat(&self, body: &Value) -> anyhow::Result<Reply> {
        self.post("/chat/completions", body.to_string()).await
    }

    /// One whole chat answer to one user message.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn ask(&self, model: &str, prompt: &str) -> anyhow::Result<Reply> {
        self.chat(&json!({"model": model, "messages": [{"role": "user", "content": prompt}]})).await
    }

    /// One streamed chat answer to one user message, read to its end.
    ///
    /// # Errors
    /// When no answer begins.
    pub async fn stream(&self, model: &str, prompt: &str) -> anyhow::Result<Streamed> {
        self.stream_with(&json!({
            "model": model,
            "stream": true,
            "messages": [{"role": "user", "content": prompt}],
        }))
        .await
    }

    /// One streamed chat answer, read to its end.
    ///
    /// # Errors
    /// When no answer begins.
    pub async fn stream_with(&self, body: &Value) -> anyhow::Result<Streamed> {
        self.stream_until(body, |_| false).await
    }

    /// A streamed chat answer that the client leaves as soon as `enough` says so of what has come.
    ///
    /// # Errors
    /// When no answer begins.
    pub async fn stream_until(
        &self,
        body: &Value,
        mut enough: impl FnMut(&[Chunk]) -> bool,
    ) -> anyhow::Result<Streamed> {
        let response = self
            .http
            .post(format!("{}/chat/completions", self.base))
            .bearer_auth(&self.key)
            .headers(self.headers.clone())
            .json(body)
            .send()
            .await?;
        let mut streamed = Streamed {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            chunks: Vec::new(),
            broken: false,
            body: Value::Null,
        };
        let is_stream = streamed
            .headers
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if !is_stream {
            streamed.body = response.json().await.unwrap_or(Value::Null);
            return Ok(streamed);
        }
        let mut bytes = response.bytes_stream();
        let mut buffer = Vec::new();
        while let Some(piece) = bytes.next().await {
            let Ok(piece) = piece else {
                streamed.broken = true;
                break;
            };
            buffer.extend_from_slice(&piece);
            while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = buffer.drain(..end + 2).collect();
                streamed.chunks.push(chunk(&String::from_utf8(frame)?)?);
            }
            if enough(&streamed.chunks) {
                break;
            }
        }
        Ok(streamed)
    }
}

fn chunk(frame: &str) -> anyhow::Result<Chunk> {
    let frame = frame.trim_end();
    if frame.starts_with(':') {
        return Ok(Chunk::Comment);
    }
    let data = frame.strip_prefix("data: ").ok_or_else(|| anyhow::anyhow!("not a frame: {frame}"))?;
    if data == "[DONE]" { Ok(Chunk::Done) } else { Ok(Chunk::Data(serde_json::from_str(data)?)) }
}

pub(crate) async fn read(response: reqwest::Response) -> anyhow::Result<Reply> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Reply { status, headers, body })
}
