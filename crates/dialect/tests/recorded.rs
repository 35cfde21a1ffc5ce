//! The OpenAI dialect over recorded traffic of the providers that speak it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "recorded/cases.rs"]
mod cases;
#[path = "recorded/fold.rs"]
mod fold;

use bytes::Bytes;
use dialect::canonical::{Event, Operation};
use dialect::client::{Bill, Dialect, Envelope};
use dialect::codec::{Adapter, Target, adapter};
use dialect::error::ErrorType;
use fold::Answer;
use http::HeaderMap;
use pricing::Usage;
use serde_json::{Map, Value, json};

const APIS: [&str; 2] = ["openai.chat", "mistral.chat"];

fn openai() -> &'static dyn Adapter {
    adapter("openai", Operation::Chat, Dialect::Chat, &target(&Map::new())).expect("the dialect is known")
}

fn target(quirks: &Map<String, Value>) -> Target<'_> {
    Target {
        model: "author/model",
        provider: "house",
        provider_model: "model-1",
        max_output: None,
        supported_parameters: &[],
        quirks,
    }
}

fn read(case: &cases::Case, piece: usize) -> Vec<Event> {
    let none = Map::new();
    if !case.is_stream {
        return openai()
            .decode(&case.response, &target(&none))
            .unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
    }
    let mut stream = openai().stream(&target(&none));
    let mut events = Vec::new();
    for bytes in case.response.chunks(piece) {
        stream.push(bytes, &mut events);
    }
    stream.end(&mut events);
    events
}

/// The answers that came with a good status.
fn answers() -> impl Iterator<Item = cases::Case> {
    cases::cases(&APIS).into_iter().filter(|case| case.status == 200)
}

#[test]
fn every_answer_says_what_its_recording_says() {
    for case in answers() {
        let answer = fold::events(&read(&case, usize::MAX));
        let name = &case.name;
        if name.contains("stream_error") {
            let failure = answer.failure.expect(name);
            assert!(failure.is_fault && !failure.message.is_empty(), "{name}");
            continue;
        }
        assert_eq!(answer.failure, None, "{name}");
        assert!(answer.choices.values().all(|choice| choice.finish.is_some()), "{name}");
        if let Some(length) = case.native["text_chars"].as_u64() {
            assert_eq!(answer.text_length() as u64, length, "{name}");
        }
        if let Some(length) = case.native["reasoning_chars"].as_u64() {
            assert_eq!(answer.reasoning_length() as u64, length, "{name}");
        }
        let native = case.native["tool_calls"].as_array().cloned().unwrap_or_default();
        let calls: Vec<Value> =
            answer.calls().map(|call| json!({"name": call.name, "arguments": call.arguments})).collect();
        assert_eq!(calls, native, "{name}");
        usage_is_reported_whole(&answer, &case);
    }
}

/// The classes sum to the provider's own total, or to its parts where it gives none.
fn usage_is_reported_whole(answer: &Answer, case: &cases::Case) {
    let count = |name: &str| case.native["usage"][name].as_u64();
    let Some((prompt, completion)) = count("prompt_tokens").zip(count("completion_tokens")) else { return };
    let total = count("total_tokens").unwrap_or(prompt + completion);
    let (found_prompt, _, found_total) = answer.usage.unwrap_or_else(|| panic!("{} has no usage", case.name));
    assert_eq!((found_prompt, found_total), (prompt, total), "{}", case.name);
}

#[test]
fn every_cut_of_a_stream_says_the_same() {
    for case in answers().filter(|case| case.is_stream) {
        let whole = read(&case, usize::MAX);
        for piece in [1, 2, 7, 1_000] {
            assert_eq!(read(&case, piece), whole, "{} in pieces of {piece}", case.name);
        }
    }
}

#[test]
fn every_answer_cut_short_is_a_failure_or_whole() {
    for case in answers().filter(|case| case.is_stream && !case.name.contains("stream_error")) {
        let whole = fold::events(&read(&case, usize::MAX));
        let none = Map::new();
        for at in (0..case.response.len()).step_by(97) {
            let mut stream = openai().stream(&target(&none));
            let mut events = Vec::new();
            stream.push(&case.response[..at], &mut events);
            stream.end(&mut events);
            let cut = fold::events(&events);
            assert!(cut.failure.is_some() || cut.choices == whole.choices, "{} cut at {at}", case.name);
        }
    }
}

fn bill(events: &[Event]) -> Bill {
    let usage = events.iter().rev().find_map(|event| match event {
        Event::Usage(usage) => Some(*usage),
        _ => None,
    });
    Bill { usage: usage.unwrap_or_else(Usage::default), ..Bill::default() }
}

fn written(events: &[Event], stream: bool) -> Vec<u8> {
    let envelope =
        Envelope { id: "gen-1".to_owned(), model: "author/model".to_owned(), ..Envelope::default() };
    let mut writer = Dialect::Chat.answer(envelope, None, stream);
    let mut out = Vec::new();
    for event in events {
        writer.event(event.clone(), &mut out);
    }
    writer.finish(&bill(events), &mut out);
    out
}

#[test]
fn every_answer_reaches_a_chat_client_whole() {
    for case in answers().filter(|case| !case.name.contains("stream_error")) {
        let events = read(&case, usize::MAX);
        let mut expected = fold::as_client_sees(fold::events(&events));
        expected.usage = Some(fold::totals(&bill(&events).usage));
        let streamed = fold::without_ids(fold::chat_stream(&written(&events, true)));
        assert_eq!(streamed, expected, "{} streamed", case.name);
        let whole = fold::without_ids(fold::chat_whole(&written(&events, false)));
        assert_eq!(whole, expected, "{} whole", case.name);
    }
}

#[test]
fn every_error_is_classed() {
    for case in cases::cases(&APIS).iter().filter(|case| case.status != 200) {
        let error = openai().classify(case.status, &HeaderMap::new(), &case.response);
        let name = &case.name;
        assert_ne!(error.error_type, ErrorType::Server, "{name}");
        assert!(!error.message.is_empty() && !error.message.contains("**"), "{name}: {}", error.message);
        let wanted = match case.status {
            _ if name.contains("context_length") || name.contains("vllm/") => {
                ErrorType::ContextLengthExceeded
            }
            _ if name.contains("content_filter") => ErrorType::ContentPolicyViolation,
            _ if name.contains("media_rejected") => ErrorType::ImageDownloadFailed,
            _ if name.contains("insufficient_quota") => ErrorType::ProviderUnavailable,
            _ if name.contains("mistral/") && name.contains("unknown_model") => ErrorType::NotFound,
            _ if name.contains("codestral") => ErrorType::ProviderOverloaded,
            _ if name.contains("groq/") && case.status == 400 => ErrorType::ProviderUnavailable,
            400 => ErrorType::InvalidRequest,
            401..=403 => ErrorType::ProviderUnavailable,
            404 => ErrorType::NotFound,
            422 => ErrorType::Unprocessable,
            429 => ErrorType::RateLimitExceeded,
            _ => ErrorType::InvalidRequest,
        };
        assert_eq!(error.error_type, wanted, "{name}: {error:?}");
    }
}

#[test]
fn every_request_passes_through_with_its_content() {
    for case in cases::cases(&APIS) {
        let Some(mut sent) = case.request else { continue };
        sent["model"] = json!("author/model");
        if sent["tool_choice"] == "any" {
            sent["tool_choice"] = json!("required");
        }
        if sent["reasoning_effort"] == "default" {
            // A word of one provider alone, which the public vocabulary does not have.
            sent["reasoning_effort"] = Value::Null;
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
