//! The OpenAI dialect over recorded traffic of the providers that speak it.

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

const API: &str = "openai.chat";

fn openai() -> &'static dyn Adapter {
    speaker("openai", Operation::Chat)
}

/// The answers that came with a good status.
fn answers() -> impl Iterator<Item = Case> {
    cases::cases(&[API]).into_iter().filter(|case| case.status == 200)
}

fn ends_in_an_error(case: &Case) -> bool {
    case.name.contains("stream_error")
}

fn events(case: &Case) -> Vec<Event> {
    read(openai(), case, &Map::new(), usize::MAX)
}

#[test]
fn every_answer_says_what_its_recording_says() {
    for case in answers() {
        let answer = fold::events(&events(&case));
        if ends_in_an_error(&case) {
            let failure = answer.failure.expect(&case.name);
            assert!(failure.is_fault && !failure.message.is_empty(), "{}", case.name);
            assert_eq!(failure.retry, Retry::Anywhere, "{}", case.name);
            continue;
        }
        proof::says_what_was_recorded(&case, &answer);
    }
}

fn provider(case: &Case) -> &str {
    case.name.split('/').next().unwrap()
}

/// The last usage object of a body, wherever it stands.
fn recorded_usage(case: &Case) -> Option<Value> {
    let found = |value: &Value| {
        [&value["usage"], &value["x_groq"]["usage"]].into_iter().find(|usage| usage.is_object()).cloned()
    };
    case.values().iter().filter_map(found).next_back()
}

/// The classes that a recorded usage object stands for, by the rules of its provider.
fn expected_classes(case: &Case, recorded: &Value) -> Usage {
    let count = |pointer: &str| recorded.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let (prompt, completion) = (count("/prompt_tokens"), count("/completion_tokens"));
    let cached = match provider(case) {
        "together" => count("/cached_tokens"),
        "deepseek" => count("/prompt_cache_hit_tokens"),
        _ => count("/prompt_tokens_details/cached_tokens"),
    };
    // Once a server of Azure reported more cached tokens than there were in the prompt.
    let cached = cached.min(prompt);
    let written = count("/prompt_tokens_details/cache_write_tokens");
    let heard = count("/prompt_tokens_details/audio_tokens");
    let seen = count("/prompt_tokens_details/image_tokens").min(prompt - cached);
    let reasoning = match provider(case) {
        // Beside the completion, and told in the total alone.
        "gemini" => count("/total_tokens") - prompt - completion,
        _ => count("/completion_tokens_details/reasoning_tokens"),
    };
    let visible = match provider(case) {
        "xai" | "gemini" => completion,
        _ => completion - reasoning,
    };
    // One recording was made up: its audio and its reasoning are more than the completion.
    let spoken = count("/completion_tokens_details/audio_tokens").min(visible);
    proof::usage(&[
        (Class::CacheRead, cached),
        (Class::CacheWrite5m, written),
        (Class::AudioInput, heard),
        (Class::ImageInput, seen),
        (Class::Input, prompt - cached - written - heard - seen),
        (Class::Reasoning, reasoning),
        (Class::AudioOutput, spoken),
        (Class::Output, visible - spoken),
    ])
}

#[test]
fn usage_is_what_the_provider_reported_class_by_class() {
    let mut silent = Vec::new();
    for case in answers() {
        let found = proof::last_usage(&events(&case));
        match recorded_usage(&case) {
            Some(recorded) => assert_eq!(found, Some(expected_classes(&case, &recorded)), "{}", case.name),
            None => {
                assert_eq!(found, None, "{}", case.name);
                silent.push(case.name);
            }
        }
    }
    // Providers that say nothing of usage in a stream unless they are asked, recorded without asking.
    assert!(silent.is_empty() || silent.len() == SILENT.len(), "{silent:?}");
    assert!(silent.iter().all(|name| SILENT.iter().any(|part| name.contains(part))), "{silent:?}");
}

const SILENT: [&str; 5] = [
    "groq/chat-stream-stream_error",
    "groq/chat-stream-tool_call-llama-3.1-70b",
    "openai_compatible/chat-stream-tool_call-claude-haiku-4-5",
    "together/chat-stream-parallel_tools",
    "vllm/chat-stream-plain-llama-3.2-1b",
];

#[test]
fn usage_that_is_told_more_than_once_only_grows() {
    for case in answers() {
        let told = events(&case).into_iter().filter_map(|event| match event {
            Event::Usage(usage) => Some(fold::totals(&usage).2),
            _ => None,
        });
        let totals: Vec<u64> = told.collect();
        assert!(totals.is_sorted_by(|one, next| one < next), "{}: {totals:?}", case.name);
    }
}

#[test]
fn every_cut_of_a_stream_says_the_same() {
    answers().filter(|case| case.is_stream).for_each(|case| proof::every_cut_says_the_same(openai(), &case));
}

#[test]
fn every_answer_cut_short_is_a_failure_or_whole() {
    for case in answers().filter(|case| case.is_stream && !ends_in_an_error(case)) {
        proof::cut_short_it_fails_or_is_whole(openai(), &case);
    }
}

#[test]
fn damage_is_survived() {
    answers().filter(|case| case.is_stream).for_each(|case| proof::damage_is_survived(openai(), &case));
}

#[test]
fn every_answer_reaches_a_chat_client_whole() {
    for case in answers().filter(|case| !ends_in_an_error(case)) {
        proof::reaches_a_chat_client_whole(&case, &events(&case));
    }
}

#[test]
fn every_error_is_classed() {
    use ErrorType as E;
    use Retry::{Anywhere, Elsewhere, Never};
    let table = [
        ("azure/chat-unary-error_400-content_filter", E::ContentPolicyViolation, Never, false),
        ("azure/chat-unary-error_401", E::ProviderUnavailable, Elsewhere, true),
        ("azure/chat-unary-error_404", E::NotFound, Elsewhere, true),
        ("azure/chat-unary-error_422", E::Unprocessable, Never, false),
        ("azure/chat-unary-error_429", E::RateLimitExceeded, Anywhere, false),
        ("deepseek/chat-unary-error_400", E::InvalidRequest, Elsewhere, false),
        ("deepseek/chat-unary-error_401", E::ProviderUnavailable, Elsewhere, true),
        ("deepseek/chat-unary-error_402", E::ProviderUnavailable, Elsewhere, true),
        ("fireworks/chat-unary-error_404", E::NotFound, Elsewhere, true),
        ("fireworks/chat-unary-error_429", E::RateLimitExceeded, Anywhere, false),
        ("groq/chat-unary-error_400", E::ProviderUnavailable, Anywhere, false),
        // 12,903 tokens asked for of 7,000 a minute.
        ("groq/chat-unary-error_429", E::RateLimitExceeded, Elsewhere, false),
        ("ollama/chat-unary-error_400-context_length", E::ContextLengthExceeded, Never, false),
        ("openai/chat-unary-error_400-media_rejected", E::ImageDownloadFailed, Never, false),
        ("openai/chat-unary-error_400-schema_or_tool", E::InvalidRequest, Never, false),
        ("openai/chat-unary-error_400-unknown_model", E::InvalidRequest, Elsewhere, false),
        ("openai/chat-unary-error_401", E::ProviderUnavailable, Elsewhere, true),
        ("openai/chat-unary-error_403", E::ProviderUnavailable, Elsewhere, false),
        ("openai/chat-unary-error_404", E::NotFound, Elsewhere, true),
        ("openai/chat-unary-error_429-gpt-4-", E::RateLimitExceeded, Anywhere, false),
        ("openai/chat-unary-error_429-gpt-4o", E::RateLimitExceeded, Elsewhere, false),
        ("openai/chat-unary-error_429-insufficient_quota", E::ProviderUnavailable, Elsewhere, false),
        ("openai/chat-unary-error_429-nomodel", E::RateLimitExceeded, Anywhere, false),
        ("openai_compatible/chat-unary-error_400-context", E::ContextLengthExceeded, Never, false),
        ("openai_compatible/chat-unary-error_403", E::ProviderUnavailable, Elsewhere, false),
        ("openai_compatible/chat-unary-error_500", E::InvalidRequest, Elsewhere, false),
        ("openrouter/chat-unary-error_400", E::InvalidRequest, Never, false),
        ("openrouter/chat-unary-error_429", E::RateLimitExceeded, Anywhere, false),
        ("together/chat-unary-error_429", E::RateLimitExceeded, Anywhere, false),
        ("vllm/chat-unary-error_400", E::ContextLengthExceeded, Never, false),
        ("xai/chat-unary-error_400", E::InvalidRequest, Elsewhere, false),
    ];
    proof::errors_are_classed(openai(), &cases::cases(&[API]), &table);
}

#[test]
fn a_filtered_prompt_names_its_reasons() {
    let all = cases::cases(&[API]);
    let Some(case) = all.iter().find(|case| case.name.contains("error_400-content_filter")) else { return };
    let error = openai().classify(case.status, &case.headers, &case.response);
    assert_eq!(error.metadata["reasons"], json!(["sexual"]));
}

#[test]
fn every_request_passes_through_with_its_content() {
    for case in cases::cases(&[API]) {
        let Some(mut sent) = case.request else { continue };
        sent["model"] = json!("author/model");
        if sent["reasoning_effort"] == "default" {
            // A word of one provider alone, which the public vocabulary does not have.
            sent["reasoning_effort"] = Value::Null;
        }
        if sent["service_tier"] == "on_demand" {
            // As that.
            sent["service_tier"] = Value::Null;
        }
        let body = Bytes::from(sent.to_string());
        let peek = Dialect::Chat.peek(&body).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(u64::from(peek.messages), sent["messages"].as_array().unwrap().len() as u64);
        let request = Dialect::Chat.decode(&body).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let quirks = json!({"send_reasoning_back": "reasoning_details", "keep_cache_control": true});
        let encoded = openai().encode(&request, &target(quirks.as_object().unwrap())).unwrap();
        let received: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(received["model"], "model-1");
        for name in ["tools", "tool_choice", "response_format", "temperature", "seed", "stop"] {
            let sent = sent.get(name).filter(|value| !value.is_null() && **value != json!([]));
            let without_tools = name == "tool_choice" && sent.is_some() && received.get("tools").is_none();
            assert!(received.get(name) == sent || without_tools, "{}: {name}", case.name);
        }
        assert_eq!(received["messages"].as_array().map(Vec::len), Some(peek.messages as usize));
    }
}
