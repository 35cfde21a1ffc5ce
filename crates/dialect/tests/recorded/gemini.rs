//! Recorded answers of Google's models, from the Gemini API and from Vertex.

use std::time::Duration;

use dialect::canonical::{Event, FinishReason, Operation, ReasoningKind};
use dialect::codec::Adapter as _;
use dialect::error::{ErrorType, ProviderError, Retry};
use serde_json::{Value, json};

use crate::aimed::Aimed;
use crate::answers::{
    Answer, check_native, cut_off_everywhere, damaged_everywhere, dialect, events, fold, sent_back,
    streamed_every_way,
};
use crate::cases::{self, Case};

const API: &str = "gemini.generateContent";

fn good() -> Vec<Case> {
    cases::cases(&[API]).into_iter().filter(|case| case.status == 200).collect()
}

fn answer(case: &Case) -> Result<Answer, ProviderError> {
    events(dialect("gemini"), case).map(fold)
}

#[test]
fn every_answer_is_read_whole_and_cut_anywhere() {
    for case in good() {
        let answer = match answer(&case) {
            Ok(answer) => answer,
            Err(error) => {
                assert!(case.name.contains("prompt_blocked"), "{}: {error:?}", case.name);
                assert_eq!(error.error_type, ErrorType::ContentPolicyViolation);
                assert_eq!(error.metadata["reasons"], json!(["MODEL_ARMOR"]));
                assert_eq!(error.message, "The prompt violated Prompt Injection and Jailbreak filters.");
                continue;
            }
        };
        if case.is_stream {
            assert_eq!(streamed_every_way(dialect("gemini"), &case), answer);
        }
        if case.name.contains("stream_error") {
            let failure = answer.failure.unwrap();
            assert_eq!(failure.error_type, ErrorType::ProviderUnavailable);
            assert_eq!(failure.provider_code.as_deref(), Some("CANCELLED"));
            assert!(failure.is_fault && answer.finishes.is_empty());
            continue;
        }
        assert_eq!(answer.failure, None, "{}", case.name);
        assert!(!answer.finishes.is_empty(), "{}", case.name);
        if !case.name.contains("partial_tool_args") {
            check_native(&case, &answer);
        }
    }
}

#[test]
fn a_stream_cut_off_is_never_a_silent_end() {
    // Some edited recordings name a reason to stop in every event; a cut after one of them cannot be seen.
    let stops_once =
        |case: &&Case| String::from_utf8_lossy(&case.response).matches("finishReason").count() == 1;
    for case in good().iter().filter(|case| case.is_stream).filter(stops_once) {
        cut_off_everywhere(dialect("gemini"), case);
    }
}

#[test]
fn damage_is_survived() {
    for case in cases::cases(&[API]).iter().filter(|case| case.response.len() < 8_192) {
        damaged_everywhere(dialect("gemini"), case);
    }
}

#[test]
fn usage_sums_to_what_the_provider_reported() {
    for case in good() {
        let Ok(answer) = answer(&case) else { continue };
        let count = |name: &str| case.native["usage"][name].as_u64().unwrap_or(0);
        let Some(usage) = answer.usage else {
            assert_eq!(count("promptTokenCount"), 0, "{}", case.name);
            continue;
        };
        let prompt = count("promptTokenCount") + count("toolUsePromptTokenCount");
        let completion = count("candidatesTokenCount") + count("thoughtsTokenCount");
        assert_eq!(usage.prompt_tokens().unwrap(), prompt, "{}", case.name);
        assert_eq!(usage.completion_tokens().unwrap(), completion, "{}", case.name);
        assert_eq!(prompt + completion, count("totalTokenCount"), "{}", case.name);
        assert_eq!(usage.get(pricing::Class::CacheRead), count("cachedContentTokenCount"), "{}", case.name);
    }
}

#[test]
fn reasons_to_stop_are_told() {
    for case in good() {
        let Ok(answer) = answer(&case) else { continue };
        let has_calls = !answer.calls.is_empty();
        for (reason, native) in answer.finishes.values() {
            let expected = match native.as_str() {
                "STOP" if has_calls => FinishReason::ToolCalls,
                "STOP" => FinishReason::Stop,
                "MAX_TOKENS" => FinishReason::Length,
                "SAFETY" | "RECITATION" => FinishReason::ContentFilter,
                "UNEXPECTED_TOOL_CALL" | "OTHER" => FinishReason::Error,
                other => panic!("{}: {other} is new", case.name),
            };
            assert_eq!(*reason, expected, "{}", case.name);
        }
    }
}

#[test]
fn signatures_travel_with_their_calls() {
    let mut signed = 0;
    for case in good() {
        let Ok(answer) = answer(&case) else { continue };
        for detail in answer.reasoning.values().filter(|detail| detail.kind == ReasoningKind::Encrypted) {
            assert!(!detail.content.as_ref().unwrap().is_empty());
            if let Some(id) = &detail.id {
                assert!(answer.calls.values().any(|(call, ..)| call == id), "{}", case.name);
                signed += 1;
            }
        }
        let mut ids: Vec<_> = answer.calls.values().map(|(id, ..)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), answer.calls.len(), "ids of {}", case.name);
    }
    assert!(signed > 0 || cases::cases(&[API]).is_empty());
}

#[test]
fn the_next_turn_gets_every_signature_back() {
    for case in good() {
        let Ok(answer) = answer(&case) else { continue };
        if answer.failure.is_some() || answer.calls.is_empty() {
            continue;
        }
        let sent = sent_back(dialect("gemini"), events(dialect("gemini"), &case).unwrap())["contents"].take();
        let parts = sent[1]["parts"].as_array().unwrap();
        let calls: Vec<_> = parts.iter().filter(|part| part.get("functionCall").is_some()).collect();
        assert_eq!(calls.len(), answer.calls.len(), "{}", case.name);
        for (part, (id, name, arguments)) in calls.iter().zip(answer.calls.values()) {
            let mut details = answer.reasoning.values();
            let detail = details.find(|detail| detail.id.as_ref() == Some(id));
            let signature = detail.and_then(|detail| detail.content.as_deref());
            assert_eq!(part["thoughtSignature"].as_str(), signature, "{}", case.name);
            assert_eq!(part["functionCall"]["name"], *name);
            let arguments: Value = serde_json::from_str(arguments).unwrap();
            assert_eq!(part["functionCall"]["args"], arguments, "{}", case.name);
        }
        let names = |part: &Value| part["functionResponse"]["name"].clone();
        let answered: Vec<_> = sent[2]["parts"].as_array().unwrap().iter().map(names).collect();
        let called: Vec<_> = answer.calls.values().map(|(_, name, _)| json!(name)).collect();
        assert_eq!(answered, called, "{}", case.name);
    }
}

#[test]
fn arguments_in_pieces_come_together() {
    let all = good();
    let Some(case) = all.iter().find(|case| case.name.contains("partial_tool_args")) else { return };
    let answer = answer(case).unwrap();
    assert_eq!(answer.calls.len(), 1);
    let (id, name, arguments) = &answer.calls[&(0, 0)];
    let operation = |item: &str, description: &str, price: f64| json!({"action": "add", "description": description, "itemid": item, "price": price});
    let expected = json!({"operations": [
        operation("apple_001", "Fresh red apple", 0.5),
        operation("banana_001", "Ripe yellow banana", 0.3),
    ]});
    assert_eq!(serde_json::from_str::<Value>(arguments).unwrap(), expected);
    assert_eq!(name, "writeItems");
    assert!(answer.reasoning.values().any(|detail| detail.id.as_ref() == Some(id)));
}

#[test]
fn sources_and_logprobs_are_public() {
    let all = good();
    let find =
        |part: &str| all.iter().find(|case| case.name.contains(part)).map(|case| answer(case).unwrap());
    let Some(cited) = find("stream-citations") else { return };
    assert_eq!(cited.extras.len(), 1);
    let citation = &cited.extras[0]["annotations"][0]["url_citation"];
    assert_eq!(citation["url"], "https://rvest.tidyverse.org/articles/starwars.html");
    assert_eq!(citation["end_index"], 100);
    let recited = find("stream-content_filter").unwrap();
    assert_eq!(recited.extras[0]["annotations"][0]["url_citation"]["url"], "https://www.example.com");
    let measured = find("unary-logprobs").unwrap();
    let token = &measured.extras[0]["logprobs"]["content"][0];
    assert_eq!((&token["token"], &token["bytes"]), (&json!("Hello"), &json!(b"Hello")));
    assert_eq!(token["top_logprobs"].as_array().unwrap().len(), 2);
}

#[test]
fn errors_are_classed() {
    let expected = [
        ("error_400-gemini-2.5-flash-d6942", ErrorType::ProviderUnavailable, Retry::Elsewhere, true),
        ("error_400-nomodel-76c5d", ErrorType::InvalidRequest, Retry::Never, false),
        ("error_400-context_length", ErrorType::ContextLengthExceeded, Retry::Never, false),
        ("error_400-media_rejected", ErrorType::InvalidImage, Retry::Never, false),
        ("error_403", ErrorType::ProviderUnavailable, Retry::Elsewhere, false),
        ("error_404", ErrorType::NotFound, Retry::Elsewhere, true),
        ("error_429", ErrorType::RateLimitExceeded, Retry::Anywhere, false),
        ("error_503", ErrorType::ProviderOverloaded, Retry::Anywhere, true),
    ];
    for case in cases::cases(&[API]).iter().filter(|case| case.status != 200) {
        let error = dialect("gemini").classify(case.status, &case.headers, &case.response);
        let (_, error_type, retry, is_fault) =
            expected.iter().find(|(part, ..)| case.name.contains(part)).expect(&case.name);
        assert_eq!(
            (error.error_type, error.retry, error.is_fault),
            (*error_type, *retry, *is_fault),
            "{error:?}"
        );
        assert!(!error.message.is_empty() && error.provider_code.is_some(), "{error:?}");
        if case.name.contains("error_429-nomodel-df008") {
            assert_eq!(error.retry_after, Some(Duration::from_millis(34_400)));
        }
    }
}

#[test]
fn vectors_are_read_in_the_order_of_their_texts() {
    for case in cases::cases(&["gemini.batchEmbedContents"]) {
        let endpoint = Aimed::at("gemini", Operation::Embeddings, "gemini-embedding-001", json!({}));
        let body: Value = serde_json::from_slice(&case.response).unwrap();
        let recorded = body["embeddings"].as_array().unwrap();
        let mut read = 0;
        for event in events(&endpoint, &case).unwrap() {
            let Event::Embedding { index, vector } = event else { continue };
            let values = recorded[index as usize]["values"].as_array().unwrap();
            assert_eq!((index, vector.len()), (read, values.len()), "{}", case.name);
            assert!((f64::from(vector[0]) - values[0].as_f64().unwrap()).abs() < 1e-6, "{}", case.name);
            read += 1;
        }
        assert_eq!(read as usize, recorded.len(), "{}", case.name);
        let error = endpoint.classify(429, &case.headers, b"");
        assert_eq!(error.error_type, ErrorType::RateLimitExceeded);
    }
}

#[test]
fn every_recording_of_this_provider_is_accounted_for() {
    let own = cases::listed().into_iter().filter(|case| case["provider"] == "gemini");
    for case in own {
        let api = case["api"].as_str().unwrap();
        match api {
            "gemini.generateContent" | "gemini.batchEmbedContents" => {}
            "openai.chat" => eprintln!("{} is read by `openai`", case["case"]),
            "gemini.countTokens" | "gemini.models" => {
                eprintln!("{} is no answer of a model: nothing here asks for it", case["case"]);
            }
            other => panic!("{other} is new"),
        }
    }
}
