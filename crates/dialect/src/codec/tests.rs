//! What holds for the adapters of all dialects.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Encoded, Target, adapter};
use crate::canonical::Operation;
use crate::client::Dialect;

/// A conversation in which the client names a tier in every way there is.
fn written(dialect: &str, client: Dialect, tier: &str, quirks: &Value) -> Encoded {
    let said = json!([{"role": "user", "content": "Hi"}]);
    let body = match client {
        Dialect::Responses => json!({"model": "m", "service_tier": "flex", "input": said}),
        Dialect::Messages => json!({"model": "m", "max_tokens": 9, "speed": "fast", "messages": said}),
        _ => json!({"model": "m", "service_tier": "priority", "messages": said}),
    };
    let quirks: Map<String, Value> = serde_json::from_value(quirks.clone()).unwrap();
    let target = Target {
        model: "author/model",
        provider: "house",
        provider_model: "anthropic.claude-1",
        max_output: Some(1_000),
        supported_parameters: &[],
        service_tier: tier,
        quirks: &quirks,
    };
    let task = client.decode(&Bytes::from(body.to_string())).unwrap();
    adapter(dialect, Operation::Chat, client, &target).unwrap().encode(&task, &target).unwrap()
}

/// The body, without what does not concern tiers, and the headers.
fn tier_of(encoded: &Encoded) -> (Value, Value) {
    let body: Map<String, Value> = serde_json::from_slice(&encoded.body).unwrap();
    let named = ["service_tier", "serviceTier", "speed"];
    let body: Map<_, _> = body.into_iter().filter(|(name, _)| named.contains(&name.as_str())).collect();
    let headers = encoded.headers.iter().filter(|(name, _)| {
        name.as_str().contains("service-tier") || name.as_str().contains("shared-request-type")
    });
    let headers: Map<_, _> =
        headers.map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap()))).collect();
    (Value::Object(body), Value::Object(headers))
}

#[test]
fn an_endpoint_of_a_tier_is_asked_for_it_in_its_own_words() {
    let none = json!({});
    let member = |value: Value| (value, json!({}));
    let groq = json!({"service_tiers": {"flex": "flex_processing"}});
    for (dialect, client, tier, quirks, expected) in [
        ("openai", Dialect::Chat, "flex", &none, member(json!({"service_tier": "flex"}))),
        ("openai", Dialect::Messages, "priority", &none, member(json!({"service_tier": "priority"}))),
        ("openai", Dialect::Chat, "flex", &groq, member(json!({"service_tier": "flex_processing"}))),
        (
            "openai",
            Dialect::Responses,
            "priority",
            &json!({"apis": ["responses"], "strict": true, "members": ["input"]}),
            member(json!({"service_tier": "priority"})),
        ),
        ("anthropic", Dialect::Messages, "priority", &none, member(json!({"service_tier": "auto"}))),
        ("anthropic", Dialect::Chat, "priority", &none, member(json!({"service_tier": "auto"}))),
        ("gemini", Dialect::Chat, "flex", &none, member(json!({"serviceTier": "flex"}))),
        ("bedrock", Dialect::Chat, "flex", &none, member(json!({"serviceTier": {"type": "flex"}}))),
        (
            "bedrock",
            Dialect::Messages,
            "priority",
            &json!({"api": "invoke"}),
            (json!({}), json!({"x-amzn-bedrock-service-tier": "priority"})),
        ),
        (
            "vertex",
            Dialect::Chat,
            "flex",
            &json!({"publisher": "google"}),
            (json!({}), json!({"x-vertex-ai-llm-shared-request-type": "flex"})),
        ),
    ] {
        let found = tier_of(&written(dialect, client, tier, quirks));
        assert_eq!(found, expected, "{dialect}, {client:?}");
    }
}

#[test]
fn an_endpoint_of_the_usual_tier_hears_nothing_of_the_tier_that_its_client_wishes_for() {
    let clients = [Dialect::Chat, Dialect::Responses, Dialect::Messages];
    for dialect in super::DIALECTS {
        for client in clients {
            let found = tier_of(&written(dialect, client, "", &json!({})));
            assert_eq!(found, (json!({}), json!({})), "{dialect}, {client:?}");
        }
    }
    // Where an account's settings would decide, it is said.
    for client in clients {
        let found = tier_of(&written("openai", client, "", &json!({"accepts": ["service_tier"]})));
        assert_eq!(found.0, json!({"service_tier": "default"}), "{client:?}");
    }
}
