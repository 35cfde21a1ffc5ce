//! Recorded answers of every provider, as clients of Anthropic Messages get them, and what those clients send.

mod client;

use std::collections::BTreeMap;

use bytes::Bytes;
use dialect::canonical::{Event, ReasoningDetail, ReasoningKind, Speaker, Task};
use dialect::client::{Bill, Dialect};
use pricing::{Amount, Usage};
use serde_json::{Value, json};

use crate::answers::{dialect, events, with_target};
use crate::cases::{self, Case};
use client::{both, recorded};

const ANTHROPIC: [&str; 3] = ["anthropic.messages", "vertex.anthropic.rawPredict", "bedrock.invoke"];

/// Wire formats by the dialect that reads them.
const ALL: [(&str, &[&str]); 3] = [
    ("anthropic", &ANTHROPIC),
    ("openai", &["openai.chat", "mistral.chat"]),
    ("gemini", &["gemini.generateContent"]),
];

/// The events of every answer that came to its end.
fn answers(name: &str, apis: &[&str]) -> Vec<(Case, Vec<Event>)> {
    let good = cases::cases(apis).into_iter().filter(|case| case.status == 200);
    let read = good.filter_map(|case| {
        let events = events(dialect(name), &case).ok()?;
        let failed = events.iter().any(|event| matches!(event, Event::Failure(_)));
        (!failed).then_some((case, events))
    });
    read.collect()
}

/// What it cost, with the usage that was reported.
fn bill(events: &[Event]) -> Bill {
    let reported = events.iter().rev().find_map(|event| match event {
        Event::Usage(usage) => Some(*usage),
        _ => None,
    });
    Bill { usage: reported.unwrap_or(Usage::default()), cost: Amount::from_nanos(7), ..Bill::default() }
}

/// The next turn of a client that got `content`: it sends that back, with a result for every call.
fn next_turn(content: &Value) -> Value {
    let calls = content.as_array().unwrap().iter().filter(|block| block["type"] == "tool_use");
    let mut blocks: Vec<Value> = calls
        .map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "done"}))
        .collect();
    blocks.push(json!({"type": "text", "text": "Go on."}));
    json!({"model": "author/model", "max_tokens": 100, "messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": content},
        {"role": "user", "content": blocks}
    ]})
}

/// What a provider gets of a body.
fn sent(name: &str, body: &Value) -> Value {
    Dialect::Messages.peek(body.to_string().as_bytes()).unwrap();
    let task = Dialect::Messages.decode(&Bytes::from(body.to_string())).unwrap();
    let encoded = with_target(|target| dialect(name).encode(&task, target)).unwrap();
    serde_json::from_slice(&encoded.body).unwrap()
}

#[test]
fn streamed_and_whole_messages_are_the_same_for_every_provider() {
    for (name, apis) in ALL {
        for (case, events) in answers(name, apis) {
            let message = both(&events, &bill(&events));
            let usage = &message["usage"];
            assert!(usage["input_tokens"].is_u64() && usage["output_tokens"].is_u64(), "{}", case.name);
            let reason = message["stop_reason"].as_str().unwrap();
            let known = ["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"];
            assert!(known.contains(&reason), "{}: {reason}", case.name);
        }
    }
}

#[test]
fn texts_and_calls_arrive_from_every_provider() {
    for (name, apis) in ALL {
        for (case, events) in answers(name, apis) {
            let (text, calls) = said(&events);
            let content = both(&events, &bill(&events))["content"].take();
            let of = |kind: &str, member: &str| -> Vec<Value> {
                let blocks = content.as_array().unwrap().iter();
                blocks.filter(|block| block["type"] == kind).map(|block| block[member].clone()).collect()
            };
            let written: String = of("text", "text").iter().map(|text| text.as_str().unwrap()).collect();
            assert_eq!(written, text, "{}", case.name);
            let (names, inputs): (Vec<_>, Vec<_>) = calls.into_values().unzip();
            assert_eq!(of("tool_use", "name"), names, "{}", case.name);
            for (input, arguments) in of("tool_use", "input").iter().zip(inputs) {
                let arguments = if matches!(&*arguments, "" | "null") { "{}" } else { &arguments };
                let expected = serde_json::from_str(arguments).unwrap_or(json!({"INVALID_JSON": arguments}));
                assert_eq!(*input, expected, "{}", case.name);
            }
        }
    }
}

/// The text of the first choice, and its calls: name and arguments.
fn said(events: &[Event]) -> (String, BTreeMap<u32, (String, String)>) {
    let (mut text, mut calls) = (String::new(), BTreeMap::<u32, (String, String)>::new());
    let refuses_natively = events.iter().any(|event| matches!(event, Event::Native { .. }));
    for event in events {
        match event {
            Event::Text { choice: 0, text: piece } => text.push_str(piece),
            Event::Refusal { choice: 0, text: piece } if !refuses_natively => text.push_str(piece),
            Event::ToolCall { choice: 0, index, name, arguments, .. } => {
                let call = calls.entry(*index).or_default();
                if let Some(name) = name.as_ref().filter(|_| call.0.is_empty()) {
                    call.0.clone_from(name);
                }
                call.1.push_str(arguments);
            }
            _ => {}
        }
    }
    (text, calls)
}

/// What any provider reasoned and said can be sent on to any.
#[test]
fn the_next_turn_is_taken_by_every_provider() {
    for (name, apis) in ALL {
        for (case, events) in answers(name, apis) {
            let content = both(&events, &bill(&events))["content"].take();
            for (target, _) in ALL {
                let body = sent(target, &next_turn(&content));
                let is_foreign = target == "anthropic" && name != "anthropic";
                assert!(!is_foreign || !body.to_string().contains("patchbay.reasoning"), "{}", case.name);
            }
        }
    }
}

#[test]
fn reasoning_of_every_provider_makes_the_trip() {
    let mut kinds = Vec::new();
    for (name, apis) in ALL {
        for (case, events) in answers(name, apis) {
            let reasoned = reasoned(&events);
            let body = next_turn(&both(&events, &bill(&events))["content"]).to_string();
            let Task::Chat(request) = Dialect::Messages.decode(&Bytes::from(body)).unwrap() else {
                panic!("no chat")
            };
            let turn = request.messages.iter().find(|turn| turn.speaker == Speaker::Assistant);
            let mut returned = turn.map(|turn| turn.reasoning.clone()).unwrap_or_default();
            let expected = reasoned.into_iter().map(|mut detail| {
                // What nobody signed is plain text afterwards.
                if detail.signature.is_none() && detail.kind == ReasoningKind::Text && name == "anthropic" {
                    detail.format = None;
                }
                detail
            });
            for (returned, place) in returned.iter_mut().zip(0..) {
                returned.index = place;
            }
            assert_eq!(returned, expected.collect::<Vec<_>>(), "{}", case.name);
            kinds.extend(returned.into_iter().map(|detail| (detail.kind, detail.format)));
        }
    }
    let gemini = Some("google-gemini-v1".to_owned());
    assert!(kinds.is_empty() || kinds.contains(&(ReasoningKind::Encrypted, gemini)));
}

/// The reasoning of the first choice, its pieces put together and its blocks numbered anew.
fn reasoned(events: &[Event]) -> Vec<ReasoningDetail> {
    let mut blocks: Vec<ReasoningDetail> = Vec::new();
    let (mut open, mut place) = (None, 0);
    for event in events {
        let Event::Reasoning { choice: 0, detail } = event else {
            if event.is_content() {
                open = None;
            }
            continue;
        };
        if open != Some((detail.kind, detail.index)) {
            open = Some((detail.kind, detail.index));
            blocks.push(ReasoningDetail { index: place, kind: detail.kind, ..ReasoningDetail::default() });
            place += 1;
        }
        let block = blocks.last_mut().unwrap();
        if let Some(piece) = &detail.content {
            block.content.get_or_insert_default().push_str(piece);
        }
        block.id = detail.id.clone().or(block.id.take());
        block.format = detail.format.clone().or(block.format.take());
        block.signature = detail.signature.clone().or(block.signature.take());
    }
    blocks
}

#[test]
fn clients_of_the_same_dialect_get_the_answer_itself() {
    for (case, events) in answers("anthropic", &ANTHROPIC) {
        let message = both(&events, &bill(&events));
        let recorded = recorded(&case);
        for member in ["content", "stop_reason", "stop_sequence", "stop_details", "container"] {
            assert_eq!(plain(&message[member]), plain(&recorded[member]), "{member} of {}", case.name);
        }
        for (member, value) in recorded["usage"].as_object().unwrap() {
            let written = &message["usage"][member];
            let is_same = written == value || (value.is_null() && *written == json!(0));
            assert!(is_same, "{member} of {}: {written} is not {value}", case.name);
        }
    }
}

/// Without members that are there in one writing and absent in another.
fn plain(value: &Value) -> Value {
    let mut value = value.clone();
    for block in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if block.get("type").is_some_and(|kind| kind == "tool_use" || kind == "server_tool_use") {
            block.retain(|name, value| name != "caller" || value["type"] != "direct");
        }
        block.retain(|name, value| name != "citations" || !value.is_null());
        block.retain(|name, value| name != "signature" || *value != json!(""));
    }
    value
}

#[test]
fn the_next_turn_comes_back_to_anthropic_unchanged() {
    for (case, events) in answers("anthropic", &ANTHROPIC) {
        // An imitation does not sign what it thinks.
        if case.name.starts_with("ollama") {
            continue;
        }
        let content = both(&events, &bill(&events))["content"].take();
        if content.as_array().unwrap().is_empty() {
            continue;
        }
        let turn = next_turn(&content);
        assert_eq!(sent("anthropic", &turn)["messages"], turn["messages"], "{}", case.name);
    }
}

/// Recorded requests: the provider gets what the client sent, except for what costs extra.
#[test]
fn recorded_requests_pass_through() {
    let mut passed = 0;
    for case in cases::cases(&["anthropic.messages", "anthropic.count_tokens"]) {
        let Some(mut request) = case.request else { continue };
        // A recording may be of a request that was refused.
        if case.status == 400 || request.get("messages").is_none() {
            continue;
        }
        let mut body = sent("anthropic", &request);
        // The older name of the format goes out as the newer one.
        if let Some(format) = request.as_object_mut().unwrap().shift_remove("output_format") {
            request["output_config"] = json!({"format": format});
        }
        // Thinking has its own.
        if request["thinking"]["type"] == "enabled" && request["temperature"] == 1.0 {
            request.as_object_mut().unwrap().shift_remove("temperature");
        }
        for name in ["model", "max_tokens", "stream", "tools", "tool_choice", "metadata", "service_tier"] {
            for members in [&mut body, &mut request] {
                members.as_object_mut().unwrap().shift_remove(name);
            }
        }
        assert_eq!(body, request, "{}", case.name);
        passed += 1;
    }
    assert!(passed > 10 || cases::listed().is_empty(), "{passed}");
}

/// Recorded requests of Anthropic's clients reach the other providers, too.
#[test]
fn recorded_requests_reach_other_providers() {
    for case in cases::cases(&["anthropic.messages"]) {
        let Some(request) = case.request else { continue };
        if case.status == 400 || request.get("messages").is_none() {
            continue;
        }
        let Task::Chat(read) = Dialect::Messages.decode(&Bytes::from(request.to_string())).unwrap() else {
            panic!("no chat")
        };
        let functions = request["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|tool| tool.get("type").is_none_or(|kind| kind == "custom"));
        assert_eq!(read.tools.len(), functions.count(), "{}", case.name);
        for name in ["openai", "gemini"] {
            let body = sent(name, &request);
            assert!(body.get("messages").is_some() || body.get("contents").is_some(), "{}", case.name);
        }
    }
}
