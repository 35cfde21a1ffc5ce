//! Sound and pictures in chat answers.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::client::{Simulator, chat, with};
use crate::images::assert_png;

const PATH: &str = "/openai/v1/chat/completions";

#[tokio::test]
async fn spoken_answers_have_a_transcript() {
    let simulator = Simulator::start().await;
    let voice = |format: &str| {
        json!({"model": "gpt-4o-audio-preview", "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": format}})
    };
    let whole = simulator.post(PATH, &with(chat("Say hello"), &voice("wav"))).await.json();
    let message = &whole["choices"][0]["message"];
    assert_eq!((&message["content"], &message["audio"]["transcript"]), (&Value::Null, &json!("hello")));
    let sound = BASE64_STANDARD.decode(message["audio"]["data"].as_str().unwrap()).unwrap();
    assert!(sound.starts_with(b"RIFF") && message["audio"]["expires_at"].is_u64());
    let details = &whole["usage"]["completion_tokens_details"];
    assert_eq!((&details["audio_tokens"], &whole["usage"]["completion_tokens"]), (&json!(4), &json!(5)));

    let stream = with(voice("pcm16"), &json!({"stream": true, "stream_options": {"include_usage": true}}));
    let events = simulator.post(PATH, &with(chat("Say hello"), &stream)).await.events();
    let parts: Vec<&Value> = events
        .iter()
        .map(|event| &event["choices"][0]["delta"]["audio"])
        .filter(|audio| audio.is_object())
        .collect();
    let transcript: String = parts.iter().filter_map(|audio| audio["transcript"].as_str()).collect();
    assert_eq!(transcript, "hello");
    let data = parts.iter().filter_map(|audio| audio["data"].as_str());
    let data: Vec<u8> = data.flat_map(|data| BASE64_STANDARD.decode(data).unwrap()).collect();
    assert_eq!(data, sound[44..]);
    assert!(parts.last().unwrap()["expires_at"].is_u64());
    assert!(parts.iter().all(|audio| audio["id"] == parts[0]["id"]));
    assert_eq!(events.last().unwrap()["usage"], whole["usage"]);
    assert_eq!(simulator.last_entry().await["usage"]["completion_audio"], 4);
    let refused = simulator.post(PATH, &with(chat("x"), &with(voice("mp3"), &json!({"stream": true})))).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("unsupported_value")));
}

#[tokio::test]
async fn pictures_come_in_chat_and_content() {
    let simulator = Simulator::start().await;
    let url = |image: &Value| {
        let url = image["image_url"]["url"].as_str().unwrap();
        json!(url.strip_prefix("data:image/png;base64,").unwrap())
    };
    let request = with(
        chat("Draw a cat"),
        &json!({"model": "google/gemini-2.5-flash-image", "modalities": ["image", "text"]}),
    );
    let whole = simulator.post(PATH, &request).await.json();
    assert_png(&url(&whole["choices"][0]["message"]["images"][0]));
    assert_eq!(whole["usage"]["completion_tokens_details"]["image_tokens"], 1290);
    let events = simulator.post(PATH, &with(request.clone(), &json!({"stream": true}))).await.events();
    let drawn = events.iter().find(|event| event["choices"][0]["delta"]["images"].is_array()).unwrap();
    assert_eq!(drawn["choices"][0]["delta"]["images"], whole["choices"][0]["message"]["images"]);
    let text = simulator.post(PATH, &with(request, &json!({"modalities": ["text"]}))).await.json();
    assert!(text["choices"][0]["message"].get("images").is_none());

    let path = "/gemini/v1beta/models/gemini-2.5-flash-image";
    let ask = json!({"contents": [{"role": "user", "parts": [{"text": "Draw a cat"}]}]});
    let whole = simulator.post(&format!("{path}:generateContent"), &ask).await.json();
    let part = &whole["candidates"][0]["content"]["parts"][1]["inlineData"];
    assert_eq!(part["mimeType"], "image/png");
    assert_png(&part["data"]);
    let details = &whole["usageMetadata"]["candidatesTokensDetails"][0];
    assert_eq!(details, &json!({"modality": "IMAGE", "tokenCount": 1290}));
    let events = simulator.post(&format!("{path}:streamGenerateContent?alt=sse"), &ask).await.events();
    let parts = events.iter().map(|event| &event["candidates"][0]["content"]["parts"][0]["inlineData"]);
    assert!(parts.into_iter().any(|inline| inline == part));
    assert_eq!(events.last().unwrap()["usageMetadata"], whole["usageMetadata"]);
}

#[tokio::test]
async fn gemini_speaks_raw_samples() {
    let simulator = Simulator::start().await;
    let path = "/gemini/v1beta/models/gemini-2.5-flash-preview-tts";
    let ask = json!({"contents": [{"parts": [{"text": "Say hello"}]}],
        "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": {}}});
    let whole = simulator.post(&format!("{path}:generateContent"), &ask).await.json();
    let inline = &whole["candidates"][0]["content"]["parts"][0]["inlineData"];
    assert_eq!(inline["mimeType"], "audio/L16;codec=pcm;rate=24000");
    let sound = BASE64_STANDARD.decode(inline["data"].as_str().unwrap()).unwrap();
    assert_eq!(sound.len(), "hello".len() * 480);
    let details = &whole["usageMetadata"]["candidatesTokensDetails"];
    assert_eq!(details, &json!([{"modality": "AUDIO", "tokenCount": 5}]));
    let events = simulator.post(&format!("{path}:streamGenerateContent?alt=sse"), &ask).await.events();
    let parts = events
        .iter()
        .filter_map(|event| event["candidates"][0]["content"]["parts"][0]["inlineData"]["data"].as_str());
    assert_eq!(parts.flat_map(|data| BASE64_STANDARD.decode(data).unwrap()).collect::<Vec<u8>>(), sound);
}

#[tokio::test]
async fn probabilities_cover_the_text() {
    let simulator = Simulator::start().await;
    let request =
        with(chat("Tell me about owls"), &json!({"logprobs": true, "top_logprobs": 2, "max_tokens": 12}));
    let whole = simulator.post(PATH, &request).await.json();
    let content = whole["choices"][0]["logprobs"]["content"].as_array().unwrap();
    let text: String = content.iter().map(|entry| entry["token"].as_str().unwrap()).collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"].as_str().unwrap());
    assert_eq!(content[0]["top_logprobs"].as_array().unwrap().len(), 2);
    assert_eq!(content[0]["top_logprobs"][0]["token"], content[0]["token"]);
    let events = simulator.post(PATH, &with(request, &json!({"stream": true}))).await.events();
    let streamed: Vec<Value> = events
        .iter()
        .filter_map(|event| event["choices"][0]["logprobs"]["content"].as_array())
        .flatten()
        .cloned()
        .collect();
    assert_eq!(&streamed, content);
}
