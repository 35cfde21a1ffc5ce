//! Answers in a schema from models that have tools but no structured outputs.

use serde_json::{Value, json};

use super::answers::with_target;
use super::requests::try_encode;
use crate::anthropic::Anthropic;
use crate::canonical::{Event, FinishReason};
use crate::client::{Bill, Dialect, Envelope};
use crate::codec::Adapter as _;

/// What such a model takes.
const TAKES: [&str; 5] = ["max_tokens", "temperature", "tool_choice", "tools", "reasoning"];

const TOOL: &str = "patchbay_structured_answer";

/// What the provider answers with, as JSON text.
const ANSWER: &str = r#"{"name":"Zoë \"Z\" Ω","tags":[],"age":7}"#;

fn person() -> Value {
    json!({
        "type": "object", "required": ["name", "age"], "additionalProperties": false,
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}}
    })
}

fn asking(schema: Value, members: Value) -> Value {
    let mut chat = json!({
        "model": "m", "max_tokens": 4_000, "messages": [{"role": "user", "content": "Invent a person."}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema": schema}}
    });
    chat.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    chat
}

fn written(chat: Value, quirks: Value, takes: &[&str]) -> Value {
    serde_json::from_slice(&try_encode(chat, quirks, takes).unwrap().body).unwrap()
}

/// The tools, the choice and the output format of a body.
fn format(mut body: Value) -> [Value; 3] {
    [body["tools"].take(), body["tool_choice"].take(), body["output_config"]["format"].take()]
}

#[test]
fn the_schema_is_the_input_of_a_forced_tool() {
    let expected = json!({
        "model": "claude-1", "max_tokens": 4_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Invent a person."}]}],
        "tools": [{
            "name": TOOL,
            "description": "Gives the answer. The input of this tool is the whole answer.",
            "input_schema": person()
        }],
        "tool_choice": {"type": "tool", "name": TOOL, "disable_parallel_tool_use": true}
    });
    assert_eq!(written(asking(person(), json!({})), json!({}), &TAKES), expected);
    let described = json!({"response_format": {"type": "json_schema", "json_schema": {
        "name": "person", "description": "A person", "schema": {"properties": {"a": {}}}}}});
    let [tools, ..] = format(written(asking(json!({}), described), json!({}), &TAKES));
    let input = json!({"type": "object", "properties": {"a": {}}});
    assert_eq!(tools, json!([{"name": TOOL, "description": "A person", "input_schema": input}]));
}

#[test]
fn structured_outputs_come_first() {
    for own in ["structured_outputs", "response_format"] {
        let takes = [TAKES.as_slice(), &[own]].concat();
        let [tools, choice, format] = format(written(asking(person(), json!({})), json!({}), &takes));
        assert_eq!((tools, choice), (json!(null), json!(null)));
        assert_eq!(format["type"], "json_schema");
    }
}

#[test]
fn the_format_is_left_out_where_the_tool_would_do_harm() {
    let left_out = |schema: Value, members: Value, quirks: Value, takes: &[&str]| {
        let [tools, choice, format] = format(written(asking(schema, members), quirks, takes));
        assert_eq!([tools, choice, format], [json!(null), json!(null), json!(null)]);
    };
    let none = || json!({});
    left_out(person(), none(), json!({"forced_tool_choice": false}), &TAKES);
    left_out(person(), none(), json!({"adaptive_thinking": true, "reasoning_always_on": true}), &TAKES);
    left_out(person(), none(), none(), &["max_tokens", "tools"]);
    left_out(person(), none(), none(), &["max_tokens", "tool_choice"]);
    left_out(person(), json!({"reasoning": {"effort": "low"}}), none(), &TAKES);
    left_out(person(), json!({"thinking": {"type": "enabled", "budget_tokens": 2_000}}), none(), &TAKES);
    let prefilled =
        json!([{"role": "user", "content": "Invent"}, {"role": "assistant", "content": "{\"name\":"}]);
    left_out(person(), json!({"messages": prefilled}), none(), &TAKES);
    for schema in [
        json!({}),
        json!({"type": "array", "items": person()}),
        json!({"type": ["object", "null"], "properties": {}}),
        json!({"type": "object", "anyOf": [person()]}),
    ] {
        left_out(schema, none(), none(), &TAKES);
    }
}

#[test]
fn tools_of_the_client_stay_alone() {
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f"}}]});
    let [tools, choice, format] = format(written(asking(person(), tools), json!({}), &TAKES));
    assert_eq!((tools.as_array().unwrap().len(), &tools[0]["name"]), (1, &json!("f")));
    assert_eq!((choice, format), (json!(null), json!(null)));
}

#[test]
fn the_name_is_reserved() {
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": TOOL}}]});
    let refused = try_encode(chat, json!({}), &[]).unwrap_err();
    assert!(refused.message.contains("is reserved"), "{refused}");
}

fn whole(content: &str, reason: &str) -> Vec<Event> {
    let body = format!(
        r#"{{"id":"m","model":"c","content":[{content}],"stop_reason":"{reason}","usage":{{"input_tokens":3,"output_tokens":9}}}}"#
    );
    with_target(|target| Anthropic.decode(body.as_bytes(), target)).unwrap()
}

fn call(name: &str, input: &str) -> String {
    format!(r#"{{"type":"tool_use","id":"t","name":"{name}","input":{input}}}"#)
}

/// A streamed answer of one call of the reserved tool whose input comes in `pieces`.
fn wire(pieces: &[&str], reason: &str) -> Vec<u8> {
    let mut events = vec![
        json!({"type": "message_start", "message": {"id": "m", "model": "c", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": TOOL, "input": {}}}),
    ];
    events.extend(pieces.iter().map(
        |piece| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}}),
    ));
    events.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ]);
    events.iter().map(|event| format!("event: x\ndata: {event}\n\n")).collect::<String>().into_bytes()
}

fn streamed(chunks: &[&[u8]]) -> Vec<Event> {
    let mut decoder = with_target(|target| Anthropic.stream(target));
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk, &mut events);
    }
    decoder.end(&mut events);
    events
}

fn texts(events: &[Event]) -> Vec<&str> {
    assert!(
        !events.iter().any(|event| matches!(event, Event::ToolCall { .. } | Event::Failure(_))),
        "{events:?}"
    );
    events
        .iter()
        .filter_map(|event| match event {
            Event::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn finish(events: &[Event]) -> (FinishReason, &str) {
    events
        .iter()
        .find_map(|event| match event {
            Event::Finish { reason, native, .. } => Some((*reason, native.as_str())),
            _ => None,
        })
        .unwrap()
}

#[test]
fn the_input_is_the_text_of_the_answer() {
    let events = whole(&call(TOOL, &ANSWER.replace(':', " : ")), "tool_use");
    assert_eq!(texts(&events), [ANSWER]);
    assert_eq!(finish(&events), (FinishReason::Stop, "tool_use"));
    let empty = whole(&call(TOOL, "{}"), "tool_use");
    assert_eq!(texts(&empty), ["{}"]);
    let twice = whole(&format!("{},{}", call(TOOL, ANSWER), call(TOOL, "{\"a\":1}")), "tool_use");
    assert_eq!(texts(&twice), [ANSWER]);
    let cut = whole(&call(TOOL, "{\"name\":\"Z\"}"), "max_tokens");
    assert_eq!(finish(&cut), (FinishReason::Length, "max_tokens"));
}

#[test]
fn other_calls_stay_calls() {
    let events = whole(&call("f", "{\"a\":1}"), "tool_use");
    assert!(events.iter().any(|event| matches!(event, Event::ToolCall { .. })));
    assert_eq!(finish(&events), (FinishReason::ToolCalls, "tool_use"));
}

#[test]
fn streams_may_be_cut_anywhere() {
    let (head, tail) = ANSWER.split_at(9);
    let bytes = wire(&["", head, tail], "tool_use");
    let events = streamed(&[&bytes]);
    assert_eq!(texts(&events), [head, tail]);
    assert_eq!(finish(&events), (FinishReason::Stop, "tool_use"));
    for at in 0..=bytes.len() {
        let (before, after) = bytes.split_at(at);
        assert_eq!(streamed(&[before, after]), events, "cut at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(streamed(&single), events);
    assert_eq!(texts(&streamed(&[&wire(&[], "tool_use")])), ["{}"]);
}

/// What a client gets, without the frames around it.
fn in_chat(events: Vec<Event>, stream: bool) -> String {
    let mut writer = Dialect::Chat.answer(Envelope::default(), None, stream);
    let mut out = Vec::new();
    for event in events {
        writer.event(event, &mut out);
    }
    writer.finish(&Bill::default(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn clients_get_content_and_stop() {
    let answer: Value =
        serde_json::from_str(&in_chat(whole(&call(TOOL, ANSWER), "tool_use"), false)).unwrap();
    let choice = &answer["choices"][0];
    assert_eq!((&choice["message"]["content"], choice["message"].get("tool_calls")), (&json!(ANSWER), None));
    assert_eq!(
        (&choice["finish_reason"], &choice["native_finish_reason"]),
        (&json!("stop"), &json!("tool_use"))
    );

    let (head, tail) = ANSWER.split_at(9);
    let frames = in_chat(streamed(&[&wire(&[head, tail], "tool_use")]), true);
    let chunks: Vec<Value> = frames
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let deltas = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert_eq!(deltas.collect::<String>(), ANSWER);
    let reasons: Vec<_> =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).collect();
    assert_eq!(reasons, ["stop"]);
    assert!(!frames.contains("tool_calls"), "{frames}");
}
