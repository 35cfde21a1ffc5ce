//! Recorded answers of Anthropic's models, from Anthropic and from those who resell or imitate it.

use dialect::canonical::{FinishReason, ReasoningKind};
use dialect::error::{ErrorType, Retry};
use serde_json::Value;

use crate::answers::{
    Answer, check_native, cut_off_everywhere, damaged_everywhere, dialect, events, fold, sent_back,
    streamed_every_way,
};
use crate::cases::{self, Case};

const APIS: [&str; 3] = ["anthropic.messages", "vertex.anthropic.rawPredict", "bedrock.invoke"];

fn answer(case: &Case) -> Answer {
    fold(events(dialect("anthropic"), case).unwrap())
}

/// The last value of a count anywhere in a body.
fn reported(case: &Case, path: &str) -> u64 {
    let text = String::from_utf8(case.response.clone()).unwrap();
    let objects: Vec<Value> = if case.is_stream {
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    } else {
        vec![serde_json::from_str(&text).unwrap()]
    };
    let usages = objects.iter().flat_map(|object| [&object["usage"], &object["message"]["usage"]]);
    usages.filter_map(|usage| usage.pointer(path)?.as_u64()).next_back().unwrap_or(0)
}

#[test]
fn every_answer_is_read_whole_and_cut_anywhere() {
    for case in cases::cases(&APIS).iter().filter(|case| case.status == 200) {
        let answer = answer(case);
        if case.is_stream {
            assert_eq!(streamed_every_way(dialect("anthropic"), case), answer);
        }
        if case.name.contains("stream_error") {
            let failure = answer.failure.as_ref().unwrap();
            assert_eq!(failure.error_type, ErrorType::ProviderOverloaded);
            assert_eq!((failure.retry, failure.is_fault, failure.status), (Retry::Anywhere, true, 0));
            continue;
        }
        if case.name.ends_with("claude-3-haiku-20240307-14116") {
            let failure = answer.failure.as_ref().unwrap();
            assert!(failure.message.contains("second answer"), "{failure:?}");
            continue;
        }
        assert_eq!(answer.failure, None, "{}", case.name);
        assert!(answer.id.is_some() && answer.model.is_some(), "{}", case.name);
        assert_eq!(answer.finishes.len(), 1, "{}", case.name);
        check_native(case, &answer);
    }
}

#[test]
fn a_stream_cut_off_is_never_a_silent_end() {
    for case in cases::cases(&APIS).iter().filter(|case| case.is_stream) {
        cut_off_everywhere(dialect("anthropic"), case);
    }
}

#[test]
fn damage_is_survived() {
    for case in cases::cases(&APIS).iter().filter(|case| case.response.len() < 8_192) {
        damaged_everywhere(dialect("anthropic"), case);
    }
}

#[test]
fn usage_sums_to_what_the_provider_reported() {
    for case in cases::cases(&APIS).iter().filter(|case| case.status == 200) {
        let answer = answer(case);
        if answer.failure.is_some() {
            continue;
        }
        let usage = answer.usage.unwrap();
        let prompt = ["/input_tokens", "/cache_read_input_tokens", "/cache_creation_input_tokens"];
        let prompt: u64 = prompt.iter().map(|path| reported(case, path)).sum();
        assert_eq!(usage.prompt_tokens().unwrap(), prompt, "{}", case.name);
        assert_eq!(usage.completion_tokens().unwrap(), reported(case, "/output_tokens"), "{}", case.name);
        let thinking = reported(case, "/output_tokens_details/thinking_tokens");
        assert_eq!(usage.get(pricing::Class::Reasoning), thinking, "{}", case.name);
    }
}

#[test]
fn reasons_to_stop_are_told() {
    for case in cases::cases(&APIS).iter().filter(|case| case.status == 200) {
        let Some((reason, native)) = answer(case).finishes.remove(&0) else { continue };
        let expected = match native.as_str() {
            "end_turn" | "stop_sequence" => FinishReason::Stop,
            "max_tokens" => FinishReason::Length,
            "tool_use" => FinishReason::ToolCalls,
            "refusal" => FinishReason::ContentFilter,
            other => panic!("{}: {other} is new", case.name),
        };
        assert_eq!(reason, expected, "{}", case.name);
    }
}

#[test]
fn reasoning_can_be_sent_back() {
    let mut kinds = Vec::new();
    for case in cases::cases(&APIS).iter().filter(|case| case.status == 200) {
        let answer = answer(case);
        let is_local = case.name.starts_with("ollama");
        for detail in answer.reasoning.values().filter(|_| answer.failure.is_none() && !is_local) {
            assert_eq!(detail.format.as_deref(), Some("anthropic-claude-v1"), "{}", case.name);
            let is_whole = match detail.kind {
                ReasoningKind::Text => detail.signature.is_some(),
                ReasoningKind::Encrypted => detail.content.is_some(),
                ReasoningKind::Summary => false,
            };
            assert!(is_whole, "{}: {detail:?}", case.name);
            kinds.push(detail.kind);
        }
    }
    let proven = [ReasoningKind::Text, ReasoningKind::Encrypted].map(|kind| kinds.contains(&kind));
    assert!(kinds.is_empty() || proven == [true, true]);
}

#[test]
fn the_next_turn_gets_everything_back() {
    for case in cases::cases(&APIS).iter().filter(|case| case.status == 200) {
        let answer = answer(case);
        if answer.failure.is_some() || (answer.texts.is_empty() && answer.calls.is_empty()) {
            continue;
        }
        let events = events(dialect("anthropic"), case).unwrap();
        let sent = sent_back(dialect("anthropic"), events)["messages"].take();
        let blocks = sent[1]["content"].as_array().unwrap();
        let of = |kind: &str| blocks.iter().filter(|block| block["type"] == kind).collect::<Vec<_>>();
        let signed = answer.reasoning.values().filter(|detail| detail.signature.is_some());
        let signed: Vec<_> =
            signed.map(|detail| (detail.content.as_deref(), detail.signature.as_deref())).collect();
        let thinking: Vec<_> = of("thinking")
            .iter()
            .map(|block| {
                (block["thinking"].as_str().filter(|text| !text.is_empty()), block["signature"].as_str())
            })
            .collect();
        assert_eq!(thinking, signed, "{}", case.name);
        let sealed = answer.reasoning.values().filter(|detail| detail.kind == ReasoningKind::Encrypted);
        let sealed: Vec<_> = sealed.map(|detail| detail.content.as_deref()).collect();
        let redacted: Vec<_> = of("redacted_thinking").iter().map(|block| block["data"].as_str()).collect();
        assert_eq!(redacted, sealed, "{}", case.name);
        let calls: Vec<_> = answer.calls.values().map(|(id, ..)| Some(id.as_str())).collect();
        let used: Vec<_> = of("tool_use").iter().map(|block| block["id"].as_str()).collect();
        assert_eq!(used, calls, "{}", case.name);
        let results = sent[2]["content"].as_array().map_or(0, Vec::len);
        assert_eq!(results, calls.len(), "{}", case.name);
    }
}

#[test]
fn web_sources_become_annotations() {
    let all = cases::cases(&APIS);
    let Some(case) = all.iter().find(|case| case.name.contains("prompt_cache_write")) else { return };
    let answer = answer(case);
    let annotation = &answer.extras[0]["annotations"][0];
    assert_eq!(annotation["type"], "url_citation");
    let citation = &annotation["url_citation"];
    assert!(citation["url"].as_str().unwrap().starts_with("https://"));
    let (start, end) = (citation["start_index"].as_u64().unwrap(), citation["end_index"].as_u64().unwrap());
    assert!(start < end && end <= answer.text().chars().count() as u64);
}

#[test]
fn errors_are_classed() {
    let expected = [
        ("error_400-bad_parameter", ErrorType::InvalidRequest, Retry::Never, false),
        ("error_400-context_length", ErrorType::ContextLengthExceeded, Retry::Never, false),
        ("error_401", ErrorType::ProviderUnavailable, Retry::Elsewhere, true),
        ("error_404", ErrorType::NotFound, Retry::Elsewhere, true),
        ("error_429-nomodel-af0ff", ErrorType::RateLimitExceeded, Retry::Elsewhere, false),
        ("error_500-nomodel-b1587", ErrorType::ProviderOverloaded, Retry::Anywhere, true),
        ("error_529", ErrorType::ProviderOverloaded, Retry::Anywhere, true),
        ("fireworks/messages-unary-error_400", ErrorType::InvalidRequest, Retry::Elsewhere, false),
    ];
    let cases = cases::cases(&APIS);
    for case in cases.iter().filter(|case| case.status != 200) {
        let error = dialect("anthropic").classify(case.status, &case.headers, &case.response);
        let (_, error_type, retry, is_fault) =
            expected.iter().find(|(part, ..)| case.name.contains(part)).expect(&case.name);
        assert_eq!(
            (error.error_type, error.retry, error.is_fault),
            (*error_type, *retry, *is_fault),
            "{error:?}"
        );
        assert_eq!(error.status, case.status);
        assert!(!error.message.is_empty() && error.provider_code.is_some(), "{error:?}");
    }
}
