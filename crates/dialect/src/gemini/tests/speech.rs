//! Speech.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{read, response, streamed, written};
use crate::canonical::{Event, SpeechRequest, Task};
use crate::error::ErrorType;

const MODEL: &str = "gemini-2.5-flash-preview-tts";

fn asked(format: &str) -> SpeechRequest {
    SpeechRequest { input: "Hello".to_owned(), format: format.to_owned(), ..SpeechRequest::default() }
}

fn sound(data: &str) -> Value {
    json!([{"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": data}}])
}

#[test]
fn a_voice_is_asked_for_by_its_name() {
    let request = SpeechRequest {
        voice: Some("Kore".to_owned()),
        instructions: Some("Whisper.".to_owned()),
        ..asked("pcm")
    };
    let (path, body) = written(&Task::Speech(request), MODEL).unwrap();
    assert_eq!(path, "/v1beta/models/gemini-2.5-flash-preview-tts:streamGenerateContent?alt=sse");
    let voice = json!({"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}});
    let expected = json!({
        "contents": [{"role": "user", "parts": [{"text": "Whisper.\n\nHello"}]}],
        "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": voice}
    });
    assert_eq!(body, expected);
    assert!(written(&Task::Speech(asked("mp3")), MODEL).unwrap_err().message.contains("`pcm`"));
}

#[test]
fn sound_comes_in_pieces() {
    let task = Task::Speech(asked("pcm"));
    let events =
        streamed(&task, MODEL, &[response(sound("AAE="), None), response(sound("Ag=="), Some("STOP"))]);
    let pieces: Vec<&Bytes> = events
        .iter()
        .filter_map(|event| match event {
            Event::Audio(bytes) => Some(bytes),
            _ => None,
        })
        .collect();
    assert_eq!(pieces, [&Bytes::from_static(&[0, 1]), &Bytes::from_static(&[2])]);
    assert!(matches!(events.last(), Some(Event::Finish { .. })));
}

#[test]
fn silence_is_a_failure() {
    let task = Task::Speech(asked("pcm"));
    let words = response(json!([{"text": "No"}]), Some("STOP"));
    assert_eq!(read(&task, MODEL, &words).unwrap_err().error_type, ErrorType::ProviderUnavailable);
    let noise = streamed(&task, MODEL, &[response(sound("%"), Some("STOP"))]);
    assert!(matches!(noise.last(), Some(Event::Failure(_))), "{noise:?}");
}
