use super::*;

fn said(dialect: Dialect, streamed: bool, frames: &str) -> Output {
    read(dialect, streamed, frames.as_bytes()).cut(&mut Room::new(10_000))
}

fn stream(events: &[Value]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

fn expected() -> Output {
    let call =
        json!({ "id": "call_1", "type": "function", "function": { "name": "f", "arguments": "{\"a\":1}" } });
    Output {
        completion: Some("Hello".to_owned()),
        reasoning: Some("Hm, yes".to_owned()),
        tool_calls: vec![call],
    }
}

#[test]
fn whole_answers_of_all_dialects_read_the_same() {
    let chat = json!({ "choices": [{ "message": { "content": "Hello", "reasoning": "Hm, yes", "refusal": null,
        "tool_calls": [{ "id": "call_1", "type": "function", "function": { "name": "f", "arguments": "{\"a\":1}" } }] } }] });
    let responses = json!({ "output": [
        { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "Hm, yes" }] },
        { "type": "message", "content": [{ "type": "output_text", "text": "Hello" }] },
        { "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}" }], "error": null });
    let messages = json!({ "content": [{ "type": "thinking", "thinking": "Hm, yes" }, { "type": "text", "text": "Hello" },
        { "type": "tool_use", "id": "call_1", "name": "f", "input": { "a": 1 } }] });
    for (dialect, body) in
        [(Dialect::Chat, chat), (Dialect::Responses, responses), (Dialect::Messages, messages)]
    {
        assert_eq!(said(dialect, false, &body.to_string()), expected(), "{dialect:?}");
    }
}

#[test]
fn streams_of_all_dialects_read_the_same() {
    let delta = |delta: Value| json!({ "choices": [{ "index": 0, "delta": delta }] });
    let call = |call: Value| delta(json!({ "tool_calls": [call] }));
    let chat = [
        delta(json!({ "reasoning": "Hm, " })),
        delta(json!({ "reasoning": "yes", "content": "" })),
        delta(json!({ "content": "Hel" })),
        delta(json!({ "content": "lo" })),
        call(json!({ "index": 0, "id": "call_1", "function": { "name": "f", "arguments": "{\"a\"" } })),
        call(json!({ "index": 0, "function": { "arguments": ":1}" } })),
    ];
    let item = json!({ "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "" });
    let responses = [
        json!({ "type": "response.reasoning_text.delta", "delta": "Hm, yes" }),
        json!({ "type": "response.output_text.delta", "delta": "Hel" }),
        json!({ "type": "response.output_text.delta", "delta": "lo" }),
        json!({ "type": "response.output_item.added", "output_index": 2, "item": item }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"a\"" }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": ":1}" }),
        json!({ "type": "response.output_text.done", "text": "Hello" }),
    ];
    let delta =
        |index: u64, delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
    let tool = json!({ "type": "tool_use", "id": "call_1", "name": "f", "input": {} });
    let messages = [
        delta(0, json!({ "type": "thinking_delta", "thinking": "Hm, yes" })),
        delta(1, json!({ "type": "text_delta", "text": "Hello" })),
        json!({ "type": "content_block_start", "index": 2, "content_block": tool }),
        delta(2, json!({ "type": "input_json_delta", "partial_json": "{\"a\"" })),
        delta(2, json!({ "type": "input_json_delta", "partial_json": ":1}" })),
    ];
    for (dialect, events) in
        [(Dialect::Chat, chat.as_slice()), (Dialect::Responses, &responses), (Dialect::Messages, &messages)]
    {
        assert_eq!(said(dialect, true, &stream(events)), expected(), "{dialect:?}");
    }
}

#[test]
fn further_dialects_have_the_texts_that_they_have() {
    let text = |text: &str| Output { completion: Some(text.to_owned()), ..Output::default() };
    let choices = json!({ "choices": [{ "index": 0, "text": "one" }, { "index": 1, "text": "two" }] });
    assert_eq!(said(Dialect::Completions, false, &choices.to_string()), text("one\n\ntwo"));
    assert_eq!(said(Dialect::Transcription, false, r#"{"text":"heard"}"#), text("heard"));
    let vectors = json!({ "data": [{ "embedding": [0.5] }] }).to_string();
    assert_eq!(said(Dialect::Embeddings, false, &vectors), Output::default());
    assert_eq!(said(Dialect::Speech, true, "\u{0}ID3"), Output::default());
}

#[test]
fn a_broken_answer_says_what_came_and_why_no_more_did() {
    let error = json!({ "code": 502, "message": "lost", "metadata": { "provider_name": "Acme" } });
    let events = [
        json!({ "choices": [{ "index": 0, "delta": { "content": "Hel" } }] }),
        json!({ "error": error, "choices": [{ "index": 0, "delta": { "content": "" }, "finish_reason": "error" }] }),
    ];
    let frames = format!(": OPENROUTER PROCESSING\n\n{}data: [DONE]\n\ndata: {{\"cho", stream(&events));
    let read = read(Dialect::Chat, true, frames.as_bytes());
    let failure = read.failure.clone().unwrap();
    assert_eq!((failure.status, failure.message.as_deref()), (Some(502), Some("lost")));
    assert_eq!(failure.provider_name.as_deref(), Some("Acme"));
    assert_eq!(read.cut(&mut Room::new(100)).completion.as_deref(), Some("Hel"));
}
