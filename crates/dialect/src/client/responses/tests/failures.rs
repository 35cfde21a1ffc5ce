use serde_json::{Value, json};

use super::answers::{bill, envelope, kinds, text};
use super::replay::frames;
use crate::canonical::Event;
use crate::client::{Dialect, PublicError};
use crate::error::ErrorType;

fn failed(stream: bool, error_type: ErrorType, events: &[Event]) -> Vec<u8> {
    let mut writer = Dialect::Responses.answer(envelope(), None, stream);
    let mut out = Vec::new();
    for event in events {
        writer.event(event.clone(), &mut out);
    }
    writer.fail(&PublicError::new(error_type, "it broke"), Some(&bill()), &mut out);
    out
}

#[test]
fn a_failure_in_a_stream_is_told_in_words_that_clients_know() {
    let frames_of = |error_type, events: &[Event]| frames(&failed(true, error_type, events));
    let frames = frames_of(ErrorType::ProviderOverloaded, &[text("Hel")]);
    let last = &frames.last().unwrap()["response"];
    assert_eq!(frames.last().unwrap()["type"], "response.failed");
    assert_eq!(last["status"], "failed");
    assert_eq!(
        last["error"],
        json!({"code": "server_error", "message": "it broke", "type": "provider_overloaded", "param": null})
    );
    assert_eq!(last["error_type"], "provider_overloaded");
    assert_eq!(last["output"][0]["status"], "incomplete");
    assert_eq!(last["usage"]["total_tokens"], 21);
    let at_once = frames_of(ErrorType::RateLimitExceeded, &[]);
    assert_eq!(kinds(&at_once), ["created", "failed"]);
    for (error_type, code) in [
        (ErrorType::RateLimitExceeded, "rate_limit_exceeded"),
        (ErrorType::InvalidRequest, "invalid_prompt"),
        (ErrorType::InvalidPrompt, "invalid_prompt"),
        (ErrorType::ContentPolicyViolation, "image_content_policy_violation"),
        (ErrorType::Timeout, "server_error"),
    ] {
        let frames = frames_of(error_type, &[text("x")]);
        assert_eq!(frames.last().unwrap()["response"]["error"]["code"], code);
    }
}

#[test]
fn too_long_after_the_start_is_an_answer_cut_short() {
    let frames = frames(&failed(true, ErrorType::ContextLengthExceeded, &[text("Hel")]));
    let last = frames.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!(last["response"].get("error_type"), None);
}

#[test]
fn a_failure_of_a_whole_answer_keeps_what_there_is() {
    let answer: Value =
        serde_json::from_slice(&failed(false, ErrorType::ProviderUnavailable, &[text("Hel")])).unwrap();
    assert_eq!((&answer["status"], &answer["output_text"]), (&json!("failed"), &json!("Hel")));
    assert_eq!(answer["error_type"], "provider_unavailable");
}

#[test]
fn an_error_before_any_answer_has_the_skin_of_chat() {
    let error = PublicError::new(ErrorType::NotFound, "no such model");
    assert_eq!(Dialect::Responses.error(&error), Dialect::Chat.error(&error));
}
