//! Answers that the recordings do not have.

use serde_json::{Value, json};

use super::with_target;
use crate::bedrock::adapter;
use crate::canonical::{Event, FinishReason, Operation};
use crate::error::{ErrorType, ProviderError};

fn decode(body: &Value) -> Result<Vec<Event>, ProviderError> {
    with_target("amazon.nova-2-lite-v1:0", &json!({}), |target| {
        adapter(Operation::Chat, target).unwrap().decode(body.to_string().as_bytes(), target)
    })
}

fn answer(content: Value, reason: &str) -> Value {
    json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason})
}

#[test]
fn every_reason_to_stop_has_its_word() {
    let reason = |native: &str, content: Value| match decode(&answer(content, native)).unwrap().last() {
        Some(Event::Finish { reason, native: told, .. }) if told == native => *reason,
        other => panic!("{other:?}"),
    };
    let text = || json!([{"text": "Hi"}]);
    let call = || json!([{"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}]);
    assert_eq!(reason("end_turn", text()), FinishReason::Stop);
    assert_eq!(reason("end_turn", call()), FinishReason::ToolCalls);
    assert_eq!(reason("stop_sequence", json!([])), FinishReason::Stop);
    assert_eq!(reason("model_context_window_exceeded", text()), FinishReason::Length);
    assert_eq!(reason("content_filtered", text()), FinishReason::ContentFilter);
    assert_eq!(reason("malformed_tool_use", text()), FinishReason::Error);
    assert_eq!(reason("something_new", text()), FinishReason::Stop);
}

#[test]
fn the_tier_that_served_is_told() {
    let mut body = answer(json!([{"text": "Hi"}]), "end_turn");
    body["serviceTier"] = json!({"type": "priority"});
    assert!(decode(&body).unwrap().contains(&Event::ServiceTier("priority".to_owned())));
}

#[test]
fn what_is_no_answer_has_failed() {
    let error = decode(&json!({"message": "The security token included in the request is expired"}));
    assert_eq!(error.unwrap_err().error_type, ErrorType::ProviderUnavailable);
    assert_eq!(decode(&json!([1])).unwrap_err().message, "the provider's answer cannot be read");
    let damaged = answer(json!([{"image": {"format": "png", "source": {"bytes": "%%"}}}]), "end_turn");
    assert!(decode(&damaged).is_err());
}
