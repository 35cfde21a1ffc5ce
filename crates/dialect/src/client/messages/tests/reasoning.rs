//! Reasoning, to a client and back.

use bytes::Bytes;
use serde_json::{Value, json};

use super::fold::{both, envelope, whole};
use crate::canonical::{Event, FinishReason, ReasoningDetail, ReasoningKind};
use crate::client::{Bill, Dialect, Envelope};

fn detail(kind: ReasoningKind, index: u32) -> ReasoningDetail {
    ReasoningDetail { kind, index, ..ReasoningDetail::default() }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn answer(details: &[ReasoningDetail]) -> Vec<Event> {
    let reasoning = details.iter().map(|detail| Event::Reasoning { choice: 0, detail: detail.clone() });
    let end = [
        Event::Text { choice: 0, text: "So.".into() },
        Event::Finish { choice: 0, reason: FinishReason::Stop, native: "stop".into() },
    ];
    reasoning.chain(end).collect()
}

/// The reasoning that a client sends back which got `content`.
fn sent_back(content: &Value) -> Vec<ReasoningDetail> {
    let messages = json!([{"role": "user", "content": "Go"}, {"role": "assistant", "content": content}]);
    let body = json!({"model": "m", "messages": messages}).to_string();
    let request = Dialect::Messages.decode(&Bytes::from(body)).unwrap();
    request.chat().unwrap().messages[1].reasoning.clone()
}

#[test]
fn thinking_of_anthropic_is_thinking() {
    let own = |detail: ReasoningDetail| ReasoningDetail { format: some("anthropic-claude-v1"), ..detail };
    let events = answer(&[
        own(ReasoningDetail { content: some("Let me "), ..detail(ReasoningKind::Text, 0) }),
        own(ReasoningDetail { content: some("see."), ..detail(ReasoningKind::Text, 0) }),
        own(ReasoningDetail { signature: some("SIG"), ..detail(ReasoningKind::Text, 0) }),
        own(ReasoningDetail { content: some("SECRET"), ..detail(ReasoningKind::Encrypted, 1) }),
        own(ReasoningDetail { signature: some("SIG2"), ..detail(ReasoningKind::Text, 2) }),
    ]);
    let content = both(&events, &Bill::default())["content"].take();
    let expected = json!([
        {"type": "thinking", "thinking": "Let me see.", "signature": "SIG"},
        {"type": "redacted_thinking", "data": "SECRET"},
        {"type": "thinking", "thinking": "", "signature": "SIG2"},
        {"type": "text", "text": "So.", "citations": null}
    ]);
    assert_eq!(content, expected);
    let back = sent_back(&content);
    assert_eq!(back.len(), 3);
    assert!(back.iter().all(|detail| detail.format.as_deref() == Some("anthropic-claude-v1")));
    assert_eq!(back[0].signature.as_deref(), Some("SIG"));
    assert_eq!((back[1].kind, back[1].content.as_deref()), (ReasoningKind::Encrypted, Some("SECRET")));
}

#[test]
fn reasoning_of_other_providers_makes_the_trip() {
    let openai = |detail: ReasoningDetail| ReasoningDetail {
        id: some("rs_1"),
        format: some("openai-responses-v1"),
        ..detail
    };
    let gemini = |detail: ReasoningDetail| ReasoningDetail { format: some("google-gemini-v1"), ..detail };
    let details = [
        openai(ReasoningDetail { content: some("Summed up"), ..detail(ReasoningKind::Summary, 0) }),
        openai(ReasoningDetail { content: some("gAAA"), ..detail(ReasoningKind::Encrypted, 0) }),
        gemini(ReasoningDetail {
            content: some("Thought"),
            signature: some("TS"),
            ..detail(ReasoningKind::Text, 1)
        }),
        gemini(ReasoningDetail {
            id: some("call_1"),
            content: some("CS"),
            ..detail(ReasoningKind::Encrypted, 2)
        }),
        ReasoningDetail { content: some("Plain words"), ..detail(ReasoningKind::Text, 3) },
    ];
    let content = both(&answer(&details), &Bill::default())["content"].take();
    let kinds: Vec<_> =
        content.as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["thinking", "redacted_thinking", "thinking", "redacted_thinking", "thinking", "text"]);
    assert_eq!(content[0]["thinking"], "Summed up");
    assert_eq!(sent_back(&content), details);
}

#[test]
fn thinking_that_is_not_shown_can_still_be_sent_back() {
    let details = [ReasoningDetail { content: some("Plain words"), ..detail(ReasoningKind::Text, 0) }];
    let hidden = Envelope { exclude_reasoning: true, ..envelope() };
    let content = whole(&answer(&details), hidden, &Bill::default())["content"].take();
    assert_eq!(content[0]["thinking"], "");
    assert_eq!(sent_back(&content), details);
}

#[test]
fn thinking_that_nobody_signed_is_plain_text() {
    let content = json!([{"type": "thinking", "thinking": "Hm.", "signature": ""}]);
    let plain = ReasoningDetail { content: some("Hm."), ..detail(ReasoningKind::Text, 0) };
    assert_eq!(sent_back(&content), [plain]);
    let unsigned = ReasoningDetail {
        content: some("Hm."),
        format: some("anthropic-claude-v1"),
        ..detail(ReasoningKind::Text, 0)
    };
    assert_eq!(both(&answer(&[unsigned]), &Bill::default())["content"][0], content[0]);
}
