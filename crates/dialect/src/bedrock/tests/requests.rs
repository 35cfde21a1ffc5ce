//! What clients ask in chat, as the provider gets it.

use serde_json::{Value, json};

use super::{body, try_encode};
use crate::codec::AuthStyle;
use crate::error::ErrorType;

const NOVA: &str = "us.amazon.nova-lite-v1:0";
const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const LLAMA: &str = "us.meta.llama3-3-70b-instruct-v1:0";

fn none() -> Value {
    json!({})
}

/// The turns that a list of chat messages becomes.
fn turns(messages: &Value, model: &str) -> Value {
    body(&json!({"model": "m", "messages": messages}), model, &none())["messages"].clone()
}

fn with(members: &Value, model: &str, quirks: &Value) -> Value {
    let mut chat = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    chat.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body(&chat, model, quirks)
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}})
}

#[test]
fn a_plain_request() {
    let chat = |stream: bool| {
        json!({
            "model": "m", "stream": stream, "max_tokens": 100, "temperature": 1.5, "top_p": 0.9, "top_k": 5,
            "stop": ["END", " "], "seed": 7, "n": 1, "presence_penalty": 0.1, "user": "user-42",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "developer", "content": "Be kind."},
                {"role": "user", "content": "Hi", "name": "Ada"}
            ]
        })
    };
    let encoded = try_encode(&chat(false), NOVA, &none()).unwrap();
    assert_eq!(encoded.path, "/model/us.amazon.nova-lite-v1%3A0/converse");
    assert_eq!(encoded.auth, AuthStyle::SigV4 { service: "bedrock" });
    let expected = json!({
        "messages": [{"role": "user", "content": [{"text": "Ada: Hi"}]}],
        "system": [{"text": "Be brief."}, {"text": "Be kind."}],
        "inferenceConfig": {"maxTokens": 100, "temperature": 1.0, "topP": 0.9, "stopSequences": ["END"]},
        "additionalModelRequestFields": {"inferenceConfig": {"topK": 5}}
    });
    assert_eq!(serde_json::from_slice::<Value>(&encoded.body).unwrap(), expected);
    let streamed = try_encode(&chat(true), NOVA, &none()).unwrap();
    assert_eq!(streamed.path, "/model/us.amazon.nova-lite-v1%3A0/converse-stream");
    assert_eq!(streamed.body, encoded.body);
}

#[test]
fn the_least_request_is_nothing_but_turns() {
    let least = json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]});
    assert_eq!(with(&none(), LLAMA, &none()), least);
}

#[test]
fn an_arn_is_one_step_of_the_path() {
    let arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0";
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let path = try_encode(&chat, arn, &none()).unwrap().path;
    let encoded =
        "arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Feu.amazon.nova-lite-v1%3A0";
    assert_eq!(path, format!("/model/{encoded}/converse"));
}

#[test]
fn turns_alternate_and_begin_with_the_user() {
    let messages = json!([
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "One"},
        {"role": "user", "content": "Two"},
        {"role": "assistant", "content": "  "},
        {"role": "assistant", "content": "Begun  "}
    ]);
    let expected = json!([
        {"role": "user", "content": [{"text": "."}]},
        {"role": "assistant", "content": [{"text": "Hello"}]},
        {"role": "user", "content": [{"text": "One"}, {"text": "Two"}]},
        {"role": "assistant", "content": [{"text": "Begun"}]}
    ]);
    assert_eq!(turns(&messages, CLAUDE), expected);
    let asked = turns(&messages, LLAMA);
    assert_eq!(asked[4]["role"], "user");
    assert!(asked[4]["content"][0]["text"].as_str().unwrap().starts_with("Continue"));
    let system = json!([{"role": "system", "content": "Only this"}]);
    assert_eq!(turns(&system, LLAMA), json!([{"role": "user", "content": [{"text": "Only this"}]}]));
    let empty = json!({"model": "m", "messages": [{"role": "user", "content": " "}]});
    assert!(try_encode(&empty, LLAMA, &none()).unwrap_err().message.contains("empty"));
}

#[test]
fn calls_and_their_results_meet() {
    let messages = json!([
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "tool_calls": [call("a|1", "weather", "{\"city\":\"Oslo\"}"), call("b", "time", "")]},
        {"role": "tool", "tool_call_id": "a|1", "content": "rain"},
        {"role": "tool", "tool_call_id": "b", "content": ""},
        {"role": "user", "content": "And?"}
    ]);
    let turns = turns(&messages, NOVA);
    let id = turns[1]["content"][0]["toolUse"]["toolUseId"].as_str().unwrap();
    assert!(id.starts_with("call_") && id.len() == 16);
    assert_eq!(turns[1]["content"][0]["toolUse"]["input"], json!({"city": "Oslo"}));
    let expected = json!([{"toolUse": {"toolUseId": "b", "name": "time", "input": {}}}]);
    assert_eq!(turns[1]["content"].as_array().unwrap()[1..], expected.as_array().unwrap()[..]);
    let expected = json!([
        {"toolResult": {"toolUseId": id, "content": [{"text": "rain"}]}},
        {"toolResult": {"toolUseId": "b", "content": [{"text": "."}]}},
        {"text": "And?"}
    ]);
    assert_eq!(turns[2]["content"], expected);
    let mistral = self::turns(&messages, "mistral.mistral-large-2407-v1:0");
    let id = mistral[1]["content"][0]["toolUse"]["toolUseId"].as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(mistral[2]["content"][0]["toolResult"]["toolUseId"], id);
}

#[test]
fn a_conversation_with_calls_always_has_tools() {
    let history = json!([
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "tool_calls": [call("a", "weather", "{}")]},
        {"role": "tool", "tool_call_id": "a", "content": "rain"}
    ]);
    let config = |members: Value, messages: &Value| {
        let mut chat = json!({"model": "m", "messages": messages});
        chat.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body(&chat, NOVA, &none())["toolConfig"].take()
    };
    let empty = json!({"json": {"type": "object", "properties": {}}});
    let spec = |name: &str| json!({"toolSpec": {"name": name, "inputSchema": empty}});
    assert_eq!(config(json!({}), &history), json!({"tools": [spec("weather")]}));
    let forbidden = json!({"tools": [tool("time")], "tool_choice": "none"});
    assert_eq!(config(forbidden.clone(), &history), json!({"tools": [spec("time")]}));
    assert_eq!(config(forbidden, &json!([{"role": "user", "content": "Hi"}])), Value::Null);
}

#[test]
fn tools_are_chosen_where_the_model_can_be_made_to() {
    let choice = |choice: Value, model: &str, quirks: Value| {
        let asked = json!({"tools": [tool("f"), tool("g")], "tool_choice": choice});
        with(&asked, model, &quirks)["toolConfig"].take()
    };
    let named = json!({"type": "function", "function": {"name": "g"}});
    assert_eq!(choice(json!("auto"), NOVA, none()).get("toolChoice"), None);
    assert_eq!(choice(json!("required"), NOVA, none())["toolChoice"], json!({"any": {}}));
    assert_eq!(choice(named.clone(), CLAUDE, none())["toolChoice"], json!({"tool": {"name": "g"}}));
    assert_eq!(choice(json!("required"), LLAMA, none()).get("toolChoice"), None);
    let able = json!({"forced_tool_choice": true});
    assert_eq!(choice(json!("required"), LLAMA, able)["toolChoice"], json!({"any": {}}));
    let unable = json!({"forced_tool_choice": false});
    assert_eq!(choice(json!("required"), CLAUDE, unable).get("toolChoice"), None);
    let mistral = choice(named, "mistral.mistral-large-2407-v1:0", none());
    assert_eq!(mistral["toolChoice"], json!({"any": {}}));
    assert_eq!(mistral["tools"].as_array().unwrap().len(), 1);
}

#[test]
fn strict_tools_and_schemas_go_where_they_are_known() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "description": "d"}});
    let strict = json!({"type": "function", "function": {"name": "f", "strict": true}});
    let asked = json!({"response_format": format, "tools": [strict]});
    let plain = with(&asked, "deepseek.v3.2", &none());
    assert_eq!(plain.get("outputConfig"), None);
    assert_eq!(plain["toolConfig"]["tools"][0]["toolSpec"].get("strict"), None);
    let written = with(&asked, "deepseek.v3.2", &json!({"structured_outputs": true}));
    let definition = json!({"name": "n", "schema": schema.to_string(), "description": "d"});
    let expected = json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}});
    assert_eq!(written["outputConfig"], expected);
    assert_eq!(written["toolConfig"]["tools"][0]["toolSpec"]["strict"], true);
    // Claude's own rules for schemas hold here too.
    let claude = with(&asked, CLAUDE, &json!({"structured_outputs": true}));
    let text = claude["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"].as_str().unwrap();
    let written: Value = serde_json::from_str(text).unwrap();
    assert_eq!(written["additionalProperties"], false);
}

#[test]
fn media_go_inline_in_the_providers_words() {
    let part = |part: Value| json!([{"role": "user", "content": [part]}]);
    let content = |kind: Value| turns(&part(kind), CLAUDE)[0]["content"].clone();
    let image =
        content(json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}));
    assert_eq!(image, json!([{"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}]));
    let file = json!({"type": "file", "file": {"filename": "Report_v1.2 (final).pdf",
        "file_data": "data:application/pdf;base64,JVBERi0x"}});
    let document =
        json!({"name": "Report v1 2 (final) pdf", "format": "pdf", "source": {"bytes": "JVBERi0x"}});
    assert_eq!(content(file.clone()), json!([{"document": document}, {"text": "."}]));
    let sound = json!({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}});
    assert_eq!(content(sound), json!([{"audio": {"format": "wav", "source": {"bytes": "UklGRg=="}}}]));
    let video = json!({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}});
    assert_eq!(content(video), json!([{"video": {"format": "mp4", "source": {"bytes": "AAAA"}}}]));
    let twice = json!([{"role": "user", "content": [file, file, {"type": "text", "text": "Compare"}]}]);
    let names = turns(&twice, CLAUDE)[0]["content"].clone();
    assert_eq!(names[1]["document"]["name"], "Report v1 2 (final) pdf 2");
}

#[test]
fn media_that_are_elsewhere_are_refused() {
    let refused = |url: &str| {
        let part = json!({"type": "image_url", "image_url": {"url": url}});
        let chat = json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
        try_encode(&chat, NOVA, &none()).unwrap_err()
    };
    assert_eq!(refused("https://host.example/a.png").error_type, ErrorType::InvalidImage);
    assert_eq!(refused("s3://bucket/a.png").error_type, ErrorType::InvalidImage);
    assert_eq!(refused("data:image/bmp;base64,Qk0=").error_type, ErrorType::UnsupportedImageFormat);
}

#[test]
fn results_hold_media_where_the_model_takes_them() {
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}});
    let messages = json!([
        {"role": "user", "content": "Look"},
        {"role": "assistant", "tool_calls": [call("a", "look", "{}"), call("b", "look", "{}")]},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "seen"}, image]},
        {"role": "tool", "tool_call_id": "b", "content": "dark"}
    ]);
    let block = json!({"image": {"format": "png", "source": {"bytes": "AA=="}}});
    let within = turns(&messages, CLAUDE)[2]["content"].clone();
    assert_eq!(within[0]["toolResult"]["content"], json!([{"text": "seen"}, block]));
    let beside = turns(&messages, NOVA)[2]["content"].clone();
    assert_eq!(beside[0]["toolResult"]["content"], json!([{"text": "seen"}]));
    assert_eq!(beside[1]["toolResult"]["toolUseId"], "b");
    assert_eq!(beside[2], block);
}

#[test]
fn cache_marks_become_points_behind_what_they_mark() {
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    let chat = json!({
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Long", "cache_control": mark}]},
            {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]}
        ]
    });
    let point = json!({"cachePoint": {"type": "default"}});
    let claude = body(&chat, CLAUDE, &none());
    assert_eq!(claude["system"], json!([{"text": "Long"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]));
    assert_eq!(claude["messages"][0]["content"], json!([{"text": "Hi"}, point]));
    assert_eq!(claude["toolConfig"]["tools"][1], point);
    let nova = body(&chat, NOVA, &none());
    assert_eq!(nova["system"][1], point);
    assert_eq!(nova["toolConfig"]["tools"].as_array().unwrap().len(), 1);
    let llama = body(&chat, LLAMA, &none());
    assert!(!llama.to_string().contains("cachePoint"));
    let automatic = with(&json!({"cache_control": {"type": "ephemeral"}}), CLAUDE, &none());
    assert_eq!(automatic["messages"][0]["content"], json!([{"text": "Hi"}, point]));
}

#[test]
fn members_of_the_endpoint_come_from_the_catalogue() {
    let guardrail = json!({"guardrailIdentifier": "id", "guardrailVersion": "1"});
    let quirks = json!({"guardrail": guardrail, "add": {"x": 1}});
    let written = with(&json!({"service_tier": "flex"}), LLAMA, &quirks);
    assert_eq!(written["guardrailConfig"], guardrail);
    assert_eq!(written["additionalModelRequestFields"], json!({"x": 1}));
    assert_eq!(written.get("serviceTier"), None, "the tier is the endpoint's, not the client's");
    let client = with(&json!({"service_tier": "flex", "guardrailConfig": guardrail}), LLAMA, &none());
    assert_eq!(client.as_object().unwrap().len(), 1, "{client}");
}
