use bytes::Bytes;
use pricing::{Amount, Class, Usage};
use serde_json::{Map, Value, json};

use crate::canonical::{Event, FinishReason, ReasoningDetail, Request, Task};
use crate::client::{Bill, Dialect, Envelope, PublicError};
use crate::error::ErrorType;

fn body(members: &Value) -> Bytes {
    let mut body = json!({"model": "a/b", "prompt": "Once"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Bytes::from(body.to_string())
}

fn decoded(members: &Value) -> Request {
    match Dialect::Completions.decode(&body(members)).unwrap() {
        Task::Chat(request) => request,
        other => panic!("{other:?}"),
    }
}

fn said(request: &Request) -> String {
    let mut text = String::new();
    request.messages[0].for_each_text(|part| text.push_str(part));
    text
}

#[test]
fn a_prompt_is_a_turn_and_the_rest_what_it_is_in_chat() {
    let members = json!({"prompt": ["Once"], "n": 2, "best_of": 2, "echo": true, "suffix": "end", "logprobs": 3,
        "max_tokens": 9, "stop": "\n", "stream": true, "temperature": 0.5, "seed": 1, "top_k": 4, "user": "ann",
        "reasoning": {"effort": "low"}, "tools": [{}], "messages": [], "guided_choice": ["a"], "models": ["c/d"],
        "stream_options": {}, "logit_bias": {"1": 2}});
    let request = decoded(&members);
    assert_eq!((said(&request).as_str(), request.messages.len(), request.n), ("Once", 1, Some(2)));
    assert_eq!((request.max_tokens, request.stop.as_slice()), (Some(9), ["\n".to_owned()].as_slice()));
    assert_eq!((request.temperature, request.seed, request.top_k), (Some(0.5), Some(1), Some(4)));
    assert_eq!(request.reasoning.unwrap().effort.as_deref(), Some("low"));
    let extra = json!({"guided_choice": ["a"], "logit_bias": {"1": 2}, "logprobs": true, "top_logprobs": 3});
    assert_eq!(Value::Object(request.extra), extra);
    assert_eq!(request.original.unwrap().dialect, Dialect::Completions);
    let peek = Dialect::Completions.peek(&body(&members)).unwrap();
    assert_eq!((peek.choices, peek.max_tokens, peek.stream, peek.messages), (2, Some(9), true, 1));
    assert_eq!((peek.models, peek.user.as_deref()), (vec!["a/b".to_owned(), "c/d".to_owned()], Some("ann")));
    assert_eq!(peek.text_bytes, body(&members).len() as u64);
    let set = [
        "reasoning",
        "max_tokens",
        "temperature",
        "top_k",
        "seed",
        "stop",
        "logit_bias",
        "logprobs",
        "suffix",
    ];
    assert_eq!(peek.parameters, set);
}

#[test]
fn what_cannot_be_served_is_refused() {
    for (members, words) in [
        (json!({"prompt": null}), "`prompt` is required"),
        (json!({"prompt": ""}), "`prompt` must not be empty"),
        (json!({"prompt": []}), "`prompt` must not be empty"),
        (json!({"prompt": ["a", "b"]}), "send a request for each prompt"),
        (json!({"prompt": [1, 2]}), "token ids"),
        (json!({"prompt": [[1, 2]]}), "token ids"),
        (json!({"prompt": 7}), "`prompt` must be a string"),
        (json!({"best_of": 2}), "`best_of` must be at most `n`"),
        (json!({"logprobs": 21}), "`logprobs` must be an integer from 0 to 20"),
        (json!({"n": 0}), "`n` must be an integer of at least 1"),
        (json!({"temperature": 3}), "`temperature` must be a number from 0 to 2"),
        (json!({"suffix": 1}), "`suffix` must be a string"),
    ] {
        let refusal = Dialect::Completions.peek(&body(&members)).unwrap_err();
        assert!(refusal.message.contains(words), "{refusal}");
        assert_eq!(Dialect::Completions.decode(&body(&members)).unwrap_err(), refusal);
    }
}

fn answered(members: &Value, stream: bool) -> String {
    let envelope = Envelope {
        id: "gen-1".into(),
        created: 7,
        model: "a/b".into(),
        provider: "P".into(),
        ..Envelope::default()
    };
    let task = Task::Chat(decoded(members));
    let mut encoder = Dialect::Completions.answer(envelope, Some(&task), stream);
    let mut out = Vec::new();
    let token = |text: &str| json!({"token": text, "logprob": -0.5, "bytes": null, "top_logprobs": [{"token": text, "logprob": -0.5}]});
    let beside = |tokens: Value| Map::from_iter([("logprobs".to_owned(), json!({"content": tokens}))]);
    let thought = ReasoningDetail { content: Some("Hm".into()), ..ReasoningDetail::default() };
    for event in [
        Event::Start { id: None, model: None, system_fingerprint: Some("fp".into()) },
        Event::Reasoning { choice: 0, detail: thought },
        Event::ChoiceExtra { choice: 0, members: beside(json!([token(" ü"), token("p")])) },
        Event::Text { choice: 0, text: " üp".into() },
        Event::ChoiceExtra { choice: 0, members: beside(json!([token("on")])) },
        Event::Text { choice: 0, text: "on".into() },
        Event::Text { choice: 1, text: "!".into() },
        Event::Finish { choice: 1, reason: FinishReason::Length, native: "max".into() },
        Event::Finish { choice: 0, reason: FinishReason::ToolCalls, native: "tool".into() },
    ] {
        encoder.event(event, &mut out);
    }
    let usage = Usage::default().with(Class::Input, 3).with(Class::Output, 2);
    encoder.finish(&Bill { usage, cost: Amount::from_nanos(1_000_000), ..Bill::default() }, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn completions_come_whole() {
    let answer: Value = serde_json::from_str(&answered(&json!({"echo": true}), false)).unwrap();
    let logprobs = json!({"tokens": [" ü", "p", "on"], "token_logprobs": [-0.5, -0.5, -0.5],
        "top_logprobs": [{" ü": -0.5}, {"p": -0.5}, {"on": -0.5}], "text_offset": [4, 6, 7]});
    let choices = json!([
        {"text": "Once üpon", "index": 0, "logprobs": logprobs, "finish_reason": "stop", "native_finish_reason": "tool", "reasoning": "Hm"},
        {"text": "Once!", "index": 1, "logprobs": null, "finish_reason": "length", "native_finish_reason": "max"},
    ]);
    assert_eq!(answer["choices"], choices);
    assert_eq!((&answer["object"], &answer["id"]), (&json!("text_completion"), &json!("gen-1")));
    assert_eq!((&answer["system_fingerprint"], &answer["created"]), (&json!("fp"), &json!(7)));
    assert_eq!((&answer["usage"]["total_tokens"], &answer["usage"]["cost"]), (&json!(5), &json!(0.001)));
}

#[test]
fn completions_come_piece_by_piece() {
    let answer = answered(&json!({"echo": true, "stream": true}), true);
    let frames: Vec<&str> =
        answer.split_terminator("\n\n").map(|frame| frame.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(frames.last(), Some(&"[DONE]"));
    let frames: Vec<Value> =
        frames[..frames.len() - 1].iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
    let texts: Vec<_> =
        frames.iter().map(|frame| frame["choices"][0]["text"].as_str().unwrap_or("-")).collect();
    assert_eq!(texts, ["Once", " üp", "on", "Once!", "", "", "-"]);
    assert_eq!(frames[1]["choices"][0]["logprobs"]["text_offset"], json!([4, 6]));
    assert_eq!(frames[2]["choices"][0]["logprobs"]["text_offset"], json!([7]));
    assert_eq!(
        (&frames[0]["choices"][0]["reasoning"], &frames[0]["choices"][0]["finish_reason"]),
        (&json!("Hm"), &Value::Null)
    );
    let ends: Vec<_> = frames[4..6].iter().map(|frame| &frame["choices"][0]["finish_reason"]).collect();
    assert_eq!(ends, [&json!("stop"), &json!("length")]);
    assert_eq!((&frames[6]["choices"], &frames[6]["usage"]["prompt_tokens"]), (&json!([]), &json!(3)));
    assert!(frames[0].get("usage").is_none() && frames[0]["object"] == "text_completion");
}

#[test]
fn nothing_is_repeated_unasked_and_thoughts_can_be_left_out() {
    let plain: Value = serde_json::from_str(&answered(&json!({}), false)).unwrap();
    assert_eq!(plain["choices"][1]["text"], "!");
    let envelope = Envelope { exclude_reasoning: true, ..Envelope::default() };
    let mut encoder = Dialect::Completions.answer(envelope, None, true);
    let mut out = Vec::new();
    let detail = ReasoningDetail { content: Some("Hm".into()), ..ReasoningDetail::default() };
    encoder.event(Event::Reasoning { choice: 0, detail }, &mut out);
    assert!(out.is_empty());
}

#[test]
fn an_answer_that_breaks_says_so() {
    let error = PublicError::new(ErrorType::ProviderUnavailable, "gone");
    for stream in [false, true] {
        let mut out = Vec::new();
        let mut encoder = Dialect::Completions.answer(Envelope::default(), None, stream);
        encoder.fail(&error, Some(&Bill::default()), &mut out);
        let text = String::from_utf8(out).unwrap();
        let first = text.split("\n\n").next().unwrap();
        let first: Value = serde_json::from_str(first.trim_start_matches("data: ")).unwrap();
        assert_eq!(
            (&first["error"]["code"], &first["choices"][0]["finish_reason"]),
            (&json!(502), &json!("error"))
        );
        assert_eq!(text.ends_with("data: [DONE]\n\n"), stream);
    }
}
