use pricing::{Class, Usage};
use serde_json::{Map, Value, json};

use crate::canonical::{Event, FinishReason};
use crate::codec::{Adapter as _, Target};
use crate::error::{ErrorType, ProviderError};
use crate::openai::OpenAi;

fn target(quirks: &Map<String, Value>) -> Target<'_> {
    Target {
        model: "a/b",
        provider: "house",
        provider_model: "b",
        max_output: None,
        supported_parameters: &[],
        service_tier: "",
        quirks,
    }
}

/// Reads a stream in one piece and byte by byte; both give the same.
fn streamed(text: &str, quirks: &Value) -> Vec<Event> {
    let none = Map::new();
    let quirks = quirks.as_object().unwrap_or(&none);
    let read = |size: usize| {
        let mut stream = OpenAi.stream(&target(quirks));
        let mut events = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            stream.push(piece, &mut events);
        }
        stream.end(&mut events);
        events
    };
    let events = read(usize::MAX);
    assert_eq!(read(1), events);
    events
}

fn chunks(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

fn delta(delta: Value) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": delta}]})
}

fn end(reason: &str) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn whole(body: &Value) -> Result<Vec<Event>, ProviderError> {
    OpenAi.decode(body.to_string().as_bytes(), &target(&Map::new()))
}

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.to_owned() }
}

fn thought(text: &str) -> Event {
    let detail = crate::canonical::ReasoningDetail { content: Some(text.to_owned()), ..Default::default() };
    Event::Reasoning { choice: 0, detail }
}

fn finish(reason: FinishReason, native: &str) -> Event {
    Event::Finish { choice: 0, reason, native: native.to_owned() }
}

fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Event {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Event::ToolCall { choice: 0, index, id: owned(id), name: owned(name), arguments: arguments.to_owned() }
}

fn without_start(events: Vec<Event>) -> Vec<Event> {
    events.into_iter().filter(|event| !matches!(event, Event::Start { .. })).collect()
}

#[test]
fn a_stream_is_good_after_a_finish_or_an_announced_end() {
    let said = delta(json!({"content": "x"}));
    let done = "data: [DONE]\n\n";
    let read = |text: &str| without_start(streamed(text, &json!({})));
    assert_eq!(read(&chunks(&[said.clone(), end("eos")])), [text("x"), finish(FinishReason::Stop, "eos")]);
    assert_eq!(
        read(&(chunks(std::slice::from_ref(&said)) + done)),
        [text("x"), finish(FinishReason::Stop, "")]
    );
    let cut = read(&chunks(&[said]));
    assert!(
        matches!(&cut[1], Event::Failure(error) if error.is_fault && error.message.contains("cut short"))
    );
    assert!(matches!(&read(done)[..], [Event::Failure(_)]));
    assert!(matches!(&read("")[..], [Event::Failure(_)]));
}

#[test]
fn the_end_is_one_finish_however_often_it_comes() {
    let events =
        streamed(&chunks(&[delta(json!({"content": "x"})), end("tool_call"), end("stop")]), &json!({}));
    assert_eq!(without_start(events), [text("x"), finish(FinishReason::ToolCalls, "tool_call")]);
}

#[test]
fn what_comes_after_a_finish_comes_before_it() {
    let one = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}});
    let two = json!({"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}});
    let mut first = delta(json!({"tool_calls": [one]}));
    first["choices"][0]["finish_reason"] = json!("tool_calls");
    let mut second = delta(json!({"tool_calls": [two]}));
    second["choices"][0]["finish_reason"] = json!("tool_calls");
    let events = without_start(streamed(&chunks(&[first.clone(), second]), &json!({})));
    let calls = [call(0, Some("a"), Some("f"), "{}"), call(1, Some("b"), Some("g"), "{}")];
    assert_eq!(events[..2], calls);
    assert_eq!(events[2..], [finish(FinishReason::ToolCalls, "tool_calls")]);
    let open =
        delta(json!({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{"}}]}));
    assert!(matches!(streamed(&chunks(&[first.clone(), open]), &json!({})).last(), Some(Event::Failure(_))));
    let torn = chunks(&[first]) + "data: {\"id\": \"c\", \"choi";
    assert!(matches!(streamed(&torn, &json!({})).last(), Some(Event::Failure(_))));
}

#[test]
fn calls_are_told_apart_by_index_id_or_place() {
    let tools = |calls: Value| delta(json!({"tool_calls": calls}));
    let events = |pieces: &[Value]| {
        let mut pieces = pieces.to_vec();
        pieces.push(end("tool_calls"));
        let mut events = without_start(streamed(&chunks(&pieces), &json!({})));
        events.pop();
        events
    };
    // Fragments, and a later delta that repeats the call with an empty name.
    let fragments = events(&[
        tools(json!([{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}])),
        tools(json!([{"index": 0, "id": "a", "function": {"name": "", "arguments": "{\"x\""}}])),
        tools(json!([{"index": 0, "function": {"arguments": ":1}"}}])),
        tools(json!([{"index": 0, "function": {"arguments": ""}}])),
    ]);
    assert_eq!(
        fragments,
        [call(0, Some("a"), Some("f"), ""), call(0, None, None, "{\"x\""), call(0, None, None, ":1}")]
    );
    // Whole calls without an index, one of them an object.
    let no_index = events(&[tools(json!([
        {"id": "a", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "g", "arguments": {"y": 2}}}
    ]))]);
    assert_eq!(no_index, [call(0, Some("a"), Some("f"), "{}"), call(1, Some("b"), Some("g"), "{\"y\":2}")]);
    // Different calls under one index.
    let same_index = events(&[
        tools(json!([{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}])),
        tools(json!([{"index": 0, "id": "b", "function": {"name": "f", "arguments": "{}"}}])),
    ]);
    assert_eq!(same_index, [call(0, Some("a"), Some("f"), "{}"), call(1, Some("b"), Some("f"), "{}")]);
    // Neither index nor id.
    let bare = events(&[
        tools(json!([{"function": {"name": "f", "arguments": "{\"a\""}}])),
        tools(json!([{"function": {"arguments": ":1}"}}])),
        tools(json!([{"function": {"name": "g"}}])),
    ]);
    assert_eq!(
        bare,
        [call(0, None, Some("f"), "{\"a\""), call(0, None, None, ":1}"), call(1, None, Some("g"), "")]
    );
}

#[test]
fn reasoning_is_found_under_every_name() {
    let read = |piece: Value| {
        let mut events = without_start(streamed(&chunks(&[delta(piece), end("stop")]), &json!({})));
        events.pop();
        events
    };
    assert_eq!(read(json!({"content": "", "reasoning": "r", "channel": "analysis"})), [thought("r")]);
    assert_eq!(read(json!({"content": null, "reasoning_content": "r"})), [thought("r")]);
    let details = json!([{"type": "reasoning.text", "text": "r", "format": "unknown", "index": 0}]);
    assert_eq!(read(json!({"reasoning": "r", "reasoning_details": details})), [thought("r")]);
    let thinking = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}, {"type": "text", "text": "t"}]);
    assert_eq!(read(json!({"content": thinking})), [thought("r"), text("t")]);
    let encrypted =
        read(json!({"reasoning": "r", "reasoning_details": [{"type": "reasoning.encrypted", "data": "z"}]}));
    assert_eq!(encrypted.len(), 2);
    assert_eq!(encrypted[0], thought("r"));
}

#[test]
fn content_in_parts_is_read_part_by_part() {
    let parts = json!([
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "r", "signature": "s"}]},
        {"type": "text", "text": "t"}, {"type": "output_text", "text": "u"}, {"type": "refusal", "refusal": "no"},
        {"type": "reference", "reference_ids": [1]}, {"type": "text"}, 7
    ]);
    let events =
        without_start(streamed(&chunks(&[delta(json!({"content": parts})), end("stop")]), &json!({})));
    let signed = crate::canonical::ReasoningDetail {
        content: Some("r".to_owned()),
        signature: Some("s".to_owned()),
        ..Default::default()
    };
    let expected = [
        Event::Reasoning { choice: 0, detail: signed },
        text("t"),
        text("u"),
        Event::Refusal { choice: 0, text: "no".to_owned() },
        finish(FinishReason::Stop, "stop"),
    ];
    assert_eq!(events, expected);
}

#[test]
fn sources_beside_the_answer_become_annotations_once() {
    let citing = |mut chunk: Value, urls: Value| {
        chunk["citations"] = urls;
        chunk
    };
    let annotation = |url: &str, title: &str| {
        let citation = json!({"url": url, "title": title, "start_index": 0, "end_index": 0});
        json!({"type": "url_citation", "url_citation": citation})
    };
    let extra = |annotations: Value| Event::Extra {
        choice: 0,
        members: Map::from_iter([("annotations".to_owned(), annotations)]),
    };
    let said = citing(delta(json!({"content": "x"})), json!(["https://a.example"]));
    let last = citing(end("stop"), json!(["https://a.example", "https://b.example"]));
    let events = without_start(streamed(&chunks(&[said, last.clone(), last]), &json!({})));
    let both = json!([annotation("https://a.example", ""), annotation("https://b.example", "")]);
    assert_eq!(events, [text("x"), extra(both), finish(FinishReason::Stop, "stop")]);
    let late = json!({"id": "c", "choices": [], "citations": ["https://c.example"]});
    let events =
        without_start(streamed(&chunks(&[delta(json!({"content": "x"})), end("stop"), late]), &json!({})));
    assert_eq!(events[1], extra(json!([annotation("https://c.example", "")])));
    let body = json!({"id": "c", "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
        "citations": ["https://a.example"], "search_results": [{"url": "https://a.example", "title": "A"}]});
    let events = without_start(whole(&body).unwrap());
    assert_eq!(events[1], extra(json!([annotation("https://a.example", "A")])));
}

#[test]
fn thoughts_in_tags_are_split_off_where_the_catalogue_says_so() {
    let pieces =
        [delta(json!({"content": "<thi"})), delta(json!({"content": "nk>r</think>\n\nt<"})), end("stop")];
    let events = without_start(streamed(&chunks(&pieces), &json!({"think_tags": true})));
    assert_eq!(events, [thought("r"), text("t<"), finish(FinishReason::Stop, "stop")]);
}

#[test]
fn usage_counts_once_wherever_it_stands() {
    let counts = json!({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7});
    let usage = Usage::default().with(Class::Input, 5).with(Class::Output, 2);
    let with = |name: &str, value: Value| {
        let mut chunk = end("stop");
        chunk[name] = value;
        chunk
    };
    let grok = with("x_groq", json!({"usage": counts}));
    let apart = json!({"id": "c", "choices": [], "usage": counts});
    for pieces in [vec![with("usage", counts.clone())], vec![end("stop"), apart.clone()], vec![grok, apart]] {
        let events = streamed(&chunks(&pieces), &json!({}));
        let found: Vec<_> = events.iter().filter(|event| matches!(event, Event::Usage(_))).collect();
        assert_eq!(found, [&Event::Usage(usage)]);
    }
}

#[test]
fn errors_inside_a_good_stream_are_failures() {
    let said = delta(json!({"content": "x"}));
    let error = |chunk: &str| {
        let events = streamed(&(chunks(std::slice::from_ref(&said)) + chunk), &json!({}));
        match events.into_iter().find(|event| matches!(event, Event::Failure(_))) {
            Some(Event::Failure(error)) => error,
            _ => panic!("no failure in {chunk}"),
        }
    };
    let framed = error(
        "event: error\ndata: {\"error\":{\"message\":\"m\",\"code\":\"tool_use_failed\",\"status_code\":400}}\n\n",
    );
    assert_eq!((framed.message.as_str(), framed.provider_code.as_deref()), ("m", Some("tool_use_failed")));
    assert_eq!(error("data: {\"error\":\"overloaded\"}\n\n").error_type, ErrorType::ProviderOverloaded);
    let top = error("data: {\"object\":\"error\",\"message\":\"m\",\"code\":429}\n\n");
    assert_eq!((top.message.as_str(), top.error_type), ("m", ErrorType::RateLimitExceeded));
    assert_eq!(error("{\"error\":{\"message\":\"bare\",\"code\":503}}\n").message, "bare");
    assert_eq!(error("data: {\"choices\": [trash\n\n").error_type, ErrorType::ProviderUnavailable);
    assert_eq!(
        error(&chunks(&[end("insufficient_system_resource")])).error_type,
        ErrorType::ProviderUnavailable
    );
}

#[test]
fn usage_after_a_failure_still_counts() {
    let failing = json!({"id": "c", "choices": [{"index": 0, "delta": {"content": "late"}, "finish_reason": "error"}],
                         "error": {"code": 502, "message": "m"}});
    let usage = json!({"id": "c", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    let events = streamed(&chunks(&[failing, delta(json!({"content": "never"})), usage]), &json!({}));
    let events = without_start(events);
    assert_eq!(events[0], text("late"));
    assert!(matches!(&events[1], Event::Failure(error) if error.message == "m"));
    assert!(matches!(events[2], Event::Usage(_)));
    assert_eq!(events.len(), 3);
}

#[test]
fn a_whole_answer_becomes_the_events_of_a_stream() {
    let events = whole(&json!({
        "id": "c", "model": "m", "system_fingerprint": "fp", "service_tier": "default",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": {"content": []}, "message": {
            "role": "assistant", "content": "t", "refusal": null, "annotations": [{"type": "x"}], "audio": null,
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": {}}}],
            "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}]}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2}
    }));
    let members = |value: Value| value.as_object().unwrap().clone();
    let fingerprint = Some("fp".to_owned());
    let expected = [
        Event::Start { id: Some("c".into()), model: Some("m".into()), system_fingerprint: fingerprint },
        Event::ChoiceExtra { choice: 0, members: members(json!({"logprobs": {"content": []}})) },
        text("t"),
        call(0, Some("a"), Some("f"), "{}"),
        Event::Image { choice: 0, url: "data:image/png;base64,QQ==".into() },
        Event::Extra { choice: 0, members: members(json!({"annotations": [{"type": "x"}]})) },
        Event::ServiceTier("default".into()),
        Event::Usage(Usage::default().with(Class::Input, 1).with(Class::Output, 2)),
        finish(FinishReason::Stop, "stop"),
    ];
    assert_eq!(events.unwrap(), expected);
}

#[test]
fn a_whole_answer_that_is_none_is_an_error() {
    let class = |body: Value| whole(&body).unwrap_err().error_type;
    assert_eq!(
        class(json!({"error": {"message": "m", "type": "rate_limit_error"}})),
        ErrorType::RateLimitExceeded
    );
    assert_eq!(class(json!({"object": "error", "message": "overloaded"})), ErrorType::ProviderOverloaded);
    assert_eq!(class(json!({})), ErrorType::ProviderUnavailable);
    let partial = json!({"choices": [{"message": {"content": "x"}, "finish_reason": "error", "error": {"code": 503, "message": "m"}}]});
    assert_eq!(class(partial), ErrorType::ProviderOverloaded);
    let streamed = chunks(&[delta(json!({"content": "x"})), end("stop")]);
    let events = OpenAi.decode(streamed.as_bytes(), &target(&Map::new())).unwrap();
    assert_eq!(without_start(events), [text("x"), finish(FinishReason::Stop, "stop")]);
}

#[test]
fn odd_types_beside_the_content_do_not_matter() {
    let chunk = json!({"id": 7, "model": null, "system_fingerprint": {"a": 1}, "service_tier": ["x"], "created": "now",
        "choices": [{"index": 0, "delta": {"content": "x", "refusal": false, "reasoning": {"b": 2}}, "finish_reason": "stop"}]});
    let events = streamed(&chunks(&[chunk]), &json!({}));
    let start = Event::Start { id: Some("7".to_owned()), model: None, system_fingerprint: None };
    assert_eq!(events, [start, text("x"), finish(FinishReason::Stop, "stop")]);
}

#[test]
fn members_beside_the_choices_survive_once_with_their_last_word() {
    let chunk = |timings: u64| {
        let delta = json!({"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"});
        json!({"id": "c", "object": "o", "created": 1, "choices": [delta], "timings": {"n": timings}})
    };
    let body = format!("data: {}\n\ndata: {}\n\ndata: [DONE]\n\n", chunk(1), chunk(2));
    let mut events = Vec::new();
    let mut stream = OpenAi.stream(&target(&Map::new()));
    stream.push(body.as_bytes(), &mut events);
    stream.end(&mut events);
    let extra: Vec<&Event> = events.iter().filter(|event| matches!(event, Event::AnswerExtra(_))).collect();
    let last = json!({"timings": {"n": 2}});
    assert_eq!(extra, [&Event::AnswerExtra(last.as_object().unwrap().clone())]);
}

#[test]
fn azures_first_chunk_starts_nothing() {
    let first = json!({"choices": [], "id": "", "model": "", "created": 0, "prompt_filter_results": []});
    let events = streamed(&chunks(&[first, delta(json!({"content": "x"})), end("stop")]), &json!({}));
    assert!(matches!(&events[0], Event::Start { id: Some(id), .. } if id == "c"));
    // What it says of the prompt comes with the end.
    assert!(matches!(
        &without_start(events)[..],
        [Event::Text { .. }, Event::AnswerExtra(_), Event::Finish { .. }]
    ));
}
