mod answers;
mod embeddings;
mod errors;
mod generation;
mod images;
mod requests;
mod speech;

use serde_json::{Value, json};

use super::adapter;
use crate::canonical::{Event, Task};
use crate::codec::{Encoded, Target};
use crate::error::{BadRequest, ProviderError};

/// Runs `run` with an endpoint of `model`.
fn with_model<T>(model: &str, run: impl FnOnce(&Target<'_>) -> T) -> T {
    let quirks = serde_json::Map::new();
    run(&Target {
        model: "google/gemini",
        provider: "gemini",
        provider_model: model,
        max_output: None,
        supported_parameters: &[],
        service_tier: "",
        quirks: &quirks,
    })
}

/// Writes a task; the path and the body.
fn written(task: &Task, model: &str) -> Result<(String, Value), BadRequest> {
    let Encoded { path, body, .. } =
        with_model(model, |target| adapter(task.operation(), target).unwrap().encode(task, target))?;
    Ok((path, serde_json::from_slice(&body).unwrap()))
}

/// Reads an answer to `task`.
fn read(task: &Task, model: &str, body: &Value) -> Result<Vec<Event>, ProviderError> {
    let body = body.to_string();
    with_model(model, |target| adapter(task.operation(), target).unwrap().decode(body.as_bytes(), target))
}

/// Streams an answer to `task`.
fn streamed(task: &Task, model: &str, responses: &[Value]) -> Vec<Event> {
    let body: String = responses.iter().map(|response| format!("data: {response}\r\n\r\n")).collect();
    with_model(model, |target| {
        let mut decoder = adapter(task.operation(), target).unwrap().stream(target);
        let mut events = Vec::new();
        body.as_bytes().chunks(11).for_each(|piece| decoder.push(piece, &mut events));
        decoder.end(&mut events);
        events
    })
}

/// A response with one candidate of these parts.
fn response(parts: Value, finish: Option<&str>) -> Value {
    json!({
        "candidates": [{"content": {"parts": parts}, "finishReason": finish, "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 9,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 8}]}
    })
}
