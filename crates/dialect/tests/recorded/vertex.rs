//! Recorded answers of Google Vertex AI, by the adapters that its endpoints are given.

use dialect::canonical::{Event, Operation};
use dialect::codec::Adapter as _;
use dialect::error::ErrorType;
use pricing::Class;
use serde_json::{Value, json};

use crate::aimed::Aimed;
use crate::answers::{
    check_native, cut_off_everywhere, damaged_everywhere, events, fold, sent_back, streamed_every_way,
};
use crate::cases::{self, Case};

/// A recording and the adapter of the endpoint it was made at.
struct Recording {
    case: Case,
    endpoint: Aimed,
}

fn recordings(apis: &[&str], operation: Operation, otherwise: &str) -> Vec<Recording> {
    let own = cases::cases(apis).into_iter().filter(|case| case.name.starts_with("vertex/"));
    own.map(|case| {
        let model = case.model.as_deref().unwrap_or(otherwise);
        Recording { endpoint: Aimed::at("vertex", operation, model, json!({})), case }
    })
    .collect()
}

fn conversations() -> Vec<Recording> {
    let mut all = recordings(&["gemini.generateContent"], Operation::Chat, "gemini-2.5-flash");
    all.extend(recordings(&["vertex.anthropic.rawPredict"], Operation::Chat, "claude-sonnet-4-5"));
    all
}

#[test]
fn every_answer_is_read_whole_and_cut_anywhere() {
    for Recording { case, endpoint } in
        conversations().iter().filter(|recording| recording.case.status == 200)
    {
        let answer = match events(endpoint, case) {
            Ok(events) => fold(events),
            Err(error) => {
                assert!(case.name.contains("prompt_blocked"), "{}: {error:?}", case.name);
                assert_eq!(error.error_type, ErrorType::ContentPolicyViolation);
                continue;
            }
        };
        if case.is_stream {
            assert_eq!(streamed_every_way(endpoint, case), answer);
        }
        assert_eq!(answer.failure.is_some(), case.name.contains("stream_error"), "{}", case.name);
        if answer.failure.is_none() {
            check_native(case, &answer);
        }
        let bills_nothing = answer.failure.is_some() || case.native["usage"].is_null();
        assert!(answer.usage.is_some() || bills_nothing, "{}", case.name);
    }
}

#[test]
fn a_stream_cut_off_is_never_a_silent_end() {
    let is_claude = |recording: &&Recording| recording.case.name.contains("rawpredict");
    for Recording { case, endpoint } in conversations().iter().filter(is_claude) {
        cut_off_everywhere(endpoint, case);
        damaged_everywhere(endpoint, case);
    }
}

#[test]
fn the_next_turn_gets_every_call_back() {
    for Recording { case, endpoint } in
        conversations().iter().filter(|recording| recording.case.status == 200)
    {
        let Ok(read) = events(endpoint, case) else { continue };
        let answer = fold(read.clone());
        if answer.failure.is_some() || answer.calls.is_empty() {
            continue;
        }
        let sent = sent_back(endpoint, read);
        let text = sent.to_string();
        for (_, name, _) in answer.calls.values() {
            assert!(text.contains(name.as_str()), "{}", case.name);
        }
        let is_claude = case.name.contains("rawpredict");
        assert_eq!(sent["anthropic_version"] == "vertex-2023-10-16", is_claude, "{}", case.name);
        assert_eq!(sent.get("contents").is_some(), !is_claude, "{}", case.name);
        assert!(sent.get("model").is_none(), "{}", case.name);
    }
}

#[test]
fn errors_are_classed() {
    let expected = [
        ("context_length_exceeded", ErrorType::ContextLengthExceeded),
        ("media_rejected", ErrorType::InvalidImage),
        ("error_429", ErrorType::RateLimitExceeded),
    ];
    for Recording { case, endpoint } in
        conversations().iter().filter(|recording| recording.case.status != 200)
    {
        let error = endpoint.classify(case.status, &case.headers, &case.response);
        let (_, error_type) = expected.iter().find(|(part, _)| case.name.contains(part)).expect(&case.name);
        assert_eq!(error.error_type, *error_type, "{}", case.name);
    }
}

#[test]
fn vectors_are_read() {
    let apis = ["gemini.embedContent", "vertex.predict"];
    for Recording { case, endpoint } in recordings(&apis, Operation::Embeddings, "gemini-embedding-2") {
        let body: Value = serde_json::from_slice(&case.response).unwrap();
        let (place, tokens) = match case.name.contains("predict") {
            true => ("/predictions/0/embeddings/values", Some(3)),
            false => ("/embedding/values", Some(11)),
        };
        let recorded = body.pointer(place).unwrap().as_array().unwrap();
        let events = events(&endpoint, &case).unwrap();
        let vectors: Vec<_> = events.iter().filter_map(vector).collect();
        assert_eq!(vectors.len(), 1, "{}", case.name);
        assert_eq!((vectors[0].0, vectors[0].1.len()), (0, recorded.len()));
        for (read, recorded) in vectors[0].1.iter().zip(recorded) {
            assert!((f64::from(*read) - recorded.as_f64().unwrap()).abs() < 1e-6, "{}", case.name);
        }
        let usage = events.iter().find_map(|event| match event {
            Event::Usage(usage) => Some(usage.get(Class::Input)),
            _ => None,
        });
        assert_eq!(usage, tokens, "{}", case.name);
    }
}

fn vector(event: &Event) -> Option<(u32, &Vec<f32>)> {
    match event {
        Event::Embedding { index, vector } => Some((*index, vector)),
        _ => None,
    }
}

#[test]
fn every_recording_of_this_provider_is_accounted_for() {
    let own = cases::listed().into_iter().filter(|case| case["provider"] == "vertex");
    let known =
        ["gemini.generateContent", "vertex.anthropic.rawPredict", "gemini.embedContent", "vertex.predict"];
    for case in own {
        assert!(known.contains(&case["api"].as_str().unwrap()), "{case} is new");
    }
}
