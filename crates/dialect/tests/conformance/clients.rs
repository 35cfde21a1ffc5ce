//! Answers as clients get them: valid by the reference, and saying what the provider said.

use std::collections::BTreeMap;

use bytes::Bytes;
use dialect::canonical::{Event, FinishReason, Operation, Task};
use dialect::client::{Bill, Dialect, Envelope, PublicError};
use dialect::error::ProviderError;
use pricing::Usage;
use serde_json::{Value, json};

use crate::answers::{Answer, Choice};
use crate::problems::Problems;
use crate::received::{self, Received};
use crate::schemas::Schemas;

/// The client dialects that an answer of this kind can go out in.
pub(crate) fn dialects(operation: Operation) -> &'static [Dialect] {
    match operation {
        Operation::Chat => &[Dialect::Chat, Dialect::Responses, Dialect::Messages, Dialect::Completions],
        Operation::Embeddings => &[Dialect::Embeddings],
        Operation::Rerank => &[Dialect::Rerank],
        _ => &[],
    }
}

/// Whether a dialect can say this answer at all: legacy completions are text and nothing else.
pub(crate) fn fits(dialect: Dialect, answer: &Answer) -> bool {
    let is_text = |choice: &Choice| choice.calls.is_empty() && choice.images.is_empty();
    dialect != Dialect::Completions || answer.choices.values().all(is_text)
}

/// A request that the answer answers, in the client's own words.
fn task(dialect: Dialect) -> Task {
    let said = json!([{"role": "user", "content": "Go on."}]);
    let body = match dialect {
        Dialect::Chat => json!({"model": "author/model", "messages": said}),
        Dialect::Responses => json!({"model": "author/model", "input": said}),
        Dialect::Messages => json!({"model": "author/model", "max_tokens": 100, "messages": said}),
        Dialect::Completions => json!({"model": "author/model", "prompt": "Go on."}),
        Dialect::Embeddings => json!({"model": "author/model", "input": ["one", "two"]}),
        Dialect::Rerank => {
            json!({"model": "author/model", "query": "Which?", "documents": ["one", "two", "three"]})
        }
        other => panic!("{other:?} answers nothing that was recorded"),
    };
    dialect.decode(&Bytes::from(body.to_string())).expect("a plain request can be read")
}

/// What goes out, and the bill that went with it.
fn written(dialect: Dialect, events: &[Event], stream: bool) -> (Vec<u8>, Bill) {
    let envelope = Envelope {
        id: "gen-0123456789abcdef0123456789abcdef".to_owned(),
        created: 1_764_000_000,
        model: "author/model".to_owned(),
        provider: "OpenAI".to_owned(),
        service_tier: Some("default".to_owned()),
        routing: Some(routing()),
        ..Envelope::default()
    };
    let mut encoder = dialect.answer(envelope, Some(&task(dialect)), stream);
    let (mut out, mut bill, mut broken) = (Vec::new(), Bill::default(), None);
    for event in events {
        match event {
            Event::Usage(usage) => bill.usage = *usage,
            Event::Failure(error) => broken = Some(public(error)),
            _ => {}
        }
        encoder.event(event.clone(), &mut out);
    }
    match broken {
        None => encoder.finish(&bill, &mut out),
        Some(error) => encoder.fail(&error, Some(&bill), &mut out),
    }
    (out, bill)
}

/// What is told of the routing to a client that asks.
fn routing() -> Value {
    json!({
        "requested": "author/model", "strategy": "direct", "region": null, "attempt": 1, "is_byok": false,
        "summary": "available=1, selected=OpenAI",
        "endpoints": {
            "total": 1, "available": [{"provider": "OpenAI", "model": "author/model", "selected": true}]
        },
        "attempts": [{"provider": "OpenAI", "model": "author/model", "status": 200}]
    })
}

/// Whether the routing is told once, whatever it stands in.
fn tells_routing_once(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).matches("\"openrouter_metadata\":{\"requested\"").count() == 1
}

/// Whether an error tells of the routing as it is to: not where the failure is our own.
pub(crate) fn tells_routing(error: &PublicError, body: &[u8]) -> bool {
    tells_routing_once(body) == (error.error_type.status() != 500)
}

/// A provider's error as a client may see it.
pub(crate) fn public(error: &ProviderError) -> PublicError {
    let mut public = PublicError::new(error.error_type, error.message.clone());
    public.routing = Some(routing());
    public.metadata = error.metadata.clone();
    public.metadata.insert("provider_name".to_owned(), json!("OpenAI"));
    public.metadata.insert("raw".to_owned(), json!(error.message));
    if let Some(code) = &error.provider_code {
        public.metadata.insert("provider_code".to_owned(), json!(code));
    }
    public
}

/// Writes an answer for a client, whole and streamed, and reads both as the client would.
pub(crate) fn check(
    dialect: Dialect,
    events: &[Event],
    answer: &Answer,
    schemas: Option<&Schemas>,
    problems: &mut Problems,
) {
    let forms =
        if matches!(dialect, Dialect::Embeddings | Dialect::Rerank) { &[false][..] } else { &[false, true] };
    for stream in forms {
        problems.at(&format!("{}, {}", dialect.as_str(), if *stream { "streamed" } else { "whole" }));
        let (bytes, bill) = written(dialect, events, *stream);
        problems
            .check(tells_routing_once(&bytes), || "the routing is not told, or more than once".to_owned());
        let received = received::read(dialect, *stream, answer.failure.is_some(), &bytes, schemas, problems);
        if let Some(received) = received.filter(|_| answer.failure.is_none()) {
            compare(dialect, answer, &bill.usage, &received, problems);
        }
    }
}

/// Compares what arrived with what the provider said.
fn compare(dialect: Dialect, answer: &Answer, usage: &Usage, received: &Received, problems: &mut Problems) {
    let sums = |sum: Result<u64, _>| sum.unwrap_or(u64::MAX);
    let expected = (sums(usage.prompt_tokens()), sums(usage.completion_tokens()));
    if dialect == Dialect::Rerank {
        problems.check(received.ranked == answer.ranked, || "the ranking differs".to_owned());
        return;
    }
    problems.check(received.usage.0 == expected.0, || {
        format!("usage {:?}, expected {expected:?}", received.usage)
    });
    if dialect == Dialect::Embeddings {
        problems.check(received.vectors == answer.vectors.values().cloned().collect::<Vec<_>>(), || {
            "the vectors differ".to_owned()
        });
        return;
    }
    problems.check(received.usage.1 == expected.1, || {
        format!("usage {:?}, expected {expected:?}", received.usage)
    });
    let has_many = matches!(dialect, Dialect::Chat | Dialect::Completions);
    let mut choices: BTreeMap<_, _> =
        answer.choices.iter().map(|(index, choice)| (*index, choice.clone())).collect();
    choices.entry(0).or_default();
    if !has_many {
        choices.retain(|index, _| *index == 0);
    }
    problems.check(received.choices.keys().eq(choices.keys()), || {
        format!("choices {:?} of {:?}", received.choices.keys(), choices.keys())
    });
    for (index, choice) in choices {
        if let Some(received) = received.choices.get(&index) {
            compare_choice(dialect, &choice, received, problems);
        }
    }
}

fn compare_choice(dialect: Dialect, expected: &Choice, received: &received::Choice, problems: &mut Problems) {
    let said = format!("{}{}", expected.text, expected.refusal);
    let ends_in_error = matches!(expected.finish, Some((FinishReason::Error, _)));
    // Anthropic's clients are told of an error as of a refusal, with words of ours.
    let is_ours = dialect == Dialect::Messages && ends_in_error && said.is_empty();
    problems.check(received.said == said || is_ours, || format!("it says {:?}, not {said:?}", received.said));
    if dialect != Dialect::Completions {
        problems.check(received.reasoning == expected.reasoning, || {
            format!("it reasons {:?}, not {:?}", received.reasoning, expected.reasoning)
        });
    }
    let calls: Vec<(String, Value)> = expected
        .calls
        .values()
        .map(|(_, name, arguments)| (name.clone(), crate::answers::object(arguments)))
        .collect();
    problems.check(received.calls == calls, || format!("it calls {:?}, not {calls:?}", received.calls));
    problems.check(received.images == expected.images.len() || dialect == Dialect::Messages, || {
        format!("{} images, not {}", received.images, expected.images.len())
    });
    let reason = match expected.finish.as_ref().map_or(FinishReason::Stop, |(reason, _)| *reason) {
        FinishReason::Stop if !calls.is_empty() => FinishReason::ToolCalls,
        // Anthropic's clients are told of a refusal there.
        FinishReason::Stop if dialect == Dialect::Messages && !expected.refusal.is_empty() => {
            FinishReason::ContentFilter
        }
        reason => reason,
    };
    let ends = ends(dialect, reason);
    problems.check(ends.contains(&received.end.as_str()), || {
        format!("it ends with `{}`, not one of {ends:?}", received.end)
    });
}

/// The words of a dialect for a reason to end.
fn ends(dialect: Dialect, reason: FinishReason) -> &'static [&'static str] {
    match (dialect, reason) {
        (Dialect::Responses, FinishReason::Stop | FinishReason::ToolCalls) => &["completed"],
        (Dialect::Responses, FinishReason::Length) => &["max_output_tokens"],
        (Dialect::Responses, FinishReason::ContentFilter) => &["content_filter"],
        (Dialect::Responses, FinishReason::Error) => &["failed", "completed"],
        (Dialect::Messages, FinishReason::Stop) => &["end_turn", "stop_sequence", "pause_turn"],
        (Dialect::Messages, FinishReason::Length) => &["max_tokens", "model_context_window_exceeded"],
        (Dialect::Messages, FinishReason::ToolCalls) => &["tool_use"],
        (Dialect::Messages, FinishReason::ContentFilter) => &["refusal"],
        (Dialect::Messages, FinishReason::Error) => &["end_turn", "refusal", "error"],
        (_, FinishReason::Stop) => &["stop"],
        (_, FinishReason::Length) => &["length"],
        (_, FinishReason::ToolCalls) => &["tool_calls"],
        (_, FinishReason::ContentFilter) => &["content_filter"],
        (_, FinishReason::Error) => &["error"],
    }
}
