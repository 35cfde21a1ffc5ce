use serde_json::json;

use super::super::outgoing::tests::{at, sent, with_target};
use super::*;
use crate::canonical::Operation;
use crate::client::Dialect;
use crate::error::ErrorType;

fn body(members: &Value) -> Value {
    let mut body = json!({"model": "a/b", "input_audio": {"data": "SUQz", "format": "mp3"}});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

/// The form that goes out, its boundary cut off.
fn form(members: &Value, quirks: &Value, supported: &[&str]) -> String {
    let sent = sent(Dialect::Transcription, &body(members), quirks, supported).unwrap();
    assert_eq!(sent.path, "/audio/transcriptions");
    let boundary =
        sent.headers[0].1.to_str().unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    let text = String::from_utf8(sent.body.to_vec()).unwrap();
    let boundary = format!("--{boundary}");
    let fields =
        text.split(&boundary).map(|field| field.trim_start_matches("\r\nContent-Disposition: form-data; "));
    fields.collect::<Vec<_>>().join("|").replace("\r\n", "~")
}

#[test]
fn a_recording_goes_out_as_a_form() {
    let file = "|name=\"file\"; filename=\"audio.mp3\"~Content-Type: audio/mpeg~~ID3~|name=\"model\"~~b-1~";
    let plain = form(&json!({}), &json!({}), &[]);
    assert_eq!(plain, format!("{file}|name=\"response_format\"~~json~|--~"));
    let members = json!({"response_format": "verbose_json", "timestamp_granularities": ["word"], "language": "de",
        "temperature": 0.5, "keywords": ["x"], "provider": {"options": {"house": {"vad": true}}},
        "input_audio": {"data": "SUQz", "format": "mp3", "file_name": "x.MP3"}});
    let all = form(&members, &json!({"accepts": ["vad"]}), &["language"]);
    assert!(all.contains("filename=\"x.MP3\""), "{all}");
    assert!(all.contains("|name=\"language\"~~de~|name=\"response_format\"~~verbose_json~|name=\"timestamp_granularities[]\"~~word~|name=\"vad\"~~true~|--~"), "{all}");
}

#[test]
fn times_are_asked_for_where_they_are_paid_for_and_never_where_they_are_unknown() {
    assert!(form(&json!({}), &json!({"verbose_json": true}), &[]).contains("verbose_json"));
    let verbose = json!({"response_format": "verbose_json", "timestamp_granularities": ["word"]});
    let unknown = form(&verbose, &json!({"verbose_json": false}), &[]);
    assert!(unknown.contains("~json~") && !unknown.contains("granularities"), "{unknown}");
}

fn read(body: &Value) -> Result<Vec<Event>, ProviderError> {
    let adapter = at(Operation::Transcription, &json!({}));
    with_target(&json!({}), &[], |target| adapter.decode(body.to_string().as_bytes(), target))
}

fn told(body: &Value) -> (Option<Usage>, Value) {
    let (mut usage, mut extra) = (None, Value::Null);
    for event in read(body).unwrap() {
        match event {
            Event::Usage(counted) => usage = Some(counted),
            Event::Extra { members, .. } => extra = Value::Object(members),
            _ => {}
        }
    }
    (usage, extra)
}

#[test]
fn the_text_and_what_it_took_are_read() {
    let usage = json!({"type": "tokens", "input_tokens": 14, "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
        "output_tokens": 45, "total_tokens": 59});
    let events = read(&json!({"text": "Hi", "usage": usage})).unwrap();
    let tokens = Usage::default().with(Class::AudioInput, 14).with(Class::Output, 45);
    let expected = [
        Event::Start { id: None, model: None, system_fingerprint: None },
        Event::Text { choice: 0, text: "Hi".into() },
        Event::Usage(tokens),
        Event::stop(),
    ];
    assert_eq!(events, expected);
    let seconds = |seconds: u64| Some(Usage::default().with(Class::Second, seconds));
    assert_eq!(told(&json!({"text": "", "usage": {"type": "duration", "seconds": 3}})).0, seconds(3));
    assert_eq!(told(&json!({"text": "", "duration": 8.470_000_267})).0, seconds(9));
    assert_eq!(told(&json!({"text": "", "duration": "8.0"})).0, seconds(8));
    assert_eq!(told(&json!({"text": "", "duration": -1})).0, None);
    assert_eq!(told(&json!({"text": ""})).0, None);
}

#[test]
fn times_have_their_public_form() {
    let body = json!({"text": "Hi", "task": "transcribe", "language": null, "duration": "2.5", "x_groq": {"id": "r"},
        "segments": [{"id": "seg_0", "start": 0.0, "end": 1.0, "text": "Hi", "avg_logprob": null}, 7],
        "words": [{"word": "Hi", "start": 0, "end": 1, "speaker": null}]});
    let expected = json!({"task": "transcribe", "duration": 2.5,
        "segments": [{"id": 0, "start": 0.0, "end": 1.0, "text": "Hi"}], "words": [{"word": "Hi", "start": 0, "end": 1}]});
    assert_eq!(told(&body).1, expected);
}

#[test]
fn an_error_in_place_of_text_is_a_failure() {
    let error = read(&json!({"error": {"message": "busy", "code": 503}})).unwrap_err();
    assert_eq!(error.error_type, ErrorType::ProviderOverloaded);
    assert!(read(&json!({"text": 1})).is_err());
}
