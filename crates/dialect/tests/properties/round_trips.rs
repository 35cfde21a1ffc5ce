//! What is written and read again is what it was.

use dialect::canonical::{Event, FinishReason, Operation, ReasoningDetail, ReasoningKind, Request, Task};
use dialect::client::Dialect;
use dialect::codec::{Target, adapter};
use pricing::{Class, Usage};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::checks::clients::written;
use super::checks::endpoints::named;

/// Texts with all that needs escapes, more bytes than characters, or two units for one character.
fn text() -> impl Strategy<Value = String> {
    "[a-z \"\\\\\n\u{7f}é☀🐎<>&]{1,12}".prop_map(|text| text)
}

fn name() -> impl Strategy<Value = String> {
    "[a-z_]{1,8}"
}

fn object() -> impl Strategy<Value = Value> {
    proptest::collection::vec((name(), text()), 0..3).prop_map(|members| {
        members.into_iter().map(|(name, text)| (name, Value::from(text))).collect::<Map<_, _>>().into()
    })
}

// Chat requests.

fn part() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => text().prop_map(|text| json!({"type": "text", "text": text})),
        1 => text().prop_map(|text| {
            json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral"}})
        }),
        1 => "[A-Za-z0-9]{4,8}".prop_map(|data| {
            json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{data}")}})
        }),
        1 => name().prop_map(|name| {
            json!({"type": "image_url", "image_url": {"url": format!("https://{name}.example/a.png"), "detail": "low"}})
        }),
        1 => "[A-Za-z0-9]{4,8}".prop_map(|data| {
            json!({"type": "input_audio", "input_audio": {"data": data, "format": "wav"}})
        }),
        1 => name().prop_map(|id| json!({"type": "file", "file": {"file_id": id}})),
    ]
}

fn user_turn() -> impl Strategy<Value = Value> {
    let content = prop_oneof![
        text().prop_map(Value::from),
        proptest::collection::vec(part(), 1..4).prop_map(Value::from),
    ];
    (prop_oneof![Just("user"), Just("system"), Just("developer")], content)
        .prop_map(|(role, content)| json!({"role": role, "content": content}))
}

/// An assistant's turn with reasoning and calls, and the results of the calls.
fn assistant_turns() -> impl Strategy<Value = Vec<Value>> {
    (proptest::option::of(text()), proptest::collection::vec((name(), object(), text()), 0..3), proptest::bool::ANY)
        .prop_map(|(said, calls, reasons)| {
            let mut turn = json!({"role": "assistant", "content": said});
            if calls.is_empty() && said.is_none() {
                turn["refusal"] = json!("I will not.");
            }
            if reasons {
                turn["reasoning_details"] = json!([
                    {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "f", "index": 0}]);
            }
            let mut turns = vec![Value::Null];
            let mut made = Vec::new();
            for (number, (name, arguments, result)) in calls.into_iter().enumerate() {
                let id = format!("call_{number}");
                turns.push(json!({"role": "tool", "tool_call_id": id, "content": result}));
                let function = json!({"name": name, "arguments": arguments.to_string()});
                made.push(json!({"id": id, "type": "function", "function": function}));
            }
            if !made.is_empty() {
                turn["tool_calls"] = made.into();
            }
            turns[0] = turn;
            turns
        })
}

fn parameters() -> impl Strategy<Value = Map<String, Value>> {
    let known = [
        ("temperature", json!(0.25)),
        ("top_p", json!(0.5)),
        ("top_k", json!(7)),
        ("min_p", json!(0.125)),
        ("frequency_penalty", json!(-0.5)),
        ("presence_penalty", json!(0.5)),
        ("repetition_penalty", json!(1.25)),
        ("seed", json!(-7)),
        ("stop", json!(["END", "\n"])),
        ("n", json!(3)),
        ("max_tokens", json!(100)),
        ("parallel_tool_calls", json!(false)),
        ("response_format", json!({"type": "json_object"})),
        (
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": true}}),
        ),
        ("tool_choice", json!("required")),
        ("tool_choice", json!({"type": "function", "function": {"name": "a"}})),
        ("stream", json!(true)),
        ("logprobs", json!(true)),
        ("something_new", json!({"a": [1, null]})),
    ];
    proptest::sample::subsequence(known.to_vec(), 0..8)
        .prop_map(|chosen| chosen.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn chat_request() -> impl Strategy<Value = Value> {
    let turns = proptest::collection::vec((user_turn(), assistant_turns()), 1..4);
    (turns, parameters(), proptest::collection::vec((name(), object()), 1..3)).prop_map(
        |(turns, mut body, tools)| {
            let turns: Vec<Value> =
                turns.into_iter().flat_map(|(user, rest)| std::iter::once(user).chain(rest)).collect();
            let tools: Vec<Value> = tools
                .into_iter()
                .map(|(name, properties)| {
                    let parameters = json!({"type": "object", "properties": properties});
                    json!({"type": "function", "function": {"name": name, "parameters": parameters, "strict": true}})
                })
                .collect();
            body.insert("model".to_owned(), json!("author/model"));
            body.insert("messages".to_owned(), turns.into());
            body.insert("tools".to_owned(), tools.into());
            body.into()
        },
    )
}

/// Reads a chat request, writes it for an endpoint that knows all of it, and reads what it got.
fn there_and_back(body: &Value, from_original: bool) -> (Request, Request) {
    let quirks = json!({"send_reasoning_back": "reasoning_details", "keep_cache_control": true});
    let target = Target {
        model: "author/model",
        provider: "provider",
        provider_model: "author/model",
        max_output: None,
        supported_parameters: &[],
        service_tier: "",
        quirks: quirks.as_object().unwrap(),
    };
    let adapter = adapter("openai", Operation::Chat, Dialect::Chat, &target).unwrap();
    let mut request = read(body.to_string().into());
    let original = request.original.take();
    if from_original {
        request.original = original;
    }
    let written = adapter.encode(&Task::Chat(request.clone()), &target).unwrap().body;
    let mut again = read(written);
    (request.original, again.original) = (None, None);
    // Usage is asked for in every stream.
    again.extra.shift_remove("stream_options");
    (request, again)
}

fn read(body: bytes::Bytes) -> Request {
    match Dialect::Chat.decode(&body).unwrap() {
        Task::Chat(request) => request,
        other => panic!("{other:?}"),
    }
}

// Answers.

/// An answer as one choice of any provider's: reasoning, then text or a refusal, then calls.
pub(crate) fn answer() -> impl Strategy<Value = Vec<Event>> {
    let calls = proptest::collection::vec((name(), object()), 0..3);
    let reasons = [FinishReason::Stop, FinishReason::Length, FinishReason::ContentFilter];
    let texts = proptest::collection::vec(text(), 0..4);
    (texts, calls, proptest::option::of(text()), proptest::sample::select(reasons.to_vec())).prop_map(
        |(texts, calls, thought, reason)| {
            let mut events = Vec::new();
            events.extend(thought.map(reasoning));
            events.extend(texts.into_iter().map(|text| Event::Text { choice: 0, text }));
            let has_calls = !calls.is_empty();
            events.extend(calls.into_iter().zip(0..).map(|((name, arguments), index)| Event::ToolCall {
                choice: 0,
                index,
                id: Some(format!("call_{index}")),
                name: Some(name),
                arguments: arguments.to_string(),
            }));
            let reason = if has_calls { FinishReason::ToolCalls } else { reason };
            events.push(Event::Usage(
                Usage::default().with(Class::Input, 3).with(Class::CacheRead, 4).with(Class::Output, 5),
            ));
            events.push(Event::Finish { choice: 0, reason, native: reason.as_str().to_owned() });
            events
        },
    )
}

fn reasoning(text: String) -> Event {
    let detail = ReasoningDetail {
        kind: ReasoningKind::Text,
        index: 0,
        id: None,
        format: Some("anthropic-claude-v1".to_owned()),
        content: Some(text),
        signature: Some("c2ln".to_owned()),
    };
    Event::Reasoning { choice: 0, detail }
}

/// What an answer says in the end, whatever pieces it came in.
#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    thought: String,
    signature: String,
    calls: Vec<(String, String, Value)>,
    finish: Option<FinishReason>,
    usage: Option<(u64, u64, u64)>,
}

fn said(events: &[Event]) -> Said {
    let mut said = Said::default();
    for event in events {
        match event {
            Event::Text { text, .. } => said.text.push_str(text),
            Event::Reasoning { detail, .. } => {
                said.thought.push_str(detail.content.as_deref().unwrap_or_default());
                said.signature.push_str(detail.signature.as_deref().unwrap_or_default());
            }
            Event::ToolCall { index, id, name, arguments, .. } => {
                let at = usize::try_from(*index).unwrap();
                if at == said.calls.len() {
                    said.calls.push((String::new(), String::new(), Value::String(String::new())));
                }
                let call = &mut said.calls[at];
                call.0.push_str(id.as_deref().unwrap_or_default());
                call.1.push_str(name.as_deref().unwrap_or_default());
                if let Value::String(text) = &mut call.2 {
                    text.push_str(arguments);
                }
            }
            Event::Finish { reason, .. } => said.finish = Some(*reason),
            Event::Usage(usage) => {
                let cached = usage.get(Class::CacheRead);
                said.usage =
                    Some((usage.prompt_tokens().unwrap(), cached, usage.completion_tokens().unwrap()));
            }
            Event::Failure(error) => panic!("{error:?}"),
            _ => {}
        }
    }
    for (.., arguments) in &mut said.calls {
        let text = arguments.as_str().unwrap_or_default();
        *arguments = serde_json::from_str(if text.is_empty() { "{}" } else { text }).unwrap();
    }
    said
}

/// Writes an answer for a client and reads it as a provider's of the same dialect.
fn read_back(endpoint: &str, client: Dialect, events: &[Event], stream: bool) -> Said {
    let bytes = written(client, events, stream);
    let read = named(endpoint).with(|adapter, target| {
        if !stream {
            return adapter.decode(&bytes, target).unwrap();
        }
        let mut decoder = adapter.stream(target);
        let mut events = Vec::new();
        decoder.push(&bytes, &mut events);
        decoder.end(&mut events);
        events
    });
    said(&read.unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_chat_request_is_the_same_for_a_provider_of_chat(body in chat_request(), from_original: bool) {
        let (sent, received) = there_and_back(&body, from_original);
        prop_assert_eq!(sent, received);
    }

    #[test]
    fn a_chat_answer_is_the_same_for_the_next_gateway(events in answer(), stream: bool) {
        let expected = Said { signature: String::new(), ..said(&events) };
        let read = read_back("openai", Dialect::Chat, &events, stream);
        prop_assert_eq!(Said { signature: String::new(), ..read }, Said { ..expected });
    }

    #[test]
    fn an_answer_in_messages_is_the_same_for_the_next_gateway(events in answer(), stream: bool) {
        prop_assert_eq!(read_back("anthropic", Dialect::Messages, &events, stream), said(&events));
    }

    #[test]
    fn an_answer_in_responses_is_the_same_for_the_next_gateway(events in answer(), stream: bool) {
        // Signed reasoning is sealed for the way back, which the providers of this dialect do not do.
        let plain = |said: Said| Said { thought: String::new(), signature: String::new(), ..said };
        prop_assert_eq!(plain(read_back("responses", Dialect::Responses, &events, stream)), plain(said(&events)));
    }
}
