//! Ollama's own dialect over recorded traffic.

use bytes::Bytes;
use dialect::canonical::{Event, Operation};
use dialect::client::Dialect;
use dialect::codec::Adapter;
use dialect::error::{ErrorType, Retry};
use pricing::Class;
use serde_json::{Map, Value, json};

use crate::cases::{self, Case};
use crate::fold;
use crate::proof::{self, read, speaker, target};

const API: &str = "ollama.chat";

fn ollama() -> &'static dyn Adapter {
    speaker("ollama", Operation::Chat)
}

fn answers() -> impl Iterator<Item = Case> {
    cases::cases(&[API]).into_iter().filter(|case| case.status == 200)
}

fn events(case: &Case) -> Vec<Event> {
    read(ollama(), case, &Map::new(), usize::MAX)
}

#[test]
fn every_answer_says_what_its_recording_says() {
    for case in answers() {
        let answer = fold::events(&events(&case));
        proof::says_what_was_recorded(&case, &answer);
        proof::reaches_a_chat_client_whole(&case, &events(&case));
        let ids: Vec<_> = answer.calls().map(|call| call.id.clone().unwrap()).collect();
        assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1), "{}", case.name);
        let finish = answer.choices[&0].finish.as_deref();
        assert_eq!(finish == Some("tool_calls"), !ids.is_empty(), "{}", case.name);
    }
}

#[test]
fn usage_is_what_the_server_counted_class_by_class() {
    for case in answers() {
        let last = case.values().pop().unwrap();
        let count = |name: &str| last[name].as_u64().unwrap();
        let expected =
            proof::usage(&[(Class::Input, count("prompt_eval_count")), (Class::Output, count("eval_count"))]);
        assert_eq!(proof::last_usage(&events(&case)), Some(expected), "{}", case.name);
    }
}

#[test]
fn streams_are_read_however_they_are_cut() {
    for case in answers().filter(|case| case.is_stream) {
        proof::every_cut_says_the_same(ollama(), &case);
        proof::cut_short_it_fails_or_is_whole(ollama(), &case);
        proof::damage_is_survived(ollama(), &case);
    }
}

#[test]
fn every_error_is_classed() {
    let table = [("error_404-unknown_model", ErrorType::NotFound, Retry::Elsewhere, true)];
    proof::errors_are_classed(ollama(), &cases::cases(&[API]), &table);
}

/// What a client of chat sends to have the recorded request sent.
fn as_chat(recorded: &Value) -> Value {
    let mut chat = json!({"model": "author/model", "stream": recorded["stream"]});
    if recorded["format"].is_object() {
        let schema = json!({"name": "n", "schema": recorded["format"]});
        chat["response_format"] = json!({"type": "json_schema", "json_schema": schema});
    }
    if recorded["think"].is_boolean() {
        chat["reasoning"] = json!({"enabled": recorded["think"]});
    }
    if recorded["tools"].is_array() {
        chat["tools"] = recorded["tools"].clone();
    }
    let mut turns = recorded["messages"].as_array().unwrap().clone();
    for turn in turns.iter_mut().filter_map(Value::as_object_mut) {
        if let Some(thinking) = turn.remove("thinking") {
            turn.insert("reasoning".to_owned(), thinking);
        }
        for call in turn.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            call["id"] = json!("call_1");
            call["type"] = json!("function");
            call["function"]["arguments"] = json!(call["function"]["arguments"].to_string());
        }
        if turn["role"] == "tool" {
            turn.remove("tool_name");
            turn.insert("tool_call_id".to_owned(), json!("call_1"));
        }
    }
    chat["messages"] = Value::Array(turns);
    chat
}

#[test]
fn every_recorded_request_can_be_made() {
    for case in cases::cases(&[API]) {
        let Some(recorded) = &case.request else { continue };
        let body = Bytes::from(as_chat(recorded).to_string());
        let request = Dialect::Chat.decode(&body).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let encoded = ollama().encode(&request, &target(&Map::new())).unwrap();
        let received: Value = serde_json::from_slice(&encoded.body).unwrap();
        for name in ["stream", "think", "tools", "format"] {
            let is_set = |value: &&Value| !value.is_null() && **value != json!([]) && **value != json!("");
            let (found, expected) = (received.get(name), recorded.get(name).filter(is_set));
            assert_eq!(found, expected, "{}: {name}", case.name);
        }
        let turns = received["messages"].as_array().unwrap();
        for (turn, recorded) in turns.iter().zip(recorded["messages"].as_array().unwrap()) {
            for name in ["role", "content", "thinking", "tool_name"] {
                assert_eq!(turn.get(name), recorded.get(name), "{}: {name}", case.name);
            }
            let calls = |turn: &Value| -> Vec<Value> {
                let calls = turn["tool_calls"].as_array().cloned().unwrap_or_default();
                calls.iter().map(|call| call["function"]["arguments"].clone()).collect()
            };
            assert_eq!(calls(turn), calls(recorded), "{}", case.name);
        }
    }
}
