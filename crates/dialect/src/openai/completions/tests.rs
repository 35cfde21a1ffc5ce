use bytes::Bytes;
use pricing::{Class, Usage};

use super::super::outgoing::tests::{sent, sent_json, with_target};
use super::*;
use crate::canonical::Operation;
use crate::codec::adapter;
use crate::error::ErrorType;

fn speaks() -> Value {
    json!({"apis": ["completions"]})
}

fn body(members: &Value) -> Value {
    let mut body = json!({"model": "a/b", "prompt": "Once"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

#[test]
fn a_prompt_goes_out_as_one_where_the_provider_knows_prompts() {
    let members = json!({"suffix": "end", "n": 2, "best_of": 2, "echo": true, "logprobs": 3, "max_tokens": 9,
        "stop": ["x"], "stream": true, "temperature": 0.5, "user": "ann", "guided_choice": ["a"], "models": ["a/b"],
        "messages": [], "MAX_TOKENS": 1, "service_tier": "flex", "reasoning": {"effort": "low"}, "seed": null});
    let expected = json!({"model": "b-1", "prompt": "Once", "suffix": "end", "n": 2, "logprobs": 3, "stop": ["x"],
        "temperature": 0.5, "guided_choice": ["a"], "user": end_user::hashed("ann"), "max_tokens": 9,
        "stream": true, "stream_options": {"include_usage": true}});
    assert_eq!(sent_json(Dialect::Completions, &body(&members), &speaks()), expected);
    let strict = json!({"apis": ["completions"], "strict": true, "no_stream_options": true});
    let strict = sent(Dialect::Completions, &body(&members), &strict, &["stop"]).unwrap();
    let expected = json!({"model": "b-1", "prompt": "Once", "suffix": "end", "n": 2, "stop": ["x"],
        "user": end_user::hashed("ann"), "max_tokens": 9, "stream": true});
    assert_eq!(serde_json::from_slice::<Value>(&strict.body).unwrap(), expected);
    assert_eq!(strict.path, "/completions");
}

#[test]
fn a_prompt_is_a_conversation_elsewhere() {
    let sent = sent_json(
        Dialect::Completions,
        &body(&json!({"echo": true, "logprobs": 2, "tools": []})),
        &json!({}),
    );
    let expected = json!({"messages": [{"role": "user", "content": "Once"}], "logprobs": true, "top_logprobs": 2, "model": "b-1"});
    assert_eq!(sent, expected);
    let chat = json!({"model": "a/b", "messages": [{"role": "user", "content": "x"}]});
    assert!(sent_json(Dialect::Chat, &chat, &speaks()).get("messages").is_some());
}

fn completions() -> &'static dyn Adapter {
    with_target(&speaks(), &[], |target| adapter("openai", Operation::Chat, Dialect::Completions, target))
        .unwrap()
}

fn fold<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut stream = with_target(&speaks(), &[], |target| completions().stream(target));
    let mut events = Vec::new();
    pieces.into_iter().for_each(|piece| stream.push(piece, &mut events));
    stream.end(&mut events);
    events
}

fn streamed(body: &str) -> Vec<Event> {
    let body = body.as_bytes();
    let whole = fold([body]);
    assert_eq!(fold(body.chunks(1)), whole);
    for at in 0..body.len() {
        assert_eq!(fold([&body[..at], &body[at..]]), whole, "cut at {at}");
    }
    whole
}

fn chunks(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

#[test]
fn streams_are_read() {
    let chunk = |choice: Value| json!({"id": "c", "object": "text_completion", "model": "m", "choices": [choice], "usage": null});
    let all = [
        chunk(json!({"index": 0, "text": "Up", "logprobs": {"tokens": ["Up"], "token_logprobs": [-1.0]}})),
        chunk(json!({"index": 1, "text": "On", "finish_reason": "length"})),
        chunk(json!({"index": 0, "text": "", "finish_reason": "stop"})),
        json!({"id": "c", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}),
    ];
    let events = streamed(&format!("{}data: [DONE]\n\n", chunks(&all)));
    let members =
        Map::from_iter([("logprobs".to_owned(), json!({"tokens": ["Up"], "token_logprobs": [-1.0]}))]);
    let expected = [
        Event::Start { id: Some("c".into()), model: Some("m".into()), system_fingerprint: None },
        Event::ChoiceExtra { choice: 0, members },
        Event::Text { choice: 0, text: "Up".into() },
        Event::Text { choice: 1, text: "On".into() },
        Event::Finish { choice: 1, reason: FinishReason::Length, native: "length".into() },
        Event::Finish { choice: 0, reason: FinishReason::Stop, native: "stop".into() },
        Event::Usage(Usage::default().with(Class::Input, 1).with(Class::Output, 2)),
    ];
    assert_eq!(events, expected);
    let unfinished = streamed(&format!("{}data: [DONE]\n\n", chunks(&all[..1])));
    assert!(matches!(unfinished.last(), Some(Event::Finish { choice: 0, .. })));
}

#[test]
fn a_stream_that_breaks_is_a_failure() {
    let begun = chunks(&[json!({"id": "c", "choices": [{"index": 0, "text": "Up"}]})]);
    for (body, words) in [
        (begun.clone(), "cut short"),
        (String::new(), "cut short"),
        ("data: [DONE]\n\n".to_owned(), "cut short"),
        (
            format!("{begun}data: {{\"error\":{{\"message\":\"overloaded\",\"code\":503}}}}\n\n{begun}"),
            "overloaded",
        ),
        (format!("{begun}data: 7\n\n"), "cannot be read"),
        (
            chunks(&[json!({"choices": [{"index": 0, "text": "", "finish_reason": "abort"}]})]),
            "with an error",
        ),
        ("{\"error\":{\"message\":\"slow down\",\"code\":429}}".to_owned(), "slow down"),
    ] {
        match streamed(&body).last() {
            Some(Event::Failure(error)) => assert!(error.message.contains(words), "{error:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_answer_that_is_none_is_a_failure() {
    let read = |body: &Value| {
        with_target(&speaks(), &[], |target| completions().decode(body.to_string().as_bytes(), target))
    };
    let error = read(&json!({"error": {"message": "busy", "code": 503}})).unwrap_err();
    assert_eq!(error.error_type, ErrorType::ProviderOverloaded);
    for body in [json!({"choices": []}), json!({"id": "c"}), json!([])] {
        assert!(read(&body).is_err());
    }
    let request = Dialect::Chat
        .decode(&Bytes::from_static(br#"{"model":"a","messages":[{"role":"user","content":"x"}]}"#));
    assert!(with_target(&speaks(), &[], |target| completions().encode(&request.unwrap(), target)).is_err());
}
