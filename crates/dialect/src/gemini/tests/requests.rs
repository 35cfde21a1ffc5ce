//! What clients ask in chat, as the provider gets it.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::client::Dialect;
use crate::codec::{Adapter as _, AuthStyle, Encoded, Target};
use crate::error::BadRequest;
use crate::gemini::Gemini;

/// Writes a chat body for `model`, which has `quirks` and room for 65,536 tokens.
pub(super) fn try_encode(
    chat: Value,
    model: &str,
    quirks: Value,
    takes: &[&str],
) -> Result<Encoded, BadRequest> {
    let request = Dialect::Chat.decode(&Bytes::from(chat.to_string())).unwrap();
    let quirks: Map<String, Value> = serde_json::from_value(quirks).unwrap();
    let takes: Vec<String> = takes.iter().map(|name| (*name).to_owned()).collect();
    let target = Target {
        model: "google/gemini",
        provider: "gemini",
        provider_model: model,
        max_output: Some(65_536),
        supported_parameters: &takes,
        service_tier: "",
        quirks: &quirks,
    };
    Gemini.encode(&request, &target)
}

pub(super) fn body(chat: Value, model: &str) -> Value {
    serde_json::from_slice(&try_encode(chat, model, json!({}), &[]).unwrap().body).unwrap()
}

/// The contents that a list of chat messages becomes.
fn contents(messages: Value, model: &str) -> Value {
    body(json!({"model": "m", "messages": messages}), model)["contents"].clone()
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

#[test]
fn a_plain_request() {
    let chat = |stream: bool| {
        json!({
            "model": "m", "stream": stream, "max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "top_k": 5,
            "stop": ["END", ""], "seed": 7, "n": 2, "presence_penalty": 0.1, "frequency_penalty": 0.2,
            "logit_bias": {}, "user": "user-42",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "developer", "content": "Be kind."},
                {"role": "user", "content": "Hi", "name": "Ada"}
            ]
        })
    };
    let encoded = try_encode(chat(false), "gemini-2.5-flash", json!({}), &[]).unwrap();
    assert_eq!(encoded.path, "/v1beta/models/gemini-2.5-flash:generateContent");
    assert_eq!((encoded.auth, encoded.headers.len()), (AuthStyle::XGoogApiKey, 0));
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
        "contents": [{"role": "user", "parts": [{"text": "Ada: Hi"}]}],
        "generationConfig": {
            "maxOutputTokens": 100, "temperature": 0.5, "topP": 0.9, "topK": 5, "presencePenalty": 0.1,
            "frequencyPenalty": 0.2, "stopSequences": ["END"], "candidateCount": 2, "seed": 7
        }
    });
    assert_eq!(serde_json::from_slice::<Value>(&encoded.body).unwrap(), expected);
    let streamed = try_encode(chat(true), "models/gemini-2.5-flash", json!({}), &[]).unwrap();
    assert_eq!(streamed.path, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    assert_eq!(streamed.body, encoded.body);
}

#[test]
fn the_least_request_is_nothing_but_contents() {
    let written =
        body(json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}), "gemini-3-flash");
    assert_eq!(written, json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}));
}

#[test]
fn results_answer_by_name_in_the_order_of_the_calls() {
    let written = contents(
        json!([
            {"role": "user", "content": "Weather?"},
            {"role": "user", "content": "In two cities."},
            {"role": "assistant", "content": null, "tool_calls": [
                call("call_1", "weather", "{\"city\":\"Oslo\"}"), call("vcyiitct", "time", "")]},
            {"role": "tool", "tool_call_id": "vcyiitct", "content": "{\"hour\": 9}"},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            {"role": "user", "content": "So?"}
        ]),
        "gemini-2.5-flash",
    );
    let expected = json!([
        {"role": "user", "parts": [{"text": "Weather?"}, {"text": "In two cities."}]},
        {"role": "model", "parts": [
            {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}},
            {"functionCall": {"id": "vcyiitct", "name": "time", "args": {}}}
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "weather", "response": {"result": "sunny"}}},
            {"functionResponse": {"id": "vcyiitct", "name": "time", "response": {"hour": 9}}},
            {"text": "So?"}
        ]}
    ]);
    assert_eq!(written, expected);
}

#[test]
fn results_may_be_lists_numbers_and_pictures() {
    let written = contents(
        json!([
            {"role": "user", "content": "Go"},
            {"role": "assistant", "tool_calls": [
                call("call_1", "f", "{}"), call("call_2", "f", "{}"), call("call_3", "f", "{}")]},
            {"role": "tool", "tool_call_id": "call_1", "content": "[1, 2]"},
            {"role": "tool", "tool_call_id": "call_2", "content": "42"},
            {"role": "tool", "tool_call_id": "call_3", "content": [
                {"type": "text", "text": "a "}, {"type": "text", "text": "b"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}
        ]),
        "gemini-2.5-flash",
    );
    let expected = json!([
        {"functionResponse": {"name": "f", "response": {"result": [1, 2]}}},
        {"functionResponse": {"name": "f", "response": {"result": "42"}}},
        {"functionResponse": {"name": "f", "response": {"result": "a b"}}},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    ]);
    assert_eq!(written[2]["parts"], expected);
}

#[test]
fn a_result_of_no_call_is_refused() {
    let chat = json!({"model": "m", "messages": [
        {"role": "user", "content": "Go"}, {"role": "tool", "tool_call_id": "lost", "content": "x"}]});
    let refused = try_encode(chat, "gemini-2.5-flash", json!({}), &[]).unwrap_err();
    assert!(refused.message.contains("the call `lost`"), "{refused}");
}

#[test]
fn a_conversation_without_a_user_turn_gets_one() {
    let only = contents(json!([{"role": "system", "content": "Only this"}]), "gemini-2.5-flash");
    assert_eq!(only, json!([{"role": "user", "parts": [{"text": "Only this"}]}]));
    let written = contents(json!([{"role": "assistant", "content": "Hello"}]), "gemini-2.5-flash");
    assert_eq!(written[0], json!({"role": "user", "parts": [{"text": "."}]}));
    let empty = json!({"model": "m", "messages": [{"role": "user", "content": ""}]});
    assert!(try_encode(empty, "gemini-2.5-flash", json!({}), &[]).is_err());
}

#[test]
fn media_become_parts() {
    let try_part = |part: Value| {
        let chat = json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
        try_encode(chat, "gemini-2.5-flash", json!({}), &[])
    };
    let part = |part: Value| -> Value {
        let written: Value = serde_json::from_slice(&try_part(part).unwrap().body).unwrap();
        written["contents"][0]["parts"][0].clone()
    };
    let image = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    let video = |url: &str| json!({"type": "video_url", "video_url": {"url": url}});
    assert_eq!(
        part(image("data:image/webp;base64,AAAA")),
        json!({"inlineData": {"mimeType": "image/webp", "data": "AAAA"}})
    );
    assert_eq!(
        part(image("https://h.example/a.png?x=1")),
        json!({"fileData": {"mimeType": "image/png", "fileUri": "https://h.example/a.png?x=1"}})
    );
    assert_eq!(part(image("https://h.example/a"))["fileData"]["mimeType"], "image/jpeg");
    assert_eq!(
        part(json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}})),
        json!({"inlineData": {"mimeType": "audio/mpeg", "data": "AA"}})
    );
    assert_eq!(
        part(json!({"type": "file", "file": {"file_data": "JVBERi0x"}})),
        json!({"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0x"}})
    );
    assert_eq!(
        part(video("https://video.example/watch?v=1")),
        json!({"fileData": {"fileUri": "https://video.example/watch?v=1"}})
    );
    assert_eq!(part(video("data:video/mp4;base64,AA"))["inlineData"]["mimeType"], "video/mp4");
    assert!(try_part(json!({"type": "hologram"})).unwrap_err().message.contains("`hologram`"));
    assert!(try_part(image("data:image/png,raw")).is_err());
}

#[test]
fn signatures_return_on_the_parts_they_came_with() {
    let details = json!([
        {"type": "reasoning.text", "text": "unsigned thought", "format": "google-gemini-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "of the call", "id": "call_2", "format": "google-gemini-v1", "index": 1},
        {"type": "reasoning.encrypted", "data": "of the words", "format": "google-gemini-v1", "index": 2},
        {"type": "reasoning.encrypted", "data": "not ours", "format": "anthropic-claude-v1", "index": 3}
    ]);
    let turn = |content: Value| {
        let messages = json!([
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": content, "reasoning_details": details,
                "tool_calls": [call("call_1", "f", "{}"), call("call_2", "g", "{}")]},
            {"role": "tool", "tool_call_id": "call_1", "content": "x"},
            {"role": "tool", "tool_call_id": "call_2", "content": "y"}
        ]);
        contents(messages, "gemini-2.5-pro")[1]["parts"].clone()
    };
    let calls = [
        json!({"functionCall": {"name": "f", "args": {}}}),
        json!({"functionCall": {"name": "g", "args": {}}, "thoughtSignature": "of the call"}),
    ];
    let worded = turn(json!("Well"));
    assert_eq!(worded[0], json!({"text": "Well", "thoughtSignature": "of the words"}));
    assert_eq!(worded.as_array().unwrap()[1..], calls);
    assert_eq!(turn(json!(null))[0], json!({"text": "", "thoughtSignature": "of the words"}));
}

#[test]
fn models_that_insist_on_a_signature_get_one() {
    let turn = |model: &str| {
        let messages = json!([
            {"role": "user", "content": "Go"},
            {"role": "assistant", "tool_calls": [call("toolu_1", "f", "{}"), call("toolu_2", "g", "{}")]},
            {"role": "tool", "tool_call_id": "toolu_1", "content": "x"},
            {"role": "tool", "tool_call_id": "toolu_2", "content": "y"}
        ]);
        contents(messages, model)[1]["parts"].clone()
    };
    let newer = turn("gemini-3.1-pro-preview");
    assert_eq!(newer[0]["thoughtSignature"], "skip_thought_signature_validator");
    assert_eq!(newer[1].get("thoughtSignature"), None);
    assert_eq!(turn("gemini-2.5-pro")[0].get("thoughtSignature"), None);
    assert_eq!(turn("gemma-3-27b-it")[0].get("thoughtSignature"), None);
}

#[test]
fn functions_have_real_schemas() {
    let tool = |parameters: Value| {
        let function = json!({"name": "f", "description": "d", "parameters": parameters});
        let written = body(
            json!({"model": "m", "tools": [{"type": "function", "function": function}],
                "messages": [{"role": "user", "content": "Hi"}]}),
            "gemini-2.5-flash",
        );
        written["tools"][0]["functionDeclarations"][0].clone()
    };
    let bare = json!({"name": "f", "description": "d"});
    assert_eq!(tool(json!(null)), bare);
    assert_eq!(tool(json!({"type": "object", "properties": {}, "additionalProperties": false})), bare);
    let schema = json!({"$schema": "x", "type": "object", "additionalProperties": false,
        "properties": {"const": {"const": 1}, "list": {"type": "array", "items": {"anyOf": [{"const": "a"}]}}}});
    let expected = json!({"type": "object", "additionalProperties": false,
        "properties": {"const": {"enum": [1]}, "list": {"type": "array", "items": {"anyOf": [{"enum": ["a"]}]}}}});
    assert_eq!(tool(schema)["parametersJsonSchema"], expected);
}

#[test]
fn tool_choice_is_a_mode() {
    let config = |choice: Value, quirks: Value| -> Value {
        let chat = json!({"model": "m", "tool_choice": choice,
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "messages": [{"role": "user", "content": "Hi"}]});
        let encoded = try_encode(chat, "gemini-2.5-flash", quirks, &[]).unwrap();
        let mut written: Value = serde_json::from_slice(&encoded.body).unwrap();
        written["toolConfig"]["functionCallingConfig"].take()
    };
    let plain = |choice: Value| config(choice, json!({}));
    let named = json!({"type": "function", "function": {"name": "f"}});
    assert_eq!(plain(json!(null)), json!(null));
    assert_eq!(plain(json!("auto")), json!({"mode": "AUTO"}));
    assert_eq!(plain(json!("none")), json!({"mode": "NONE"}));
    assert_eq!(plain(json!("required")), json!({"mode": "ANY"}));
    assert_eq!(plain(named.clone()), json!({"mode": "ANY", "allowedFunctionNames": ["f"]}));
    assert_eq!(config(named, json!({"forced_tool_choice": false})), json!({"mode": "AUTO"}));
}

#[test]
fn storage_of_the_endpoints_own_is_closed_to_clients() {
    for url in ["gs://bucket/a.png", "gs://bucket/a.pdf"] {
        let part = json!({"type": "image_url", "image_url": {"url": url}});
        let chat = json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
        let refused = try_encode(chat, "gemini-2.5-flash", json!({}), &[]).unwrap_err();
        assert!(refused.message.contains("https"), "{refused:?}");
    }
}
