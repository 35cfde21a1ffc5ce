//! What holds for whatever is sent and whatever is answered.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{decode, peek};
use super::answers::{call, extra, finish, output, refusal, text, thought};
use crate::canonical::{Event, FinishReason, ReasoningKind};
use crate::client::Dialect;

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % most
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(u32::try_from(of.len()).unwrap()) as usize]
    }

    fn events(&mut self) -> Vec<Event> {
        let index = self.below(3);
        let native = |value| Event::Native { dialect: Dialect::Responses, value };
        let annotation =
            json!({"type": "url_citation", "url_citation": {"url": "u", "end_index": self.below(9)}});
        vec![match self.below(9) {
            0 | 1 => text(self.one(&["", "a", "bé", "c d"])),
            2 => refusal(self.one(&["", "no", "!"])),
            3 | 4 => {
                let kind = [ReasoningKind::Text, ReasoningKind::Summary, ReasoningKind::Encrypted];
                thought(self.one(&kind), index, self.one(&[None, Some("rs_1"), Some("rs_2")]), "hm")
            }
            5 => call(index, Some("call"), Some("f"), self.one(&["", "{}", "{\"a\":"])),
            6 => call(index, None, None, self.one(&["", "1}", " "])),
            7 => return vec![text("x"), extra(json!({ "annotations": [annotation] }))],
            _ => match self.below(3) {
                0 => Event::Image { choice: 0, url: "data:image/png;base64,QUJD".to_owned() },
                1 => native(json!({"type": "mcp_call", "id": "mcp_1"})),
                _ => native(json!({"type": "message", "phase": "commentary"})),
            },
        }]
    }
}

/// The helper that plays an answer compares what comes whole, what a stream ends with, and what its events tell.
#[test]
fn a_stream_tells_what_a_whole_answer_is() {
    let mut chance = Chance(7);
    for length in 0..300 {
        let mut events: Vec<Event> = (0..length % 25).flat_map(|_| chance.events()).collect();
        let reasons =
            [FinishReason::Stop, FinishReason::Length, FinishReason::ToolCalls, FinishReason::ContentFilter];
        events.push(finish(reasons[chance.below(4) as usize]));
        output(&events);
    }
}

/// Every value in a body, by its pointer.
fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| pointers(member, format!("{at}/{name}"), all));
        }
        Value::Array(items) => {
            (0..)
                .zip(items)
                .for_each(|(place, item): (usize, _)| pointers(item, format!("{at}/{place}"), all));
        }
        _ => {}
    }
    all.push(at);
}

#[test]
fn both_readers_take_the_same_bodies() {
    let body = json!({
        "model": "m", "models": ["n"], "instructions": "i", "stream": true, "store": false, "background": false,
        "input": [
            {"role": "user", "content": "x"},
            {"type": "message", "role": "assistant", "content": [
                {"type": "output_text", "text": "t"}, {"type": "refusal", "refusal": "r"}]},
            {"role": "user", "content": [
                {"type": "input_image", "image_url": "u", "detail": "low"}, {"type": "input_image", "file_id": "f"},
                {"type": "input_file", "file_data": "d", "filename": "n"}, {"type": "input_video", "video_url": "v"},
                {"type": "input_audio", "input_audio": {"data": "d", "format": "wav"}}]},
            {"type": "reasoning", "id": "i", "summary": [{"type": "summary_text", "text": "s"}], "format": "f",
             "content": [{"type": "reasoning_text", "text": "t"}], "encrypted_content": "e", "signature": "s"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "t"}]},
            {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "i"},
            {"type": "custom_tool_call_output", "call_id": "c", "output": "o"},
            {"type": "image_generation_call", "id": "i", "result": "r", "output_format": "png"},
            {"type": "code_interpreter_call", "id": "i", "outputs": [{"type": "image", "url": "u"}]},
            {"type": "web_search_call", "id": "i"}],
        "tools": [{"type": "function", "name": "f", "description": "d", "strict": true, "parameters": {}}, {"type": "x"}],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": true, "description": "d"}, "verbosity": "low"},
        "reasoning": {"max_tokens": 5, "exclude": true, "enabled": true}, "include": ["x"], "top_logprobs": 1,
        "max_output_tokens": 5, "temperature": 1.0, "top_p": 0.5, "top_k": 1, "min_p": 0.5, "seed": 1, "stop": ["x"],
        "frequency_penalty": 1, "presence_penalty": 1, "repetition_penalty": 1, "n": 1, "parallel_tool_calls": true,
        "user": "u", "safety_identifier": "s", "session_id": "s", "provider": {}, "metadata": {"a": "b"}
    });
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(7.5),
        json!(1e300),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
        json!([1]),
        json!(["x"]),
        json!([{}]),
        json!({"type": "x"}),
        json!({"type": ""}),
        json!({"role": "user"}),
        json!({"type": "item_reference"}),
        json!("none"),
    ];
    let mut all = Vec::new();
    pointers(&body, String::new(), &mut all);
    for pointer in all {
        for value in &values {
            let mut changed = body.clone();
            *changed.pointer_mut(&pointer).unwrap() = value.clone();
            let bytes = Bytes::from(changed.to_string());
            let (peeked, decoded) = (peek(&bytes), decode(&bytes));
            assert_eq!(peeked.is_ok(), decoded.is_ok(), "{pointer} = {value}: {peeked:?} {decoded:?}");
            if let (Err(peeked), Err(decoded)) = (peeked, decoded) {
                assert_eq!(peeked, decoded, "{pointer} = {value}");
            }
        }
    }
}
