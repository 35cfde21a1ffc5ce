use bytes::Bytes;
use serde_json::{Value, json};

use crate::canonical::{Event, SpeechRequest, Task};
use crate::client::{Bill, Dialect, Envelope};

fn body(members: &Value) -> Bytes {
    let mut body = json!({"model": "a/b", "input": "Grüße"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Bytes::from(body.to_string())
}

fn decoded(members: &Value) -> SpeechRequest {
    match Dialect::Speech.decode(&body(members)).unwrap() {
        Task::Speech(request) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_said_is_the_default() {
    let request = decoded(&json!({}));
    assert_eq!((request.format.as_str(), request.voice, request.sample), ("pcm", None, None));
    let peek = Dialect::Speech.peek(&body(&json!({}))).unwrap();
    assert_eq!((peek.stream, peek.media_type, peek.characters), (true, Some("audio/pcm"), 5));
    assert_eq!(peek.text_bytes, body(&json!({})).len() as u64);
    assert_eq!((peek.input_modalities, peek.choices), (vec!["text"], 1));
}

#[test]
fn everything_is_read() {
    let members = json!({"voice": {"id": "voice_1"}, "response_format": "mp3", "speed": 1.5, "lang": "de",
        "instructions": "Softly.", "user": "ann", "provider": {"options": {"house": {"style": 1}}},
        "input_references": [{"type": "text", "text": "Hi"}, {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]});
    let request = decoded(&members);
    assert_eq!((request.voice.as_deref(), request.format.as_str()), (Some("voice_1"), "mp3"));
    assert_eq!((request.speed, request.instructions.as_deref()), (Some(1.5), Some("Softly.")));
    let sample = request.sample.unwrap();
    assert_eq!(
        (sample.data.as_str(), sample.format.as_str(), sample.text.as_deref()),
        ("AAAA", "wav", Some("Hi"))
    );
    assert_eq!(Value::Object(request.options), json!({"house": {"style": 1}}));
    assert_eq!(Value::Object(request.extra), json!({"lang": "de"}));
    let peek = Dialect::Speech.peek(&body(&members)).unwrap();
    assert_eq!((peek.media_type, peek.media_bytes), (Some("audio/mpeg"), 4));
    assert_eq!(peek.input_modalities, ["text", "audio"]);
    assert_eq!(peek.parameters, ["speed", "instructions", "input_references"]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let audio = json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}});
    for (members, words) in [
        (json!({"input": ""}), "`input` must be a string that is not empty"),
        (json!({"response_format": "ogg"}), "`response_format` must be one of pcm, mp3"),
        (json!({"stream_format": "sse"}), "`sse` is not served"),
        (json!({"speed": 5}), "`speed` must be a number from 0.25 to 4"),
        (json!({"voice": ""}), "`voice` must not be empty"),
        (json!({"voice": 1}), "`voice` must be a string"),
        (
            json!({"input_references": [audio, audio]}),
            "`input_references[1].type` must be `input_audio` once",
        ),
        (json!({"input_references": [{"type": "text", "text": "x"}]}), "must have an `input_audio` part"),
        (json!({"input_references": [{"type": "input_audio"}]}), "`input_references[0].input_audio` must be"),
    ] {
        let refusal = Dialect::Speech.peek(&body(&members)).unwrap_err();
        assert!(refusal.message.contains(words), "{refusal}");
        assert_eq!(Dialect::Speech.decode(&body(&members)).unwrap_err(), refusal);
    }
}

#[test]
fn the_answer_is_the_sound_and_nothing_else() {
    let mut encoder = Dialect::Speech.answer(Envelope::default(), None, true);
    let mut out = Vec::new();
    for piece in [&b"ID3"[..], b"\0\xff"] {
        encoder.event(Event::Audio(Bytes::from_static(piece)), &mut out);
    }
    encoder.finish(&Bill::default(), &mut out);
    assert_eq!(out, b"ID3\0\xff");
}
