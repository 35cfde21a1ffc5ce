use bytes::Bytes;
use pricing::{Amount, Class, Usage};
use serde_json::{Map, Value, json};

use crate::canonical::{Event, Task, TranscriptionRequest};
use crate::client::{Bill, Dialect, Envelope};

fn body(members: &Value) -> Bytes {
    let mut body = json!({"model": "a/b", "input_audio": {"data": "/+MYxA==", "format": "MP3"}});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Bytes::from(body.to_string())
}

fn task(members: &Value) -> Task {
    Dialect::Transcription.decode(&body(members)).unwrap()
}

fn decoded(members: &Value) -> TranscriptionRequest {
    match task(members) {
        Task::Transcription(request) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_is_read_and_a_hint_is_ignored() {
    let members = json!({"language": "de", "temperature": 0.2, "response_format": "verbose_json", "prompt": "Hm",
        "timestamp_granularities": ["word", "segment"], "keywords": ["x"],
        "input_audio": {"data": "AAAA", "format": "wav", "file_name": "a.wav"},
        "provider": {"options": {"house": {"vad": true}}}});
    let request = decoded(&members);
    assert_eq!((request.data.as_str(), request.format.as_str()), ("AAAA", "wav"));
    assert_eq!((request.file_name.as_deref(), request.language.as_deref()), (Some("a.wav"), Some("de")));
    assert_eq!((request.temperature, request.verbose), (Some(0.2), true));
    assert_eq!(request.timestamp_granularities, ["word", "segment"]);
    assert_eq!(Value::Object(request.options), json!({"house": {"vad": true}}));
    assert_eq!(Value::Object(request.extra), json!({"keywords": ["x"]}));
    let plain = decoded(&json!({"timestamp_granularities": ["word"], "language": ""}));
    assert_eq!((plain.format.as_str(), plain.verbose, plain.language), ("mp3", false, None));
    assert_eq!((plain.timestamp_granularities, plain.seconds), (Vec::<String>::new(), None));
}

#[test]
fn admission_learns_how_much_there_is_to_hear() {
    let recording = json!({"data": "A".repeat(8_000), "format": "mp3"});
    let body = body(&json!({"input_audio": recording}));
    let peek = Dialect::Transcription.peek(&body).unwrap();
    assert_eq!((peek.seconds, peek.media_bytes), (6, 8_000));
    assert_eq!((peek.input_modalities, peek.text_bytes), (vec!["audio"], body.len() as u64 - 8_000));
    assert!(!peek.stream);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (members, words) in [
        (json!({"input_audio": null}), "`input_audio` is required"),
        (json!({"input_audio": {"data": "AA"}}), "`input_audio.format` must be a string"),
        (json!({"input_audio": {"data": "?", "format": "mp3"}}), "`input_audio.data` must be base64"),
        (json!({"input_audio": {"data": "data:audio/mp3;base64,AA", "format": "mp3"}}), "without `data:`"),
        (json!({"response_format": "srt"}), "`response_format` must be one of json, verbose_json"),
        (json!({"timestamp_granularities": ["line"]}), "`timestamp_granularities[0]` must be one of"),
        (json!({"temperature": 1.5}), "`temperature` must be a number from 0 to 1"),
        (json!({"stream": true}), "`stream` is not served"),
    ] {
        let refusal = Dialect::Transcription.peek(&body(&members)).unwrap_err();
        assert!(refusal.message.contains(words), "{refusal}");
        assert_eq!(Dialect::Transcription.decode(&body(&members)).unwrap_err(), refusal);
    }
    let long = json!({"input_audio": {"data": "A".repeat(36_000_000), "format": "mp3"}});
    assert_eq!(Dialect::Transcription.peek(&body(&long)).unwrap_err().error_type.status(), 413);
}

fn answered(members: &Value, usage: Usage) -> Value {
    let task = task(members);
    let mut encoder = Dialect::Transcription.answer(Envelope::default(), Some(&task), false);
    let mut out = Vec::new();
    let extra = json!({"language": "de", "duration": 2.5, "segments": [{"id": 0}], "logprobs": [1]});
    let members: Map<String, Value> = extra.as_object().unwrap().clone();
    encoder.event(Event::Text { choice: 0, text: "Grüße".into() }, &mut out);
    encoder.event(Event::Extra { choice: 0, members }, &mut out);
    encoder.finish(&Bill { usage, cost: Amount::from_nanos(1_000_000), ..Bill::default() }, &mut out);
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn times_go_out_only_where_they_were_asked_for() {
    let by_time = Usage::default().with(Class::Second, 3);
    let usage = json!({"type": "duration", "seconds": 2.5, "input_tokens": 0, "output_tokens": 0,
        "total_tokens": 0, "cost": 0.001});
    assert_eq!(answered(&json!({}), by_time), json!({"text": "Grüße", "usage": usage}));
    let verbose = answered(&json!({"response_format": "verbose_json"}), by_time);
    let expected = json!({"text": "Grüße", "language": "de", "duration": 2.5, "segments": [{"id": 0}],
        "task": "transcribe", "usage": usage});
    assert_eq!(verbose, expected);
}

#[test]
fn tokens_are_told_as_tokens() {
    let usage = Usage::default().with(Class::Input, 2).with(Class::AudioInput, 10).with(Class::Output, 5);
    let usage = answered(&json!({}), usage)["usage"].take();
    assert_eq!((&usage["type"], &usage["total_tokens"]), (&json!("tokens"), &json!(17)));
    assert_eq!(usage["input_token_details"], json!({"audio_tokens": 10, "text_tokens": 2}));
}
