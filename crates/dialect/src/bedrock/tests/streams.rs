//! Streams that the recordings do not have.

use serde_json::{Value, json};

use super::{event, exception, frame, with_target};
use crate::bedrock::adapter;
use crate::canonical::{Event, FinishReason, Operation, ReasoningKind};
use crate::error::{ErrorType, ProviderError, Retry};

const CLAUDE: &str = "anthropic.claude-sonnet-5";

fn stream(model: &str, body: &[u8]) -> Vec<Event> {
    with_target(model, &json!({}), |target| {
        let mut decoder = adapter(Operation::Chat, target).unwrap().stream(target);
        let mut events = Vec::new();
        body.chunks(5).for_each(|piece| decoder.push(piece, &mut events));
        decoder.end(&mut events);
        events
    })
}

fn failure(events: &[Event]) -> &ProviderError {
    match events.last() {
        Some(Event::Failure(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn start() -> Vec<u8> {
    event("messageStart", &json!({"role": "assistant"}))
}

fn delta(index: u32, delta: Value) -> Vec<u8> {
    event("contentBlockDelta", &json!({"contentBlockIndex": index, "delta": delta}))
}

fn stop(index: u32) -> Vec<u8> {
    event("contentBlockStop", &json!({"contentBlockIndex": index}))
}

fn end(reason: &str) -> Vec<u8> {
    let usage = json!({"inputTokens": 3, "outputTokens": 2, "totalTokens": 5});
    [event("messageStop", &json!({"stopReason": reason})), event("metadata", &json!({"usage": usage}))]
        .concat()
}

#[test]
fn exceptions_end_an_answer_that_had_begun() {
    let failed = |kind: &str, message: &str| {
        let body =
            [start(), delta(0, json!({"text": "Hel"})), exception(kind, message), end("end_turn")].concat();
        let events = stream(CLAUDE, &body);
        let error = failure(&events);
        (error.error_type, error.retry, error.is_fault, error.status)
    };
    let limited = (ErrorType::RateLimitExceeded, Retry::Anywhere, false, 0);
    assert_eq!(failed("throttlingException", "Too many requests"), limited);
    let busy = (ErrorType::ProviderOverloaded, Retry::Anywhere, true, 0);
    assert_eq!(failed("serviceUnavailableException", "busy"), busy);
    let broken = (ErrorType::ProviderUnavailable, Retry::Anywhere, true, 0);
    assert_eq!(failed("modelStreamErrorException", "broke"), broken);
    assert_eq!(failed("internalServerException", ""), broken);
    let long = (ErrorType::ContextLengthExceeded, Retry::Never, false, 0);
    assert_eq!(failed("validationException", "Input is too long for requested model."), long);
}

#[test]
fn errors_may_stand_in_headers() {
    let headers =
        [(":message-type", "error"), (":error-code", "InternalServerException"), (":error-message", "oh no")];
    let events = stream(CLAUDE, &[start(), frame(&headers, "")].concat());
    assert_eq!(failure(&events).message, "oh no");
    assert_eq!(failure(&events).provider_code.as_deref(), Some("InternalServerException"));
}

#[test]
fn a_stream_without_its_count_was_cut_short() {
    let body = [start(), delta(0, json!({"text": "Hi"})), stop(0)].concat();
    let stopped = event("messageStop", &json!({"stopReason": "end_turn"}));
    assert_eq!(failure(&stream(CLAUDE, &body)).message, "the provider's answer was cut short");
    assert_eq!(
        failure(&stream(CLAUDE, &[body.clone(), stopped].concat())).message,
        "the provider's answer was cut short"
    );
    assert_eq!(failure(&stream(CLAUDE, b"")).message, "the provider sent no answer");
    let whole = stream(CLAUDE, &[body, end("end_turn")].concat());
    assert!(matches!(whole.last(), Some(Event::Finish { reason: FinishReason::Stop, .. })));
}

#[test]
fn what_is_no_stream_is_read_as_what_it_is() {
    let refused = stream(CLAUDE, br#"{"message":"Too many tokens per day, please wait"}"#);
    assert_eq!(failure(&refused).error_type, ErrorType::RateLimitExceeded);
    assert_eq!(failure(&refused).retry, Retry::Elsewhere);
    let whole = json!({"output": {"message": {"content": [{"text": "Hi"}]}}, "stopReason": "end_turn"});
    let events = stream(CLAUDE, whole.to_string().as_bytes());
    assert!(matches!(events.last(), Some(Event::Finish { .. })), "{events:?}");
    let page = stream(CLAUDE, b"<html><title>Bad gateway</title></html>");
    assert!(failure(&page).message.contains("damaged"));
    let endless = stream(CLAUDE, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    assert!(failure(&endless).message.contains("damaged"));
}

#[test]
fn thoughts_and_their_signature_are_one_block() {
    let thought = |piece: Value| delta(0, json!({"reasoningContent": piece}));
    let body = [
        start(),
        thought(json!({"text": "Let me "})),
        thought(json!({"text": "see"})),
        thought(json!({"signature": "c2ln"})),
        stop(0),
        delta(1, json!({"reasoningContent": {"redactedContent": "aGlk"}})),
        delta(1, json!({"reasoningContent": {"redactedContent": "ZGVu"}})),
        stop(1),
        delta(2, json!({"text": "Yes"})),
        end("end_turn"),
    ];
    let events = stream(CLAUDE, &body.concat());
    let details: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Reasoning { detail, .. } => Some(detail),
            _ => None,
        })
        .collect();
    let indices: Vec<u32> = details.iter().map(|detail| detail.index).collect();
    assert_eq!(indices, [0, 0, 0, 1]);
    assert_eq!(details[2].signature.as_deref(), Some("c2ln"));
    assert_eq!((details[3].kind, details[3].content.as_deref()), (ReasoningKind::Encrypted, Some("hidden")));
    assert!(details.iter().all(|detail| detail.format.as_deref() == Some("anthropic-claude-v1")));
}

#[test]
fn calls_without_arguments_and_of_the_providers_own_tools() {
    let begin = |index: u32, call: Value| {
        event("contentBlockStart", &json!({"contentBlockIndex": index, "start": {"toolUse": call}}))
    };
    let body = [
        start(),
        begin(0, json!({"toolUseId": "s", "name": "search", "type": "server_tool_use"})),
        delta(0, json!({"toolUse": {"input": "{\"q\":1}"}})),
        stop(0),
        begin(1, json!({"toolUseId": "a", "name": "f"})),
        stop(1),
        begin(2, json!({"toolUseId": "b", "name": "g"})),
        delta(2, json!({"toolUse": {"input": ""}})),
        delta(2, json!({"toolUse": {"input": "{\"x\":"}})),
        delta(2, json!({"toolUse": {"input": "1}"}})),
        end("tool_use"),
    ];
    let mut calls = vec![String::new(); 2];
    for event in stream("amazon.nova-pro-v1:0", &body.concat()) {
        if let Event::ToolCall { index, arguments, .. } = event {
            calls[index as usize].push_str(&arguments);
        }
    }
    assert_eq!(calls, ["{}", "{\"x\":1}"]);
}

#[test]
fn pictures_come_in_pieces() {
    let begin =
        event("contentBlockStart", &json!({"contentBlockIndex": 0, "start": {"image": {"format": "jpeg"}}}));
    let piece = |bytes: &str| delta(0, json!({"image": {"source": {"bytes": bytes}}}));
    let body = [start(), begin, piece("AAE="), piece("Ag=="), stop(0), end("end_turn")].concat();
    let events = stream("amazon.nova-2-omni-v1:0", &body);
    let url = "data:image/jpeg;base64,AAEC".to_owned();
    assert!(events.contains(&Event::Image { choice: 0, url }), "{events:?}");
}

#[test]
fn sources_of_the_web_are_annotations() {
    let place = json!({"web": {"url": "https://host.example/a", "domain": "host.example"}});
    let citation = json!({"title": "A", "sourceContent": [{"text": "quoted"}], "location": place});
    let body = [
        start(),
        delta(0, json!({"text": "So"})),
        delta(0, json!({"citation": citation})),
        stop(0),
        end("end_turn"),
    ];
    let events = stream("amazon.nova-2-lite-v1:0", &body.concat());
    let members = events.iter().find_map(|event| match event {
        Event::Extra { members, .. } => Some(members),
        _ => None,
    });
    let expected = json!({"url": "https://host.example/a", "title": "A", "content": "quoted", "start_index": 0, "end_index": 2});
    assert_eq!(members.unwrap()["annotations"][0]["url_citation"], expected);
}

#[test]
fn the_input_of_the_reserved_tool_is_the_answer() {
    let call = json!({"toolUseId": "a", "name": "patchbay_structured_answer"});
    let begin = event("contentBlockStart", &json!({"contentBlockIndex": 0, "start": {"toolUse": call}}));
    let piece = |input: &str| delta(0, json!({"toolUse": {"input": input}}));
    let body = [start(), begin.clone(), piece("{\"a\":"), piece("1}"), stop(0), end("tool_use")].concat();
    let text = |events: &[Event]| -> String {
        let texts = events.iter().filter_map(|event| match event {
            Event::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    };
    let events = stream("amazon.nova-pro-v1:0", &body);
    assert_eq!(text(&events), "{\"a\":1}");
    assert!(matches!(events.last(), Some(Event::Finish { reason: FinishReason::Stop, .. })));
    let empty = [start(), begin, stop(0), end("tool_use")].concat();
    assert_eq!(text(&stream("amazon.nova-pro-v1:0", &empty)), "{}");
}
