use pricing::{Amount, Class, Usage};
use serde_json::{Value, json};

use super::replay::{frames, replayed};
use crate::canonical::{Event, FinishReason, ReasoningDetail, ReasoningKind};
use crate::client::{Bill, Dialect, Envelope};

pub(super) fn envelope() -> Envelope {
    Envelope {
        id: "gen-01".to_owned(),
        created: 1_700_000_000,
        model: "author/model".to_owned(),
        provider: "House".to_owned(),
        ..Envelope::default()
    }
}

pub(super) fn bill() -> Bill {
    Bill {
        usage: Usage::default()
            .with(Class::Input, 7)
            .with(Class::CacheRead, 3)
            .with(Class::CacheWrite1h, 2)
            .with(Class::Output, 5)
            .with(Class::Reasoning, 4),
        cost: Amount::from_nanos(1_250_001),
        upstream: Amount::from_nanos(1_000_001),
        upstream_prompt: Amount::from_nanos(1),
        upstream_completion: Amount::from_nanos(1_000_000),
        is_byok: false,
    }
}

pub(super) fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.to_owned() }
}

pub(super) fn refusal(text: &str) -> Event {
    Event::Refusal { choice: 0, text: text.to_owned() }
}

pub(super) fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Event {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Event::ToolCall { choice: 0, index, id: owned(id), name: owned(name), arguments: arguments.to_owned() }
}

pub(super) fn thought(kind: ReasoningKind, index: u32, id: Option<&str>, content: &str) -> Event {
    let detail = ReasoningDetail {
        kind,
        index,
        id: id.map(str::to_owned),
        format: Some("openai-responses-v1".to_owned()),
        content: Some(content.to_owned()).filter(|content| !content.is_empty()),
        signature: None,
    };
    Event::Reasoning { choice: 0, detail }
}

pub(super) fn finish(reason: FinishReason) -> Event {
    Event::Finish { choice: 0, reason, native: "native".to_owned() }
}

pub(super) fn extra(members: Value) -> Event {
    let Value::Object(members) = members else { panic!("no object") };
    Event::Extra { choice: 0, members }
}

pub(super) fn whole(events: &[Event]) -> Value {
    let mut writer = Dialect::Responses.answer(envelope(), None, false);
    let mut out = Vec::new();
    for event in events {
        writer.event(event.clone(), &mut out);
        assert!(out.is_empty());
    }
    writer.finish(&bill(), &mut out);
    serde_json::from_slice(&out).unwrap()
}

pub(super) fn streamed(events: &[Event]) -> Vec<Value> {
    let mut writer = Dialect::Responses.answer(envelope(), None, true);
    let mut out = Vec::new();
    for event in events {
        writer.event(event.clone(), &mut out);
    }
    writer.finish(&bill(), &mut out);
    frames(&out)
}

/// The output of the answer, which is the same whole, at the end of a stream and put together from its events.
pub(super) fn output(events: &[Event]) -> Value {
    let frames = streamed(events);
    let last = &frames.last().unwrap()["response"];
    let replayed = replayed(&frames);
    assert_eq!(replayed, last["output"]);
    assert_eq!(whole(events), *last);
    replayed
}

pub(super) fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap().trim_start_matches("response.")).collect()
}

#[test]
fn a_text_streams_by_the_grammar() {
    let frames = streamed(&[text("Hel"), text("lo"), finish(FinishReason::Stop)]);
    assert_eq!(
        kinds(&frames),
        [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
    );
    assert_eq!(frames[0]["response"]["status"], "in_progress");
    assert_eq!(frames[0]["response"].get("usage"), None);
    assert_eq!(
        frames[4],
        json!({"type": "response.output_text.delta", "sequence_number": 4, "item_id": "msg_gen-01_0",
               "output_index": 0, "content_index": 0, "delta": "Hel", "logprobs": []})
    );
}

#[test]
fn a_whole_answer_has_every_member() {
    let answer = whole(&[text("Hello"), finish(FinishReason::Stop), Event::ServiceTier("standard".into())]);
    let expected: Value = serde_json::from_str(
        r#"{
        "id": "gen-01", "object": "response", "created_at": 1700000000, "completed_at": null,
        "status": "completed", "background": false, "error": null, "incomplete_details": null,
        "model": "author/model", "provider": "House",
        "output": [{"id": "msg_gen-01_0", "type": "message", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}]}],
        "output_text": "Hello",
        "instructions": null, "max_output_tokens": null, "max_tool_calls": null, "metadata": {},
        "parallel_tool_calls": true, "prompt_cache_key": null,
        "reasoning": {"effort": null, "summary": null}, "safety_identifier": null, "temperature": null,
        "top_p": null, "presence_penalty": null, "frequency_penalty": null, "text": {"format": {"type": "text"}},
        "tool_choice": "auto", "tools": [], "top_logprobs": 0, "truncation": "disabled", "user": null,
        "previous_response_id": null, "service_tier": "default", "store": false,
        "usage": {
            "input_tokens": 12, "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
            "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 21,
            "cost": 0.001250001, "is_byok": false,
            "cost_details": {"upstream_inference_cost": 0.001000001, "upstream_inference_input_cost": 1e-9,
                             "upstream_inference_output_cost": 0.001}
        }}"#,
    )
    .unwrap();
    assert_eq!(answer, expected);
}

#[test]
fn an_answer_repeats_its_request() {
    let body = json!({
        "model": "author/model", "input": "Hi", "instructions": "Be brief", "temperature": 0.5, "stream": true,
        "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "f"}, "metadata": {"a": "b"}, "user": "me",
        "text": {"verbosity": "low"}, "reasoning": {"effort": "low"}, "max_output_tokens": 64,
        "service_tier": "fast", "top_logprobs": null, "parallel_tool_calls": false
    });
    let task = Dialect::Responses.decode(&body.to_string().into()).unwrap();
    let mut out = Vec::new();
    let served = Envelope { service_tier: Some("default".into()), ..envelope() };
    Dialect::Responses.answer(served, Some(&task), false).finish(&bill(), &mut out);
    let answer: Value = serde_json::from_slice(&out).unwrap();
    for name in ["instructions", "temperature", "tool_choice", "metadata", "user", "text", "reasoning"] {
        assert_eq!(answer[name], body[name], "{name}");
    }
    assert_eq!(answer["max_output_tokens"], 64);
    assert_eq!(answer["parallel_tool_calls"], false);
    assert_eq!(answer["service_tier"], "default", "the tier that served, not the one asked for");
    assert_eq!(answer["top_logprobs"], 0);
    let function =
        json!({"type": "function", "name": "f", "description": null, "parameters": null, "strict": null});
    assert_eq!(answer["tools"], json!([function, {"type": "web_search"}]));
}

#[test]
fn items_follow_each_other_as_the_model_made_them() {
    let output = output(&[
        thought(ReasoningKind::Summary, 0, Some("rs_1"), "one"),
        thought(ReasoningKind::Summary, 1, Some("rs_1"), "tw"),
        thought(ReasoningKind::Summary, 1, Some("rs_1"), "o"),
        thought(ReasoningKind::Encrypted, 2, Some("rs_1"), "sealed"),
        text("I look"),
        call(0, Some("call_a"), Some("f"), ""),
        call(0, None, None, "{\"a\":"),
        call(1, Some("call_b"), Some("g"), "{}"),
        call(0, None, None, "1}"),
        thought(ReasoningKind::Summary, 3, Some("rs_2"), "three"),
        call(2, None, Some("h"), ""),
        text("Done"),
        finish(FinishReason::ToolCalls),
    ]);
    let message = |id: &str, text: &str| {
        json!({"id": id, "type": "message", "role": "assistant", "status": "completed",
               "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]})
    };
    let call = |id: &str, call_id: &str, name: &str, arguments: &str| {
        json!({"id": id, "type": "function_call", "status": "completed", "call_id": call_id, "name": name,
               "arguments": arguments})
    };
    let summary = |text: &str| json!({"type": "summary_text", "text": text});
    let expected = json!([
        {"id": "rs_1", "type": "reasoning", "status": "completed", "summary": [summary("one"), summary("two")],
         "encrypted_content": "sealed", "format": "openai-responses-v1"},
        message("msg_gen-01_1", "I look"),
        call("fc_gen-01_2", "call_a", "f", "{\"a\":1}"),
        call("fc_gen-01_3", "call_b", "g", "{}"),
        {"id": "rs_2", "type": "reasoning", "status": "completed", "summary": [summary("three")],
         "format": "openai-responses-v1"},
        call("fc_gen-01_5", "call_000000000000000gen010002", "h", "{}"),
        message("msg_gen-01_6", "Done"),
    ]);
    assert_eq!(output, expected);
}

#[test]
fn a_call_ends_as_soon_as_nothing_can_follow() {
    let frames = streamed(&[
        call(0, Some("a"), Some("f"), "{\"x\":1}"),
        call(1, Some("b"), Some("g"), "{}"),
        call(0, None, None, "\n"),
        finish(FinishReason::ToolCalls),
    ]);
    let kinds = kinds(&frames);
    let of = |kind: &str| {
        kinds.iter().enumerate().filter(|(_, k)| **k == kind).map(|(at, _)| at).collect::<Vec<_>>()
    };
    assert!(of("output_item.done")[0] < of("output_item.added")[1], "{kinds:?}");
}

#[test]
fn thoughts_without_an_id_are_told_apart_by_their_block() {
    let signed = |index: u32, content: &str, signature: &str| {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let format = Some("anthropic-claude-v1".to_owned());
        let detail = ReasoningDetail {
            index,
            format,
            content: filled(content),
            signature: filled(signature),
            ..ReasoningDetail::default()
        };
        Event::Reasoning { choice: 0, detail }
    };
    let output = output(&[
        signed(0, "h", ""),
        signed(0, "m", ""),
        signed(0, "", "sig"),
        signed(1, "", "sig2"),
        text("x"),
        finish(FinishReason::Stop),
    ]);
    let first = json!({"id": "rs_gen-01_0", "type": "reasoning", "status": "completed", "summary": [],
        "content": [{"type": "reasoning_text", "text": "hm"}], "signature": "sig", "format": "anthropic-claude-v1"});
    assert_eq!(output[0], first);
    assert_eq!(output[1]["signature"], "sig2");
    assert_eq!(output[1].get("content"), None);
}

#[test]
fn annotations_count_from_the_start_of_their_text() {
    let url = json!({"type": "url_citation", "url_citation": {
        "url": "https://h.example/", "title": "T", "content": "c", "start_index": 5, "end_index": 8}});
    let bare = json!({"type": "url_citation", "url_citation": {"url": "https://h.example/"}});
    let output = output(&[
        text("ahoy"),
        call(0, Some("a"), Some("f"), "{}"),
        text("world"),
        extra(json!({"annotations": [url, {"type": "file", "file": {"hash": "h"}}], "audio": {"id": "a"}})),
        extra(json!({"annotations": [bare]})),
        finish(FinishReason::Stop),
    ]);
    assert_eq!(
        output[2]["content"][0]["annotations"],
        json!([
            {"type": "url_citation", "url": "https://h.example/", "title": "T", "content": "c",
             "start_index": 1, "end_index": 4},
            {"type": "url_citation", "url": "https://h.example/", "title": "", "start_index": 0, "end_index": 0}
        ])
    );
}

#[test]
fn log_probabilities_go_with_their_text() {
    let Value::Object(members) = json!({"logprobs": {"content": [
        {"token": "Hé", "logprob": -0.5, "bytes": null, "top_logprobs": [{"token": "x", "logprob": -1.5}]}],
        "refusal": null}})
    else {
        panic!("no object")
    };
    let events =
        [Event::ChoiceExtra { choice: 0, members }, text("Hé"), text("llo"), finish(FinishReason::Stop)];
    let entry = json!({"token": "Hé", "logprob": -0.5, "bytes": [72, 195, 169],
                       "top_logprobs": [{"token": "x", "logprob": -1.5, "bytes": [120]}]});
    assert_eq!(output(&events)[0]["content"][0]["logprobs"], json!([entry]));
    let frames = streamed(&events);
    let deltas: Vec<_> =
        frames.iter().filter(|frame| frame["type"] == "response.output_text.delta").collect();
    assert_eq!((&deltas[0]["logprobs"], &deltas[1]["logprobs"]), (&json!([entry]), &json!([])));
}

#[test]
fn a_refusal_is_a_part_of_its_own() {
    let output =
        output(&[text("Well"), refusal("I "), refusal("won't"), finish(FinishReason::ContentFilter)]);
    assert_eq!(output[0]["content"][1], json!({"type": "refusal", "refusal": "I won't"}));
    assert_eq!(output[0]["status"], "incomplete");
    let answer = whole(&[refusal("no"), finish(FinishReason::ContentFilter)]);
    assert_eq!(answer["status"], "incomplete");
    assert_eq!(answer["incomplete_details"], json!({"reason": "content_filter"}));
}

#[test]
fn an_answer_cut_short_says_so() {
    let events = [text("Hel"), call(0, Some("a"), Some("f"), "{\"x"), finish(FinishReason::Length)];
    let output = output(&events);
    assert_eq!((&output[0]["status"], &output[1]["status"]), (&json!("completed"), &json!("incomplete")));
    let answer = whole(&events);
    assert_eq!(answer["status"], "incomplete");
    assert_eq!(answer["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!(kinds(&streamed(&events)).last(), Some(&"incomplete"));
}

#[test]
fn images_are_calls_that_were_made() {
    let image = Event::Image { choice: 0, url: "data:image/webp;base64,QUJD".to_owned() };
    let events = [text("Here"), image, finish(FinishReason::Stop)];
    let expected = json!({"id": "ig_gen-01_1", "type": "image_generation_call", "status": "completed",
                          "result": "QUJD", "output_format": "webp"});
    assert_eq!(output(&events)[1], expected);
    let frames = streamed(&events);
    assert!(kinds(&frames).contains(&"image_generation_call.completed"));
}

#[test]
fn items_of_this_dialect_pass_as_they_are() {
    let native = |dialect, value| Event::Native { dialect, value };
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    let events = [
        native(Dialect::Messages, json!({"type": "server_tool_use"})),
        native(Dialect::Responses, search.clone()),
        native(Dialect::Responses, json!({"type": "message", "phase": "commentary"})),
        text("On it"),
        native(Dialect::Responses, json!({"type": "message", "id": "msg_7", "phase": "final_answer"})),
        text("Done"),
        finish(FinishReason::Stop),
    ];
    let output = output(&events);
    assert_eq!(output[0], search);
    assert_eq!((&output[1]["id"], &output[1]["phase"]), (&json!("msg_gen-01_1"), &json!("commentary")));
    assert_eq!((&output[2]["id"], &output[2]["phase"]), (&json!("msg_7"), &json!("final_answer")));
    assert_eq!(whole(&events)["output_text"], "On itDone");
}

#[test]
fn hidden_reasoning_and_other_choices_stay_out() {
    let envelope = Envelope { exclude_reasoning: true, simulated: true, ..envelope() };
    let mut writer = Dialect::Responses.answer(envelope, None, false);
    let mut out = Vec::new();
    writer.event(thought(ReasoningKind::Text, 0, None, "secret"), &mut out);
    writer.event(Event::Text { choice: 1, text: "other".to_owned() }, &mut out);
    writer.finish(&bill(), &mut out);
    let answer: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&answer["output"], &answer["simulated"]), (&json!([]), &json!(true)));
}
