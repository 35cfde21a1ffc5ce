//! Recorded answers of Amazon Bedrock.

use dialect::canonical::{FinishReason, Operation, ReasoningKind};
use dialect::codec::Adapter;
use dialect::error::{ErrorType, Retry};
use pricing::Class;
use serde_json::{Value, json};

use crate::aimed::Aimed;
use crate::answers::{
    Answer, check_native, cut_off_everywhere, damaged_everywhere, events, fold, sent_back, streamed_every_way,
};
use crate::cases::{self, Case};

/// A recording and the adapter of the endpoint it was made at.
struct Recording {
    case: Case,
    endpoint: Aimed,
}

impl Recording {
    fn answer(&self) -> Answer {
        fold(events(&self.endpoint, &self.case).unwrap())
    }
}

fn endpoint(case: &Case, quirks: Value) -> Aimed {
    Aimed::at("bedrock", Operation::Chat, case.model.as_deref().unwrap_or("model"), quirks)
}

fn converse() -> Vec<Recording> {
    let all = cases::cases(&["bedrock.converse"]).into_iter();
    all.map(|case| Recording { endpoint: endpoint(&case, json!({})), case }).collect()
}

/// With the frames as they came.
fn invoke() -> Vec<Recording> {
    let all = cases::cases(&["bedrock.invoke"]).into_iter();
    let framed = all.map(|mut case| {
        if case.is_stream {
            case.response = cases::file(&case.name, "response.eventstream");
        }
        Recording { endpoint: endpoint(&case, json!({"api": "invoke"})), case }
    });
    framed.collect()
}

fn good() -> impl Iterator<Item = Recording> {
    converse().into_iter().chain(invoke()).filter(|recording| recording.case.status == 200)
}

#[test]
fn every_answer_is_read_whole_and_cut_anywhere() {
    for recording in good() {
        let (case, answer) = (&recording.case, recording.answer());
        if case.is_stream {
            assert_eq!(streamed_every_way(&recording.endpoint, case), answer);
        }
        assert_eq!(answer.failure, None, "{}", case.name);
        assert_eq!(answer.finishes.len(), 1, "{}", case.name);
        // The publisher's summary leaves out the texts that have sources.
        if !case.name.contains("citations") {
            check_native(case, &answer);
        }
    }
}

#[test]
fn a_stream_cut_off_is_never_a_silent_end() {
    for recording in good().filter(|recording| recording.case.is_stream) {
        cut_off_everywhere(&recording.endpoint, &recording.case);
    }
}

#[test]
fn damage_is_survived() {
    for recording in good().filter(|recording| recording.case.response.len() < 8_192) {
        damaged_everywhere(&recording.endpoint, &recording.case);
    }
}

#[test]
fn a_damaged_frame_is_never_read() {
    for Recording { case, endpoint } in good().filter(|recording| recording.case.is_stream) {
        let whole = fold(events(&endpoint, &case).unwrap());
        for at in (0..case.response.len()).step_by(7) {
            let mut response = case.response.clone();
            response[at] ^= 0x20;
            let damaged = Case { response, ..case.clone() };
            let answer = fold(events(&endpoint, &damaged).unwrap());
            assert!(answer.failure.is_some() || answer == whole, "{} damaged at {at}", case.name);
        }
    }
}

#[test]
fn usage_sums_to_what_the_provider_reported() {
    for recording in converse().into_iter().filter(|recording| recording.case.status == 200) {
        let (case, answer) = (&recording.case, recording.answer());
        let count = |name: &str| case.native["usage"][name].as_u64().unwrap_or(0);
        let usage = answer.usage.unwrap();
        assert_eq!(usage.get(Class::Input), count("inputTokens"), "{}", case.name);
        assert_eq!(usage.get(Class::CacheRead), count("cacheReadInputTokens"), "{}", case.name);
        assert_eq!(usage.get(Class::CacheWrite5m), count("cacheWriteInputTokens"), "{}", case.name);
        let all = usage.prompt_tokens().unwrap() + usage.completion_tokens().unwrap();
        assert_eq!(all, count("totalTokens"), "{}", case.name);
    }
    for recording in invoke() {
        let (case, usage) = (&recording.case, recording.answer().usage.unwrap());
        let count = |name: &str| case.native["usage"][name].as_u64().unwrap();
        assert_eq!(usage.completion_tokens().unwrap(), count("output_tokens"), "{}", case.name);
    }
}

#[test]
fn reasons_to_stop_are_told() {
    for recording in good() {
        let (reason, native) = recording.answer().finishes.remove(&0).unwrap();
        let expected = match native.as_str() {
            "end_turn" => FinishReason::Stop,
            "max_tokens" => FinishReason::Length,
            "tool_use" => FinishReason::ToolCalls,
            "guardrail_intervened" => FinishReason::ContentFilter,
            other => panic!("{}: {other} is new", recording.case.name),
        };
        assert_eq!(reason, expected, "{}", recording.case.name);
    }
}

#[test]
fn sources_are_told() {
    let all = converse();
    let Some(cited) = all.iter().find(|recording| recording.case.name.contains("citations")) else { return };
    let answer = cited.answer();
    assert!(answer.text().starts_with("The document is a simple PDF file, and it contains \"Fun fun fun.\""));
    assert_eq!(answer.extras.len(), 3);
    let first = &answer.extras[0]["citations"][0];
    let expected = json!({
        "type": "page_location", "cited_text": "Sample PDF\r\nThis is a simple PDF file. ",
        "document_index": 0, "document_title": "sample", "start_page_number": 1, "end_page_number": 2,
    });
    assert_eq!(*first, expected);
}

#[test]
fn the_next_turn_gets_what_the_provider_wants_back() {
    for recording in converse().into_iter().filter(|recording| recording.case.status == 200) {
        let (case, answer) = (&recording.case, recording.answer());
        let sent = sent_back(&recording.endpoint, events(&recording.endpoint, case).unwrap());
        let turn = sent["messages"][1]["content"].as_array().unwrap();
        let calls: Vec<&Value> = turn.iter().filter_map(|block| block.get("toolUse")).collect();
        assert_eq!(calls.len(), answer.calls.len(), "{}", case.name);
        for (call, (id, name, arguments)) in calls.iter().zip(answer.calls.values()) {
            let input: Value = serde_json::from_str(arguments).unwrap();
            assert_eq!(**call, json!({"toolUseId": id, "name": name, "input": input}), "{}", case.name);
        }
        let results = sent["messages"][2]["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        let answered = results.iter().filter(|block| block.get("toolResult").is_some()).count();
        assert_eq!(answered, calls.len(), "{}", case.name);
        let hidden: Vec<&Value> = turn.iter().filter_map(|block| block.get("reasoningContent")).collect();
        let encrypted = answer.reasoning.values().filter(|detail| detail.kind == ReasoningKind::Encrypted);
        assert_eq!(hidden.len(), encrypted.count(), "{}", case.name);
        if case.name.contains("redacted") {
            let body: Value = serde_json::from_slice(&case.response).unwrap();
            let original = &body["output"]["message"]["content"][0]["reasoningContent"];
            assert_eq!(hidden, [original]);
        }
    }
}

#[test]
fn errors_are_classed() {
    let expected = [
        ("context_length_exceeded", ErrorType::ContextLengthExceeded, Retry::Never, false),
        ("schema_or_tool_rejected", ErrorType::InvalidRequest, Retry::Elsewhere, false),
        ("error_403", ErrorType::ProviderUnavailable, Retry::Elsewhere, true),
        ("error_404", ErrorType::NotFound, Retry::Elsewhere, true),
        ("error_429", ErrorType::RateLimitExceeded, Retry::Anywhere, false),
    ];
    for Recording { case, endpoint } in converse().iter().filter(|recording| recording.case.status != 200) {
        let error = endpoint.classify(case.status, &case.headers, &case.response);
        let (_, error_type, retry, is_fault) =
            expected.iter().find(|(part, ..)| case.name.contains(part)).expect(&case.name);
        let class = (error.error_type, error.retry, error.is_fault);
        assert_eq!(class, (*error_type, *retry, *is_fault), "{}", case.name);
        assert!(!error.message.is_empty(), "{}", case.name);
        let is_named = case.headers.contains_key("x-amzn-errortype");
        assert_eq!(error.provider_code.is_some_and(|code| code.ends_with("Exception")), is_named);
    }
}

#[test]
fn requests_have_the_recorded_form() {
    let all = converse();
    let Some(schema) = all.iter().find(|recording| recording.case.name.contains("json_schema")) else {
        return;
    };
    let recorded = schema.case.request.clone().unwrap();
    let properties = json!({"probability": {"description": "The answer's probability", "type": "integer"}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "response",
        "schema": {"type": "object", "properties": properties, "required": ["probability"]}}});
    let chat = json!({"model": "m", "max_tokens": 2_048, "response_format": format, "messages": [{"role": "user",
        "content": "Return probability 1 for true and 0 for false. Does the earth orbit the sun?"}]});
    let endpoint = endpoint(&schema.case, json!({"structured_outputs": true}));
    assert_eq!(endpoint.chat(&chat), ("/model/deepseek.v3.2/converse".to_owned(), recorded));
}

#[test]
fn every_recording_of_this_provider_is_accounted_for() {
    let own = cases::listed().into_iter().filter(|case| case["provider"] == "bedrock");
    for case in own {
        let api = case["api"].as_str().unwrap();
        match api {
            "bedrock.converse" | "bedrock.invoke" => {}
            "openai.chat" | "openai.responses" => eprintln!("{} is read by `openai`: {api}", case["case"]),
            other => panic!("{other} is new"),
        }
    }
}
