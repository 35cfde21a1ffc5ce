use serde_json::{Map, Value, json};

use super::*;
use crate::canonical::{Operation, Task};
use crate::client::Dialect;
use crate::codec::{Adapter, adapter};

/// Runs `body` with an endpoint of the house that has these quirks and is said to take these parameters.
pub(in crate::openai) fn with_target<T>(
    quirks: &Value,
    supported: &[&str],
    body: impl FnOnce(&Target<'_>) -> T,
) -> T {
    let (none, supported) = (Map::new(), supported.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    body(&Target {
        model: "a/b",
        provider: "house",
        provider_model: "b-1",
        max_output: None,
        supported_parameters: &supported,
        service_tier: "",
        quirks: quirks.as_object().unwrap_or(&none),
    })
}

/// What a client's body in a dialect becomes at such an endpoint.
pub(in crate::openai) fn sent(
    dialect: Dialect,
    body: &Value,
    quirks: &Value,
    supported: &[&str],
) -> Result<Encoded, BadRequest> {
    let bytes = Bytes::from(body.to_string());
    dialect.peek(&bytes).unwrap();
    let task = dialect.decode(&bytes).unwrap();
    with_target(quirks, supported, |target| chosen(&task, dialect, target).encode(&task, target))
}

/// [`sent`] as JSON.
pub(in crate::openai) fn sent_json(dialect: Dialect, body: &Value, quirks: &Value) -> Value {
    serde_json::from_slice(&sent(dialect, body, quirks, &[]).unwrap().body).unwrap()
}

/// The adapter of an operation at an endpoint with these quirks.
pub(in crate::openai) fn at(operation: Operation, quirks: &Value) -> &'static dyn Adapter {
    with_target(quirks, &[], |target| adapter("openai", operation, Dialect::Chat, target)).unwrap()
}

fn chosen(task: &Task, client: Dialect, target: &Target<'_>) -> &'static dyn Adapter {
    adapter("openai", task.operation(), client, target).unwrap()
}

#[test]
fn where_it_goes_and_how_it_is_presented_are_data() {
    let body = json!({"model": "a/b", "input": "x"});
    let plain = sent(Dialect::Embeddings, &body, &json!({}), &[]).unwrap();
    assert_eq!((plain.path.as_str(), plain.auth), ("/embeddings", AuthStyle::Bearer));
    assert_eq!(plain.headers[0].1, "application/json");
    let quirks = json!({"paths": {"embeddings": "/v9/embed?api-version=1"}, "auth": "api-key"});
    let other = sent(Dialect::Embeddings, &body, &quirks, &[]).unwrap();
    assert_eq!((other.path.as_str(), other.auth), ("/v9/embed?api-version=1", AuthStyle::ApiKey));
}

#[test]
fn members_are_accepted_dropped_renamed_and_added_by_the_catalogue() {
    let body = json!({"model": "a/b", "input": "x", "truncate": "END", "service_tier": "priority",
        "dimensions": 3, "MODEL": "dear", "models": ["a/b"], "session_id": "s"});
    let bare = json!({"model": "b-1", "input": "x", "dimensions": 3});
    assert_eq!(sent_json(Dialect::Embeddings, &body, &json!({})), bare);
    let quirks = json!({"accepts": ["truncate", "model"], "rename": {"dimensions": "size"}, "drop": ["input"],
        "add": {"normalize": true}});
    let expected = json!({"model": "b-1", "size": 3, "truncate": "END", "normalize": true});
    assert_eq!(sent_json(Dialect::Embeddings, &body, &quirks), expected);
}
