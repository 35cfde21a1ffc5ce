//! Recorded answers of providers that speak Responses.

use dialect::canonical::{FinishReason, Operation, ReasoningKind};
use dialect::client::{Bill, Dialect, Envelope};
use dialect::codec::{Adapter, Target, adapter};
use dialect::error::{ErrorType, ProviderError, Retry};
use pricing::Class;
use serde_json::{Map, Value, json};

use crate::answers::{
    Answer, check_native, cut_off_everywhere, damaged_everywhere, dialect, events, fold, sent_back,
    streamed_every_way,
};
use crate::cases::{self, Case};

const API: [&str; 1] = ["openai.responses"];

/// Runs `body` with an endpoint that speaks Responses alone.
fn with_target<T>(body: impl FnOnce(&Target<'_>) -> T) -> T {
    let quirks = Map::from_iter([("api".to_owned(), json!("responses"))]);
    body(&Target {
        model: "author/model",
        provider: "openai",
        provider_model: "model",
        max_output: None,
        supported_parameters: &[],
        service_tier: "",
        quirks: &quirks,
    })
}

fn responses() -> &'static dyn Adapter {
    with_target(|target| adapter("openai", Operation::Chat, Dialect::Chat, target)).unwrap()
}

#[test]
fn the_catalogue_says_which_api_a_model_has() {
    let task = Dialect::Responses.decode(&r#"{"model":"author/model","input":"Hi"}"#.into()).unwrap();
    let path = |adapter: &dyn Adapter| with_target(|target| adapter.encode(&task, target)).unwrap().path;
    assert_eq!(path(responses()), "/responses");
    assert_eq!(path(dialect("openai")), "/chat/completions");
}

fn answer(case: &Case) -> Answer {
    fold(events(responses(), case).unwrap())
}

/// The response itself: the body, or what the last event has of it.
fn response(case: &Case) -> Value {
    if !case.is_stream {
        return serde_json::from_slice(&case.response).unwrap();
    }
    let text = std::str::from_utf8(&case.response).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str::<Value>(data).unwrap()["response"].take()).next_back().unwrap()
}

fn good_cases() -> Vec<Case> {
    let mut all = cases::cases(&API);
    all.retain(|case| case.status == 200 && !case.name.contains("stream_error"));
    all
}

#[test]
fn every_answer_is_read_whole_and_cut_anywhere() {
    for case in good_cases() {
        let answer = answer(&case);
        if case.is_stream {
            assert_eq!(streamed_every_way(responses(), &case), answer);
        }
        assert_eq!(answer.failure, None, "{}", case.name);
        assert!(answer.id.is_some() && answer.model.is_some(), "{}", case.name);
        let (reason, native) = &answer.finishes[&0];
        let expected = if answer.calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
        assert_eq!((*reason, native.as_str()), (expected, "completed"), "{}", case.name);
        check_native(&case, &answer);
        assert_eq!(answer.tier.as_deref(), response(&case)["service_tier"].as_str(), "{}", case.name);
    }
}

#[test]
fn an_error_inside_a_stream_is_its_end() {
    for case in cases::cases(&API).iter().filter(|case| case.name.contains("stream_error")) {
        let answer = streamed_every_way(responses(), case);
        let failure = answer.failure.unwrap();
        let classed = (failure.error_type, failure.retry, failure.provider_code.as_deref());
        assert_eq!(classed, (ErrorType::ProviderUnavailable, Retry::Elsewhere, Some("insufficient_quota")));
        assert!(answer.finishes.is_empty());
    }
}

#[test]
fn a_refusal_is_not_text() {
    let all = good_cases();
    for case in all.iter().filter(|case| case.name.contains("refusal")) {
        let answer = answer(case);
        assert_eq!(answer.refusal, "I'm very sorry, but I can't assist with that.");
        assert_eq!(answer.text(), "");
    }
}

#[test]
fn a_stream_cut_off_is_never_a_silent_end() {
    for case in cases::cases(&API).iter().filter(|case| case.is_stream) {
        cut_off_everywhere(responses(), case);
    }
}

#[test]
fn damage_is_survived() {
    for case in cases::cases(&API).iter().filter(|case| case.response.len() < 8_192) {
        damaged_everywhere(responses(), case);
    }
}

#[test]
fn usage_sums_to_what_the_provider_reported() {
    for case in good_cases() {
        let usage = answer(&case).usage.unwrap();
        let reported = response(&case);
        let count = |path: &str| reported["usage"].pointer(path).and_then(Value::as_u64).unwrap_or(0);
        assert_eq!(usage.prompt_tokens().unwrap(), count("/input_tokens"), "{}", case.name);
        assert_eq!(usage.completion_tokens().unwrap(), count("/output_tokens"), "{}", case.name);
        let details = [
            (Class::CacheRead, "/input_tokens_details/cached_tokens"),
            (Class::CacheWrite5m, "/input_tokens_details/cache_write_tokens"),
            (Class::Reasoning, "/output_tokens_details/reasoning_tokens"),
        ];
        for (class, path) in details {
            assert_eq!(usage.get(class), count(path), "{path} of {}", case.name);
        }
    }
}

#[test]
fn reasoning_of_one_item_keeps_its_id() {
    let mut kinds = Vec::new();
    for case in good_cases() {
        let reported = response(&case);
        let items = reported["output"].as_array().unwrap().iter().filter(|item| item["type"] == "reasoning");
        let ids: Vec<_> = items.map(|item| item["id"].as_str()).collect();
        for detail in answer(&case).reasoning.values() {
            assert!(ids.contains(&detail.id.as_deref()), "{}: {detail:?}", case.name);
            kinds.push(detail.kind);
        }
    }
    let proven = [ReasoningKind::Text, ReasoningKind::Summary, ReasoningKind::Encrypted];
    assert!(kinds.is_empty() || proven.iter().all(|kind| kinds.contains(kind)));
}

/// What the client of this dialect gets is what the provider sent: every item, but for the ids of messages and
/// calls, which providers do not need back.
#[test]
fn a_client_of_this_dialect_gets_every_item() {
    for case in good_cases() {
        let mut out = Vec::new();
        let mut encoder = Dialect::Responses.answer(Envelope::default(), None, false);
        events(responses(), &case).unwrap().into_iter().for_each(|event| encoder.event(event, &mut out));
        encoder.finish(&Bill::default(), &mut out);
        let got: Value = serde_json::from_slice(&out).unwrap();
        let sent = response(&case);
        assert_eq!(got["status"], sent["status"], "{}", case.name);
        let items = |response: &Value| -> Vec<Value> {
            response["output"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|item| says_something(item))
                .map(essence)
                .collect()
        };
        assert_eq!(items(&got), items(&sent), "{}", case.name);
    }
}

/// An item of reasoning may be there for nothing.
fn says_something(item: &Value) -> bool {
    let filled = |name: &str| item[name].as_array().is_some_and(|list| !list.is_empty());
    item["type"] != "reasoning"
        || filled("summary")
        || filled("content")
        || item["encrypted_content"].is_string()
}

fn essence(item: &Value) -> Value {
    let keep: &[&str] = match item["type"].as_str().unwrap() {
        "message" => &["type", "role", "phase", "content"],
        "reasoning" => &["type", "id", "summary", "content", "encrypted_content"],
        "function_call" => &["type", "call_id", "name", "arguments"],
        _ => return item.clone(),
    };
    let members = keep.iter().filter(|name| !item[**name].is_null());
    let mut item: Map<String, Value> =
        members.map(|name| ((*name).to_owned(), item[*name].clone())).collect();
    for part in item.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
        if part["logprobs"].is_null() && part["type"] == "output_text" {
            part["logprobs"] = json!([]);
        }
    }
    Value::Object(item)
}

/// A client of Chat sends back what it got: the provider finds its sealed reasoning and its calls.
#[test]
fn the_next_turn_gets_sealed_reasoning_and_calls_back() {
    let mut sealed = 0;
    for case in good_cases() {
        let reported = response(&case);
        let is_fit = |item: &&Value| {
            item["encrypted_content"].as_str().is_some_and(|text| !text.is_empty())
                || item["type"] == "function_call"
        };
        let fit: Vec<&Value> = reported["output"].as_array().unwrap().iter().filter(is_fit).collect();
        let body = sent_back(responses(), events(responses(), &case).unwrap());
        let input = body["input"].as_array().unwrap();
        for item in fit {
            let known = input.iter().find(|sent| match item["type"].as_str() {
                Some("reasoning") => sent["encrypted_content"] == item["encrypted_content"],
                _ => sent["type"] == "function_call" && sent["call_id"] == item["call_id"],
            });
            let known = known.unwrap_or_else(|| panic!("{} of {} is lost", item["id"], case.name));
            let same: &[&str] = match item["type"].as_str() {
                Some("reasoning") => &["id", "summary"],
                _ => &["name", "arguments"],
            };
            sealed += usize::from(item["type"] == "reasoning");
            assert!(same.iter().all(|name| known[*name] == item[*name]), "{}: {known}", case.name);
        }
    }
    assert!(sealed > 0 || good_cases().is_empty());
}

#[test]
fn web_searches_pass_as_they_are_and_their_sources_become_annotations() {
    let all = good_cases();
    let Some(case) = all.iter().find(|case| case.name.contains("prompt_cache_write")) else { return };
    let answer = answer(case);
    assert!(answer.natives.iter().any(|item| item["type"] == "web_search_call"));
    let annotation = &answer.extras[0]["annotations"][0];
    assert_eq!(annotation["type"], "url_citation");
    let citation = &annotation["url_citation"];
    assert!(citation["url"].as_str().unwrap().starts_with("https://"));
    let (start, end) = (citation["start_index"].as_u64().unwrap(), citation["end_index"].as_u64().unwrap());
    assert!(start < end && end <= answer.text().chars().count() as u64);
}

#[test]
fn errors_are_classed() {
    let classed = |error: &ProviderError| (error.error_type, error.retry, error.is_fault);
    for case in cases::cases(&API).iter().filter(|case| case.status != 200) {
        let error = responses().classify(case.status, &case.headers, &case.response);
        let expected = if case.name.contains("context_length") {
            (ErrorType::ContextLengthExceeded, Retry::Never, false)
        } else {
            (ErrorType::ProviderUnavailable, Retry::Elsewhere, true)
        };
        assert_eq!(classed(&error), expected, "{}: {error:?}", case.name);
        assert!(!error.message.is_empty() && error.provider_code.is_some(), "{error:?}");
    }
}
