use super::*;

fn streamed(events: &[Value]) -> Vec<Event> {
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let read = |size: usize| {
        let mut decoder = with_target(&[], &json!({}), |target| Chat.stream(target));
        let mut events = Vec::new();
        text.as_bytes().chunks(size).for_each(|piece| decoder.push(piece, &mut events));
        decoder.end(&mut events);
        events
    };
    let events = read(usize::MAX);
    assert_eq!(read(1), events);
    events
}

fn event(kind: &str, index: u64, message: Value) -> Value {
    json!({"type": kind, "index": index, "delta": {"message": message}})
}

fn end(delta: Value) -> Value {
    json!({"type": "message-end", "delta": delta})
}

fn call(piece: &str) -> Value {
    json!({"tool_calls": {"function": {"arguments": piece}}})
}

fn arguments(pieces: &[&str]) -> String {
    let start =
        json!({"tool_calls": {"id": "f_1", "type": "function", "function": {"name": "f", "arguments": ""}}});
    let mut events = vec![event("tool-call-start", 0, start)];
    events.extend(pieces.iter().map(|piece| event("tool-call-delta", 0, call(piece))));
    events.extend([json!({"type": "tool-call-end", "index": 0}), end(json!({"finish_reason": "TOOL_CALL"}))]);
    let read = streamed(&events).into_iter();
    let pieces = read.filter_map(|event| match event {
        Event::ToolCall { arguments, .. } => Some(arguments),
        _ => None,
    });
    pieces.collect()
}

#[test]
fn no_arguments_are_written_in_several_ways() {
    assert_eq!(arguments(&[]), "");
    assert_eq!(arguments(&["nu", "ll"]), "");
    assert_eq!(arguments(&["{\"a\"", ":null}"]), "{\"a\":null}");
    assert_eq!(arguments(&["n", "o"]), "no");
}

#[test]
fn citations_point_into_what_the_client_got() {
    let source =
        json!({"type": "document", "id": "doc:0", "document": {"title": "T", "url": "https://a.example"}});
    let tool = json!({"type": "tool", "id": "f:0", "tool_output": {"x": "1"}});
    let citation =
        json!({"start": 1, "end": 3, "content_index": 1, "sources": [source, tool], "type": "TEXT_CONTENT"});
    let thought = json!({"start": 0, "end": 1, "sources": [source], "type": "THINKING_CONTENT"});
    let plan = json!({"start": 0, "end": 2, "sources": [tool], "type": "PLAN"});
    let events = streamed(&[
        event("tool-plan-delta", 0, json!({"tool_plan": "žluť "})),
        event("citation-start", 0, json!({"citations": plan})),
        event("content-start", 1, json!({"content": {"type": "text", "text": ""}})),
        event("content-delta", 1, json!({"content": {"text": "abc"}})),
        event("citation-start", 0, json!({"citations": citation})),
        event("citation-start", 1, json!({"citations": thought})),
        json!({"type": "debug", "prompt": "x"}),
        end(json!({"finish_reason": "COMPLETE"})),
    ]);
    let annotations: Vec<Value> = events
        .iter()
        .filter_map(|event| match event {
            Event::Extra { members, .. } => members["annotations"].as_array().cloned(),
            _ => None,
        })
        .flatten()
        .map(|annotation| annotation["url_citation"].clone())
        .collect();
    let expected = json!([
        {"url": "f:0", "title": "", "start_index": 0, "end_index": 2},
        {"url": "https://a.example", "title": "T", "start_index": 6, "end_index": 8},
        {"url": "f:0", "title": "", "start_index": 6, "end_index": 8},
    ]);
    assert_eq!(Value::from(annotations), expected);
}

#[test]
fn an_answer_that_ends_in_an_error_fails_after_its_usage() {
    let usage = json!({"billed_units": {"input_tokens": 3, "output_tokens": 1}});
    let events = streamed(&[
        event("content-delta", 0, json!({"content": {"text": "a"}})),
        end(json!({"finish_reason": "ERROR", "error": "the model is overloaded", "usage": usage})),
    ]);
    let [Event::Text { .. }, Event::Usage(_), Event::Failure(error)] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!((error.message.as_str(), error.is_fault), ("the model is overloaded", true));
    let cut = streamed(&[event("content-delta", 0, json!({"content": {"text": "a"}}))]);
    assert!(matches!(cut.last(), Some(Event::Failure(_))));
    let said = streamed(&[json!({"id": "1", "message": "too many tokens"})]);
    let [Event::Failure(error)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(error.error_type, ErrorType::ContextLengthExceeded);
}

#[test]
fn a_whole_answer_says_everything() {
    let body = json!({
        "id": "1", "finish_reason": "TOOL_CALL",
        "message": {"role": "assistant", "tool_plan": "plan", "content": [{"type": "thinking", "thinking": "hm"}],
            "tool_calls": [{"id": "f_1", "type": "function", "function": {"name": "f", "arguments": "null"}}],
            "citations": 7},
        "logprobs": [{"text": "ab", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}, 7],
    });
    let refused = with_target(&[], &json!({}), |target| Chat.decode(body.to_string().as_bytes(), target));
    assert!(refused.is_err());
    let mut body = body;
    body["message"]["citations"] = json!([7]);
    let events =
        with_target(&[], &json!({}), |target| Chat.decode(body.to_string().as_bytes(), target)).unwrap();
    assert!(matches!(&events[1], Event::Reasoning { detail, .. } if detail.text() == Some("hm")));
    let Event::ChoiceExtra { members, .. } = &events[2] else { panic!("{events:?}") };
    assert_eq!(members["logprobs"]["content"][0]["logprob"], -0.75);
    assert!(matches!(&events[3], Event::Text { text, .. } if text == "plan"));
    assert!(
        matches!(&events[4], Event::ToolCall { name: Some(name), arguments, .. } if name == "f" && arguments.is_empty())
    );
    let finish = Event::Finish { choice: 0, reason: FinishReason::ToolCalls, native: "TOOL_CALL".into() };
    assert_eq!(events[5..], [finish]);
}
