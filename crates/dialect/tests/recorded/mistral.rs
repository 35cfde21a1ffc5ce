//! The Mistral dialect over recorded traffic of the vendor.

use bytes::Bytes;
use dialect::canonical::{Event, Operation};
use dialect::client::Dialect;
use dialect::codec::Adapter;
use dialect::error::{ErrorType, Retry};
use pricing::{Class, Usage};
use serde_json::{Map, Value, json};

use crate::cases::{self, Case};
use crate::fold;
use crate::proof::{self, read, speaker, target};

const API: &str = "mistral.chat";

fn mistral() -> &'static dyn Adapter {
    speaker("mistral", Operation::Chat)
}

fn answers() -> impl Iterator<Item = Case> {
    cases::cases(&[API]).into_iter().filter(|case| case.status == 200)
}

fn events(case: &Case) -> Vec<Event> {
    read(mistral(), case, &Map::new(), usize::MAX)
}

#[test]
fn every_answer_says_what_its_recording_says() {
    for case in answers() {
        proof::says_what_was_recorded(&case, &fold::events(&events(&case)));
        proof::reaches_a_chat_client_whole(&case, &events(&case));
    }
}

#[test]
fn usage_is_what_the_provider_reported_class_by_class() {
    for case in answers() {
        let usages: Vec<Value> = case.values().iter().map(|value| value["usage"].clone()).collect();
        let recorded = usages.iter().rfind(|usage| usage.is_object()).expect(&case.name);
        let count = |pointer: &str| recorded.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let cached = count("/prompt_tokens_details/cached_tokens") + count("/num_cached_tokens");
        // A template of the vendor's may be cached that is not counted as prompt.
        let cached = cached.min(count("/prompt_tokens"));
        let expected = proof::usage(&[
            (Class::CacheRead, cached),
            (Class::Input, count("/prompt_tokens") - cached),
            (Class::Output, count("/completion_tokens")),
        ]);
        assert_eq!(proof::last_usage(&events(&case)), Some(expected), "{}", case.name);
    }
}

#[test]
fn streams_are_read_however_they_are_cut() {
    for case in answers().filter(|case| case.is_stream) {
        proof::every_cut_says_the_same(mistral(), &case);
        proof::cut_short_it_fails_or_is_whole(mistral(), &case);
        proof::damage_is_survived(mistral(), &case);
    }
}

#[test]
fn every_error_is_classed() {
    use ErrorType as E;
    use Retry::{Anywhere, Elsewhere, Never};
    let table = [
        ("error_400-ministral", E::InvalidRequest, Elsewhere, false),
        ("error_400-unknown_model", E::NotFound, Elsewhere, true),
        ("error_401", E::ProviderUnavailable, Elsewhere, true),
        ("error_429-codestral", E::ProviderOverloaded, Anywhere, false),
        ("error_429", E::RateLimitExceeded, Anywhere, false),
        ("error_422", E::Unprocessable, Never, false),
    ];
    proof::errors_are_classed(mistral(), &cases::cases(&[API]), &table);
}

/// A server that refuses what it does not know, as this vendor does.
fn check_strictly(case: &Case, body: &Value) {
    const KNOWN: [&str; 18] = [
        "model",
        "messages",
        "temperature",
        "top_p",
        "max_tokens",
        "stream",
        "stop",
        "random_seed",
        "response_format",
        "tools",
        "tool_choice",
        "presence_penalty",
        "frequency_penalty",
        "n",
        "parallel_tool_calls",
        "reasoning_effort",
        "prompt_mode",
        "safe_prompt",
    ];
    for name in body.as_object().unwrap().keys() {
        assert!(KNOWN.contains(&name.as_str()), "{}: `{name}` is not permitted", case.name);
    }
    for turn in body["messages"].as_array().unwrap() {
        let known: &[&str] = match turn["role"].as_str().unwrap() {
            "system" | "user" => &["role", "content"],
            "assistant" => &["role", "content", "tool_calls", "prefix"],
            "tool" => &["role", "content", "tool_call_id"],
            role => panic!("{}: no role `{role}`", case.name),
        };
        assert!(turn.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())), "{}", case.name);
        let ids = turn["tool_calls"].as_array().into_iter().flatten().map(|call| &call["id"]);
        for id in ids.chain(turn.get("tool_call_id")) {
            let id = id.as_str().unwrap();
            assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{}", case.name);
        }
    }
}

#[test]
fn every_request_that_was_recorded_is_one_that_the_vendor_takes() {
    for case in cases::cases(&[API]) {
        let Some(mut sent) = case.request.clone() else { continue };
        let seed = sent["random_seed"].take();
        sent.as_object_mut().unwrap().remove("random_seed");
        if !seed.is_null() {
            sent["seed"] = seed.clone();
        }
        let body = Bytes::from(sent.to_string());
        let request = Dialect::Chat.decode(&body).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let received = mistral().encode(&request, &target(&Map::new())).unwrap();
        let received: Value = serde_json::from_slice(&received.body).unwrap();
        check_strictly(&case, &received);
        assert_eq!(received["random_seed"], seed, "{}", case.name);
        for name in ["tool_choice", "response_format", "temperature", "max_tokens", "reasoning_effort", "n"] {
            assert_eq!(received[name], sent[name], "{}: {name}", case.name);
        }
    }
}

#[test]
fn vectors_come_in_their_order_with_what_they_cost() {
    for case in cases::cases(&["mistral.embeddings"]) {
        let adapter = speaker("mistral", Operation::Embeddings);
        let events = adapter.decode(&case.response, &target(&Map::new())).unwrap();
        let places: Vec<u32> = events
            .iter()
            .filter_map(|event| match event {
                Event::Embedding { index, vector } => Some((*index, vector.len())),
                _ => None,
            })
            .map(|(index, length)| {
                assert_eq!(length, 64);
                index
            })
            .collect();
        assert_eq!(places, [0, 1, 2]);
        assert_eq!(proof::last_usage(&events), Some(Usage::default().with(Class::Input, 38)));
        assert_eq!(json!(case.request)["output_dimension"], 64);
    }
}
