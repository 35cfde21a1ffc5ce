use serde_json::json;

use crate::client::{Simulator, with};
use crate::recorded::order;

const SPEECH: &str = "/openai/v1/audio/speech";
const TRANSCRIPTIONS: &str = "/openai/v1/audio/transcriptions";

#[tokio::test]
async fn speech_is_sound_as_long_as_its_text() {
    let simulator = Simulator::start().await;
    let request =
        json!({"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "All the stars are out tonight."});
    let reply = simulator.post(SPEECH, &request).await;
    assert_eq!(reply.header("content-type"), Some("audio/mpeg"));
    assert!(reply.body.starts_with(&[0xff, 0xf3]) && reply.whole && !reply.chunks.is_empty());
    let entry = simulator.last_entry().await;
    assert_eq!((&entry["usage"]["characters"], &entry["usage"]["audio_ms"]), (&json!(30), &json!(300)));
    assert_eq!((&entry["usage"]["completion"], &entry["tokens_sent"]), (&json!(6), &json!(6)));
    let wav = simulator.post(SPEECH, &with(request.clone(), &json!({"response_format": "wav"}))).await;
    let pcm = simulator.post(SPEECH, &with(request.clone(), &json!({"response_format": "pcm"}))).await;
    assert_eq!((pcm.body.len(), pcm.header("content-type")), (30 * 480, Some("audio/pcm")));
    assert_eq!((&wav.body[..4], &wav.body[44..]), (&b"RIFF"[..], &pcm.body[..]));
    let events =
        simulator.post(SPEECH, &with(request.clone(), &json!({"stream_format": "sse"}))).await.events();
    assert_eq!(order(&events), ["speech.audio.delta", "speech.audio.done"]);
    assert_eq!(events.last().unwrap()["usage"]["output_tokens"], 6);
    let cut = simulator
        .post(SPEECH, &with(request.clone(), &json!({"input": "Out [[sim: cut_at_byte=100]]"})))
        .await;
    assert!(cut.body.len() == 100 && !cut.whole);
    for more in
        [json!({"voice": null}), json!({"response_format": "ogg"}), json!({"input": "a".repeat(5000)})]
    {
        assert_eq!(simulator.post(SPEECH, &with(request.clone(), &more)).await.status, 400, "{more}");
    }
}

#[tokio::test]
async fn recordings_always_say_the_same() {
    let simulator = Simulator::start().await;
    let sound = simulator
        .post(
            SPEECH,
            &json!({"model": "tts-1", "voice": "alloy", "input": "a".repeat(200), "response_format": "wav"}),
        )
        .await
        .body;
    let file = ("file", "speech.wav", sound.as_slice());
    let whole = simulator.form(TRANSCRIPTIONS, &[("model", "gpt-4o-transcribe")], file).await.json();
    let text = whole["text"].as_str().unwrap();
    assert!(!text.is_empty());
    assert_eq!(
        (&whole["usage"]["type"], &whole["usage"]["input_token_details"]["audio_tokens"]),
        (&json!("tokens"), &json!(20))
    );
    let entry = simulator.last_entry().await;
    assert_eq!((&entry["usage"]["audio"], &entry["usage"]["audio_ms"]), (&json!(20), &json!(2000)));
    assert_eq!(entry["usage"]["completion"], whole["usage"]["output_tokens"]);
    let again = simulator.form(TRANSCRIPTIONS, &[("model", "gpt-4o-transcribe")], file).await.json();
    assert_eq!(again, whole);
    let streamed = [("model", "gpt-4o-transcribe"), ("stream", "true")];
    let events = simulator.form(TRANSCRIPTIONS, &streamed, file).await.events();
    assert_eq!(order(&events), ["transcript.text.delta", "transcript.text.done"]);
    assert_eq!(
        (&events.last().unwrap()["text"], &events.last().unwrap()["usage"]),
        (&whole["text"], &whole["usage"])
    );

    let verbose =
        [("model", "whisper-1"), ("response_format", "verbose_json"), ("timestamp_granularities[]", "word")];
    let body = simulator.form(TRANSCRIPTIONS, &verbose, file).await.json();
    assert_eq!(
        (&body["usage"], &body["duration"]),
        (&json!({"type": "duration", "seconds": 2}), &json!(2.0))
    );
    assert!(body["segments"][0]["end"] == 2.0 && body["words"][0]["word"].is_string());
    let plain =
        simulator.form(TRANSCRIPTIONS, &[("model", "whisper-1"), ("response_format", "text")], file).await;
    assert_eq!(plain.text().trim_end(), text);
    let told = [("model", "whisper-1"), ("prompt", "[[sim: text=\"exactly this\"]]")];
    assert_eq!(simulator.form(TRANSCRIPTIONS, &told, file).await.json()["text"], "exactly this");
    let wrong = simulator.form(TRANSCRIPTIONS, &[("model", "whisper-1")], ("file", "a.txt", b"x")).await;
    assert_eq!(wrong.status, 400);
}
