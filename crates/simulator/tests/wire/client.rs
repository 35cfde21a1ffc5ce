//! A simulator on a port of its own, and the plainest HTTP client there is.

use std::net::SocketAddr;

use aws_smithy_eventstream::frame::DecodedFrame;
use lifecycle::{Shutdown, Tasks};
use serde_json::{Value, json};
use simulator::{Config, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A running simulator, stopped when dropped.
pub(crate) struct Simulator {
    pub(crate) address: SocketAddr,
    shutdown: Shutdown,
}

/// What came back, as far as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The sizes of the chunks, when the body was chunked.
    pub(crate) chunks: Vec<usize>,
    /// Whether the body came to its announced end.
    pub(crate) whole: bool,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

impl Simulator {
    pub(crate) async fn start() -> Self {
        Self::with(Config { label: false, ..Config::default() }).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = Tasks::default();
        let shutdown = tasks.shutdown().clone();
        tasks.spawn(serve(listener, config, shutdown.clone()));
        Self { address, shutdown }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        socket
    }

    /// A request whose body is not text.
    pub(crate) async fn post_bytes(&self, path: &str, headers: &str, body: &[u8]) -> Reply {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let mut bytes = Vec::new();
        socket.read_to_end(&mut bytes).await.unwrap();
        Reply::read(&bytes)
    }

    /// A form with texts and one file.
    pub(crate) async fn form(&self, path: &str, texts: &[(&str, &str)], file: (&str, &str, &[u8])) -> Reply {
        let mut body = Vec::new();
        for (name, value) in texts {
            body.extend(
                format!("--seam\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                    .bytes(),
            );
        }
        let (name, file_name, bytes) = file;
        body.extend(
            format!(
                "--seam\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
                 content-type: application/octet-stream\r\n\r\n"
            )
            .bytes(),
        );
        body.extend(bytes);
        body.extend(b"\r\n--seam--\r\n");
        let headers =
            "content-type: multipart/form-data; boundary=seam\r\nauthorization: Bearer sk-test-1234\r\n";
        self.post_bytes(path, headers, &body).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let mut socket = self.send(method, path, headers, body).await;
        let mut bytes = Vec::new();
        // A broken connection is something that tests look for.
        let _ = socket.read_to_end(&mut bytes).await;
        Reply::read(&bytes)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        let headers = "content-type: application/json\r\nanthropic-version: 2023-06-01\r\nauthorization: Bearer sk-test-1234\r\n";
        self.call("POST", path, headers, &body.to_string()).await
    }

    pub(crate) async fn put_fault(&self, path: &str, script: &Value) {
        let reply = self.call("PUT", path, "", &script.to_string()).await;
        assert_eq!(reply.status, 204, "{}", reply.text());
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.call("GET", path, "", "").await.json()
    }

    /// The newest log entry once it has ended.
    pub(crate) async fn last_entry(&self) -> Value {
        loop {
            let log = self.get("/_admin/log").await;
            let last = log.as_array().unwrap().last().cloned().unwrap_or_default();
            if last.is_object() && last["outcome"] != "open" {
                return last;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

impl Reply {
    fn read(bytes: &[u8]) -> Self {
        let Some(split) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Self {
                status: 0,
                head: String::new(),
                body: bytes.to_vec(),
                chunks: vec![],
                whole: false,
            };
        };
        let head = String::from_utf8(bytes[..split].to_vec()).unwrap().to_lowercase();
        let status = head[9..12].parse().unwrap();
        let raw = &bytes[split + 4..];
        let (body, chunks, whole) = if head.contains("transfer-encoding: chunked") {
            dechunk(raw)
        } else {
            let length = header(&head, "content-length").map_or(0, |length| length.parse::<usize>().unwrap());
            (raw.to_vec(), vec![], raw.len() == length)
        };
        Self { status, head, body, chunks, whole }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The JSON of every `data:` line.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("no JSON: {data}")))
            .collect()
    }

    /// The frames of an AWS event stream: what each is and its payload. Checks the sums.
    pub(crate) fn frames(&self) -> Vec<(String, Value)> {
        let mut decoder = aws_smithy_eventstream::frame::MessageFrameDecoder::new();
        let mut rest = self.body.as_slice();
        let mut frames = Vec::new();
        while let DecodedFrame::Complete(message) = decoder.decode_frame(&mut rest).unwrap() {
            let text = |name: &str| {
                let header = message.headers().iter().find(|header| header.name().as_str() == name)?;
                Some(header.value().as_string().unwrap().as_str().to_owned())
            };
            let kind = text(":event-type").or_else(|| text(":exception-type")).unwrap();
            assert_eq!(text(":content-type").as_deref(), Some("application/json"));
            frames.push((kind, serde_json::from_slice(message.payload()).unwrap()));
        }
        assert!(rest.is_empty(), "{} bytes are left", rest.len());
        frames
    }

    /// The JSON of every line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn dechunk(mut raw: &[u8]) -> (Vec<u8>, Vec<usize>, bool) {
    let mut body = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let Some(end) = raw.windows(2).position(|window| window == b"\r\n") else {
            return (body, sizes, false);
        };
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, sizes, true);
        }
        let rest = &raw[end + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        if rest.len() < size + 2 {
            return (body, sizes, false);
        }
        sizes.push(size);
        raw = &rest[size + 2..];
    }
}

/// A chat request in OpenAI's shape.
pub(crate) fn chat(prompt: &str) -> Value {
    json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}]})
}

/// `base` with the fields of `more`.
pub(crate) fn with(mut base: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        base[key] = value.clone();
    }
    base
}

/// A declaration of a weather function's parameters.
pub(crate) fn weather_schema() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum":
        ["celsius", "fahrenheit"]}}, "required": ["city", "unit"], "additionalProperties": false})
}

/// Asserts that arguments fit [`weather_schema`] and name the city.
pub(crate) fn assert_weather(arguments: &Value, city: &str) {
    assert_eq!(arguments["city"], city, "{arguments}");
    assert!(["celsius", "fahrenheit"].contains(&arguments["unit"].as_str().unwrap()), "{arguments}");
    assert_eq!(arguments.as_object().unwrap().len(), 2);
}
