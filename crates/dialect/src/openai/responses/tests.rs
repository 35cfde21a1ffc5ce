mod answers;
mod requests;
mod turns;

use serde_json::{Map, Value};

use super::Responses;
use crate::canonical::{Event, Task};
use crate::client::Dialect;
use crate::codec::{Adapter as _, Encoded, Target};

/// Runs `body` with an endpoint of these quirks.
fn with_target<T>(quirks: &Value, parameters: &[&str], body: impl FnOnce(&Target<'_>) -> T) -> T {
    let parameters: Vec<String> = parameters.iter().map(ToString::to_string).collect();
    body(&Target {
        model: "author/model",
        provider: "openai",
        provider_model: "model-1",
        max_output: Some(1_000),
        supported_parameters: &parameters,
        service_tier: "",
        quirks: quirks.as_object().unwrap_or(&Map::new()),
    })
}

fn task(client: Dialect, body: &Value) -> Task {
    client.decode(&body.to_string().into()).unwrap()
}

fn encoded(client: Dialect, body: &Value, quirks: &Value, parameters: &[&str]) -> (Encoded, Value) {
    let task = task(client, body);
    let encoded = with_target(quirks, parameters, |target| Responses.encode(&task, target)).unwrap();
    let body = serde_json::from_slice(&encoded.body).unwrap();
    (encoded, body)
}

/// The body that a client's body becomes, without quirks.
fn sent(client: Dialect, body: &Value) -> Value {
    encoded(client, body, &Value::Null, &[]).1
}

fn streamed(text: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let mut stream = with_target(&Value::Null, &[], |target| Responses.stream(target));
    for piece in text.as_bytes().chunks(7) {
        stream.push(piece, &mut events);
    }
    stream.end(&mut events);
    events
}
