use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::client::{Simulator, with};
use crate::recorded::order;

fn ask(prompt: &str) -> Value {
    json!({"model": "gpt-image-1", "prompt": prompt, "size": "1024x1024", "quality": "low"})
}

/// Reads a PNG as far as it takes to know that it is one: its parts, their sums and its pixels.
pub(crate) fn assert_png(encoded: &Value) {
    let bytes = BASE64_STANDARD.decode(encoded.as_str().unwrap()).unwrap();
    let mut rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap();
    let mut kinds = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (part, after) = after.split_at(length + 4);
        let (sum, after) = after.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_be_bytes(*sum), crc32fast::hash(part));
        kinds.push(String::from_utf8(part[..4].to_vec()).unwrap());
        rest = after;
    }
    assert_eq!(kinds, ["IHDR", "IDAT", "IEND"]);
}

#[tokio::test]
async fn pictures_are_made_and_metered() {
    let simulator = Simulator::start().await;
    let reply =
        simulator.post("/openai/v1/images/generations", &with(ask("A lighthouse"), &json!({"n": 2}))).await;
    let body = reply.json();
    let data = body["data"].as_array().unwrap();
    assert_eq!(data.len(), 2);
    assert_png(&data[0]["b64_json"]);
    assert_ne!(data[0], data[1]);
    let usage = &body["usage"];
    assert_eq!(
        (&usage["output_tokens"], &usage["input_tokens_details"]["image_tokens"]),
        (&json!(544), &json!(0))
    );
    let entry = simulator.last_entry().await;
    assert_eq!((&entry["usage"]["completion_image"], &entry["usage"]["images"]), (&json!(544), &json!(2)));
    assert_eq!(entry["usage"]["prompt"], usage["input_tokens"]);
    let again = simulator.post("/openai/v1/images/generations", &ask("A lighthouse")).await.json();
    assert_eq!(again["data"][0], data[0]);
    let old = json!({"model": "dall-e-3", "prompt": "A lighthouse"});
    let linked = simulator.post("/openai/v1/images/generations", &old).await.json();
    assert!(linked["data"][0]["url"].is_string() && linked.get("usage").is_none());
    let refused = simulator.post("/openai/v1/images/generations", &ask("No [[sim: refusal]]")).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("moderation_blocked")));
    let unknown = with(ask("x"), &json!({"response_format": "url"}));
    assert_eq!(simulator.post("/openai/v1/images/generations", &unknown).await.status, 400);
}

#[tokio::test]
async fn pictures_come_in_parts_when_streamed() {
    let simulator = Simulator::start().await;
    let request = with(ask("A lighthouse"), &json!({"stream": true, "partial_images": 2}));
    let reply = simulator.post("/openai/v1/images/generations", &request).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let events = reply.events();
    assert_eq!(order(&events), ["image_generation.partial_image", "image_generation.completed"]);
    assert_eq!((events.len(), &events[1]["partial_image_index"]), (3, &json!(1)));
    events.iter().for_each(|event| assert_png(&event["b64_json"]));
    assert_eq!(events[2]["usage"]["output_tokens"], 272 + 200);
    assert_eq!(simulator.last_entry().await["tokens_sent"], 272 + 200);
    let broken = with(request, &json!({"prompt": "A [[sim: error_after_tokens=100]]"}));
    let text = simulator.post("/openai/v1/images/generations", &broken).await.text();
    assert!(text.contains("event: error") && !text.contains("completed"), "{text}");
}

#[tokio::test]
async fn edits_take_forms() {
    let simulator = Simulator::start().await;
    let fields = [("model", "gpt-image-1"), ("prompt", "Make it night"), ("quality", "low"), ("n", "1")];
    let reply = simulator.form("/openai/v1/images/edits", &fields, ("image[]", "a.png", b"\x89PNG")).await;
    let body = reply.json();
    assert_png(&body["data"][0]["b64_json"]);
    assert_eq!(body["usage"]["input_tokens_details"]["image_tokens"], 323);
    assert_eq!(simulator.last_entry().await["request"]["image[]"], json!({"file_name": "a.png", "bytes": 4}));
    let streamed =
        [("model", "gpt-image-1"), ("prompt", "Make it night"), ("stream", "true"), ("partial_images", "1")];
    let reply = simulator.form("/openai/v1/images/edits", &streamed, ("image", "a.png", b"\x89PNG")).await;
    assert_eq!(order(&reply.events()), ["image_edit.partial_image", "image_edit.completed"]);
    let missing = simulator.form("/openai/v1/images/edits", &fields, ("mask", "a.png", b"\x89PNG")).await;
    assert_eq!((missing.status, &missing.json()["error"]["param"]), (400, &json!("image")));
}
