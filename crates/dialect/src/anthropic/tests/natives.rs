//! What only this dialect can say of an answer.

use serde_json::{Value, json};

use super::answers::{decode, end, start, streamed, with_target};
use crate::anthropic::Anthropic;
use crate::canonical::Event;
use crate::client::{Bill, Dialect, Envelope};
use crate::codec::Adapter as _;

fn natives(events: &[Event]) -> Vec<Value> {
    let native = |event: &Event| match event {
        Event::Native { dialect: Dialect::Messages, value } => Some(value.clone()),
        _ => None,
    };
    events.iter().filter_map(native).collect()
}

fn block(index: u32, block: &Value, deltas: &[Value]) -> Vec<Value> {
    let mut wire = vec![json!({"type": "content_block_start", "index": index, "content_block": block})];
    wire.extend(
        deltas.iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})),
    );
    wire.push(json!({"type": "content_block_stop", "index": index}));
    wire
}

fn answer(blocks: Vec<Vec<Value>>, ending: Vec<Value>) -> Vec<Event> {
    let wire: Vec<Value> = [vec![start()], blocks.concat(), ending].concat();
    streamed(&wire)
}

fn stop() -> Vec<Value> {
    end("end_turn").to_vec()
}

#[test]
fn blocks_without_an_event_come_whole() {
    let search = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}});
    let input = |piece: &str| json!({"type": "input_json_delta", "partial_json": piece});
    let found = json!({"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}], "caller": {}});
    let summary = json!({"type": "compaction", "content": null});
    let events = answer(
        vec![
            block(0, &search, &[input(""), input("{\"query\":"), input(" \"x\"}")]),
            block(1, &found, &[]),
            block(
                2,
                &summary,
                &[json!({"type": "compaction_delta", "content": "Summed up", "encrypted_content": "E"})],
            ),
            block(
                3,
                &json!({"type": "later", "text": "a"}),
                &[json!({"type": "later_delta", "text": "b", "more": [1]})],
            ),
        ],
        stop(),
    );
    let expected = [
        json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}),
        found,
        json!({"type": "compaction", "content": "Summed up", "encrypted_content": "E"}),
        json!({"type": "later", "text": "ab", "more": [1]}),
    ];
    assert_eq!(natives(&events), expected);
}

#[test]
fn texts_that_follow_each_other_are_told_apart() {
    let citation = json!({"type": "char_location", "cited_text": "x", "document_index": 0});
    let text = |text: &str| json!({"type": "text_delta", "text": text});
    let empty = json!({"type": "text", "text": ""});
    let cited = json!({"type": "citations_delta", "citation": citation});
    let streamed = answer(
        vec![
            block(0, &empty, &[text("a")]),
            block(1, &empty, &[text("b"), cited.clone()]),
            block(2, &empty, &[text("c")]),
        ],
        stop(),
    );
    let ends = json!({"type": "content_block_stop"});
    assert_eq!(natives(&streamed), [ends.clone(), cited, ends]);
    let extras =
        |events: &[Event]| events.iter().filter(|event| matches!(event, Event::Extra { .. })).count();
    assert_eq!(extras(&streamed), 1, "clients of other dialects get the citation, too");
}

#[test]
fn search_results_on_the_web_are_sources() {
    let citation = |source: &str| json!({"type": "search_result_location", "source": source, "title": "T", "cited_text": "x"});
    let events = decode(&json!({"content": [{"type": "text", "text": "abc",
        "citations": [citation("https://x.example/a"), citation("file 7")]}], "stop_reason": "end_turn"}))
    .unwrap();
    let Some(Event::Extra { members, .. }) = events.iter().find(|event| matches!(event, Event::Extra { .. }))
    else {
        panic!("no annotations");
    };
    assert_eq!(members["annotations"][0]["url_citation"]["url"], "https://x.example/a");
    assert_eq!(members["citations"], json!([citation("file 7")]));
}

#[test]
fn calls_keep_their_caller() {
    let call =
        |caller: Value| json!({"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": caller});
    let by_code = json!({"type": "code_execution_20260120", "tool_id": "s"});
    let events = answer(vec![block(0, &call(by_code.clone()), &[])], stop());
    assert_eq!(natives(&events), [json!({"type": "tool_use", "id": "t", "caller": by_code})]);
    assert!(natives(&answer(vec![block(0, &call(json!({"type": "direct"})), &[])], stop())).is_empty());
}

#[test]
fn the_end_is_told_in_full() {
    let ending = vec![
        json!({"type": "message_delta",
            "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END", "stop_details": null,
                "container": {"id": "c", "expires_at": "x"}},
            "usage": {"output_tokens": 5, "server_tool_use": {"web_search_requests": 1}},
            "context_management": {"applied_edits": []}}),
        json!({"type": "message_stop"}),
    ];
    let expected = json!({
        "type": "message_delta",
        "delta": {"stop_sequence": "END", "container": {"id": "c", "expires_at": "x"}},
        "usage": {"server_tool_use": {"web_search_requests": 1}},
        "context_management": {"applied_edits": []}
    });
    let events = answer(vec![], ending);
    assert_eq!(natives(&events), [expected]);
    assert!(events.iter().all(|event| !event.is_content()), "the end of nothing is no content");
}

#[test]
fn the_prompt_is_known_from_the_start() {
    let events = streamed(&[start()]);
    let Event::Usage(usage) = &events[1] else { panic!("{events:?}") };
    assert_eq!((usage.prompt_tokens(), usage.completion_tokens()), (Ok(3), Ok(0)));
}

#[test]
fn blocks_without_bounds_are_not_kept() {
    let mut decoder = with_target(|target| Anthropic.stream(target));
    let mut events = Vec::new();
    let mut push = |value: Value| decoder.push(format!("data: {value}\n\n").as_bytes(), &mut events);
    push(start());
    push(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "later"}}));
    let piece = "x".repeat(1 << 20);
    for _ in 0..40 {
        push(json!({"type": "content_block_delta", "index": 0, "delta": {"partial_json": piece}}));
    }
    let many = |index: u32| json!({"type": "content_block_start", "index": index, "content_block": {"type": "text"}});
    assert!(matches!(events.last(), Some(Event::Failure(_))));
    let wire: Vec<Value> = [start()].into_iter().chain((0..2_000).map(many)).collect();
    assert!(matches!(streamed(&wire).last(), Some(Event::Failure(_))));
}

/// An answer to a client of the same dialect is the answer.
#[test]
fn nothing_is_lost_on_the_way_to_a_client_of_this_dialect() {
    let content = json!([
        {"type": "thinking", "thinking": "Hm", "signature": "SIG"},
        {"type": "redacted_thinking", "data": "DATA"},
        {"type": "text", "text": "Let me search.", "citations": null},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "text", "text": "a", "citations": null},
        {"type": "text", "text": "b", "citations": [
            {"type": "web_search_result_location", "url": "https://x.example", "title": "X", "cited_text": "y",
             "encrypted_index": "E"}]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"z": 1, "a": {}}, "caller": {"type": "direct"}},
        {"type": "container_upload", "file_id": "f"}
    ]);
    let body = json!({"id": "msg_1", "model": "claude", "content": content, "stop_reason": "tool_use",
        "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 5}});
    let mut out = Vec::new();
    let mut encoder = Dialect::Messages.answer(Envelope::default(), None, false);
    decode(&body).unwrap().into_iter().for_each(|event| encoder.event(event, &mut out));
    encoder.finish(&Bill::default(), &mut out);
    let written: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&written["content"], &written["stop_reason"]), (&content, &json!("tool_use")));
}
