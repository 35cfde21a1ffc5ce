//! What a client reads in the bytes it gets, once they are known to be valid.

mod messages;
mod responses;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dialect::client::Dialect;
use dialect::sse;
use serde_json::Value;

use crate::problems::Problems;
use crate::schemas::Schemas;

/// An answer as a client understands it.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) choices: BTreeMap<u32, Choice>,
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) ranked: Vec<(u32, f64)>,
    /// Tokens of the prompt and of the completion.
    pub(crate) usage: (u64, u64),
}

#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// Text and refusal.
    pub(crate) said: String,
    pub(crate) reasoning: String,
    pub(crate) calls: Vec<(String, Value)>,
    pub(crate) images: usize,
    /// The dialect's own word.
    pub(crate) end: String,
}

impl Received {
    pub(crate) fn choice(&mut self, index: &Value) -> &mut Choice {
        let index =
            index.as_u64().and_then(|index| u32::try_from(index).ok()).expect("a choice has a number");
        self.choices.entry(index).or_default()
    }
}

/// Appends a text, if it is one.
pub(crate) fn add(to: &mut String, text: &Value) {
    to.push_str(text.as_str().unwrap_or_default());
}

/// Tokens of a count that has to be there.
pub(crate) fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// Reads what went out. `None` when it cannot be understood, which is then among the problems, or when it is an
/// answer that `failed`.
pub(crate) fn read(
    dialect: Dialect,
    stream: bool,
    failed: bool,
    bytes: &[u8],
    schemas: Option<&Schemas>,
    problems: &mut Problems,
) -> Option<Received> {
    if !stream {
        let body = serde_json::from_slice::<Value>(bytes);
        problems.check(body.is_ok(), || format!("not JSON: {}", String::from_utf8_lossy(bytes)));
        let body = body.ok()?;
        let is_error_body =
            failed && body.get("error").is_some_and(Value::is_object) && body.get("id").is_none();
        validate(
            if is_error_body { error_schema(dialect, 500) } else { whole_schema(dialect) },
            &body,
            schemas,
            problems,
        );
        return (!is_error_body).then(|| whole(dialect, &body));
    }
    let mut frames = frames(bytes, problems)?;
    let is_done = frames.last().is_some_and(|(_, data)| data == b"[DONE]");
    if is_done {
        frames.pop();
    }
    problems.check(is_done == (dialect != Dialect::Messages), || {
        "`[DONE]` is where it should not be, or not".to_owned()
    });
    let mut events = Vec::new();
    for (name, data) in frames {
        let event = serde_json::from_slice::<Value>(&data);
        problems.check(event.is_ok(), || format!("not JSON: {}", String::from_utf8_lossy(&data)));
        let event = event.ok()?;
        validate(frame_schema(dialect), &event, schemas, problems);
        let is_named = name.is_empty() && !matches!(dialect, Dialect::Messages | Dialect::Responses);
        problems.check(is_named || event["type"] == name.as_str(), || {
            format!("event `{name}` carries {}", event["type"])
        });
        events.push(event);
    }
    match dialect {
        Dialect::Responses => responses::stream(&events, failed, problems),
        Dialect::Messages => messages::stream(&events, failed, problems),
        _ => Some(chunks(&events)),
    }
}

/// Names and data of server-sent events.
fn frames(bytes: &[u8], problems: &mut Problems) -> Option<Vec<(String, Vec<u8>)>> {
    let mut frames = Vec::new();
    let mut decoder = sse::Decoder::default();
    let outcome = decoder.push(bytes, |name, data| frames.push((name.to_owned(), data.to_vec())));
    problems.check(outcome.is_ok() && bytes.ends_with(b"\n\n"), || "the framing is not closed".to_owned());
    problems.check(decoder.stray().is_empty(), || "lines that are no fields".to_owned());
    outcome.ok().map(|()| frames)
}

fn validate(schema: &str, value: &Value, schemas: Option<&Schemas>, problems: &mut Problems) {
    if let Some(schemas) = schemas.filter(|_| !schema.is_empty()) {
        for fault in schemas.faults(schema, value) {
            let text = value.to_string();
            problems.add(format!("{fault} in {}", text.chars().take(400).collect::<String>()));
        }
    }
}

fn whole_schema(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "/components/schemas/ChatResult",
        Dialect::Responses => "/components/schemas/OpenResponsesResult",
        Dialect::Messages => "/components/schemas/MessagesResult",
        Dialect::Embeddings => "/paths/~1embeddings/post/responses/200/content/application~1json/schema",
        Dialect::Rerank => "/paths/~1rerank/post/responses/200/content/application~1json/schema",
        // Legacy completions are not in the reference.
        _ => "",
    }
}

fn frame_schema(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "/components/schemas/ChatStreamChunk",
        Dialect::Responses => "/components/schemas/StreamEvents",
        Dialect::Messages => "/components/schemas/MessagesStreamEvents",
        _ => "",
    }
}

/// The schema of an answer that is nothing but an error.
pub(crate) fn error_schema(dialect: Dialect, status: u16) -> &'static str {
    if dialect == Dialect::Messages {
        return "/components/schemas/AnthropicMessagesErrorResponse";
    }
    match status {
        401 => "/components/schemas/UnauthorizedResponse",
        402 => "/components/schemas/PaymentRequiredResponse",
        403 => "/components/schemas/ForbiddenResponse",
        404 => "/components/schemas/NotFoundResponse",
        408 => "/components/schemas/RequestTimeoutResponse",
        409 => "/components/schemas/ConflictResponse",
        413 => "/components/schemas/PayloadTooLargeResponse",
        422 => "/components/schemas/UnprocessableEntityResponse",
        429 => "/components/schemas/TooManyRequestsResponse",
        500 => "/components/schemas/InternalServerResponse",
        502 => "/components/schemas/BadGatewayResponse",
        503 => "/components/schemas/ServiceUnavailableResponse",
        _ => "/components/schemas/BadRequestResponse",
    }
}

/// Checks the body of an answer that is nothing but an error.
pub(crate) fn check_error(
    dialect: Dialect,
    status: u16,
    body: &[u8],
    schemas: Option<&Schemas>,
    problems: &mut Problems,
) {
    match serde_json::from_slice(body) {
        Ok(value) => validate(error_schema(dialect, status), &value, schemas, problems),
        Err(error) => problems.add(format!("an error that is not JSON: {error}")),
    }
}

fn whole(dialect: Dialect, body: &Value) -> Received {
    match dialect {
        Dialect::Responses => responses::whole(body),
        Dialect::Messages => messages::whole(body),
        Dialect::Embeddings => embeddings(body),
        Dialect::Rerank => Received { ranked: ranked(body), ..Received::default() },
        _ => {
            let mut received = Received::default();
            for choice in body["choices"].as_array().into_iter().flatten() {
                let read = received.choice(&choice["index"]);
                delta(read, &choice["message"]);
                add(&mut read.said, &choice["text"]);
                add(&mut read.end, &choice["finish_reason"]);
            }
            received.usage =
                (count(&body["usage"]["prompt_tokens"]), count(&body["usage"]["completion_tokens"]));
            received.finished()
        }
    }
}

/// Chunks of Chat Completions and of legacy completions.
fn chunks(events: &[Value]) -> Received {
    let mut received = Received::default();
    for event in events {
        for choice in event["choices"].as_array().into_iter().flatten() {
            let read = received.choice(&choice["index"]);
            delta(read, &choice["delta"]);
            add(&mut read.said, &choice["text"]);
            add(&mut read.end, &choice["finish_reason"]);
        }
        if let Some(usage) = event.get("usage") {
            received.usage = (count(&usage["prompt_tokens"]), count(&usage["completion_tokens"]));
        }
    }
    received.finished()
}

/// A delta, or a message, which is one delta of everything. Arguments stay text until all are there.
fn delta(choice: &mut Choice, delta: &Value) {
    add(&mut choice.said, &delta["content"]);
    add(&mut choice.said, &delta["refusal"]);
    add(&mut choice.reasoning, &delta["reasoning"]);
    choice.images += delta["images"].as_array().map_or(0, Vec::len);
    for (place, call) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
        let at = call["index"].as_u64().map_or(place, |index| usize::try_from(index).expect("a place"));
        while choice.calls.len() <= at {
            choice.calls.push((String::new(), Value::String(String::new())));
        }
        let (name, arguments) = &mut choice.calls[at];
        add(name, &call["function"]["name"]);
        if let Value::String(text) = arguments {
            add(text, &call["function"]["arguments"]);
        }
    }
}

impl Received {
    /// Reads the arguments, now that all are there.
    fn finished(mut self) -> Self {
        for (_, arguments) in self.choices.values_mut().flat_map(|choice| &mut choice.calls) {
            if let Value::String(text) = arguments {
                *arguments = crate::answers::object(text);
            }
        }
        self
    }
}

fn embeddings(body: &Value) -> Received {
    let vector = |item: &Value| match &item["embedding"] {
        Value::String(text) => {
            let bytes = BASE64_STANDARD.decode(text).expect("base64");
            bytes
                .chunks_exact(4)
                .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
                .collect()
        }
        numbers => serde_json::from_value(numbers.clone()).expect("numbers"),
    };
    Received {
        vectors: body["data"].as_array().into_iter().flatten().map(vector).collect(),
        usage: (count(&body["usage"]["prompt_tokens"]), 0),
        ..Received::default()
    }
}

fn ranked(body: &Value) -> Vec<(u32, f64)> {
    let results = body["results"].as_array().into_iter().flatten();
    let result = |result: &Value| {
        let index = u32::try_from(count(&result["index"])).expect("a place");
        (index, result["relevance_score"].as_f64().expect("a score"))
    };
    results.map(result).collect()
}
