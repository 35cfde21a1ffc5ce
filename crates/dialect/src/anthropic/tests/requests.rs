//! What clients ask in chat, as the provider gets it.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::anthropic::Anthropic;
use crate::client::Dialect;
use crate::codec::{Adapter as _, AuthStyle, Encoded, Target};
use crate::error::BadRequest;

/// Writes a chat body for a model with `quirks` and room for 8,192 tokens.
pub(super) fn try_encode(chat: Value, quirks: Value, takes: &[&str]) -> Result<Encoded, BadRequest> {
    let request = Dialect::Chat.decode(&Bytes::from(chat.to_string())).unwrap();
    let quirks: Map<String, Value> = serde_json::from_value(quirks).unwrap();
    let takes: Vec<String> = takes.iter().map(|name| (*name).to_owned()).collect();
    let target = Target {
        model: "anthropic/claude",
        provider: "anthropic",
        provider_model: "claude-1",
        max_output: Some(8_192),
        supported_parameters: &takes,
        service_tier: "",
        quirks: &quirks,
    };
    Anthropic.encode(&request, &target)
}

pub(super) fn body(chat: Value, quirks: Value) -> Value {
    serde_json::from_slice(&try_encode(chat, quirks, &[]).unwrap().body).unwrap()
}

fn plain(chat: Value) -> Value {
    body(chat, json!({}))
}

/// The messages that a list of chat messages becomes.
fn messages(messages: Value) -> Value {
    plain(json!({"model": "m", "messages": messages}))["messages"].clone()
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": [{"type": "text", "text": text}]})
}

#[test]
fn a_plain_request() {
    let chat = json!({
        "model": "m", "stream": true, "max_tokens": 100, "temperature": 1.7, "top_k": 5,
        "stop": ["END", " \n"], "seed": 1, "n": 1, "logit_bias": {}, "frequency_penalty": 1.0, "user": "user-42",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": "Hi", "name": "Ada"}
        ]
    });
    let encoded = try_encode(chat, json!({}), &[]).unwrap();
    assert_eq!((encoded.path.as_str(), encoded.auth), ("/v1/messages", AuthStyle::XApiKey));
    let headers: Vec<_> =
        encoded.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(headers, [("anthropic-version", "2023-06-01")]);
    let mut written: Value = serde_json::from_slice(&encoded.body).unwrap();
    let metadata = written.as_object_mut().unwrap().remove("metadata").unwrap();
    assert_eq!(metadata["user_id"].as_str().unwrap().len(), 64);
    assert!(!metadata.to_string().contains("user-42"));
    let expected = json!({
        "model": "claude-1", "max_tokens": 100, "stream": true, "temperature": 1.0, "top_k": 5,
        "stop_sequences": ["END"], "system": "Be brief.\n\nBe kind.", "messages": [user("Ada: Hi")]
    });
    assert_eq!(written, expected);
}

#[test]
fn max_tokens_is_always_sent_and_never_raised() {
    let limit = |asked: Value| {
        plain(json!({"model": "m", "max_tokens": asked, "messages": [{"role": "user", "content": "Hi"}]}))
            ["max_tokens"]
            .clone()
    };
    assert_eq!(limit(json!(null)), 8_192);
    assert_eq!(limit(json!(10)), 10);
    assert_eq!(limit(json!(100_000)), 8_192);
}

#[test]
fn parameters_that_the_endpoint_does_not_take_are_dropped() {
    let chat = json!({
        "model": "m", "max_tokens": 9, "temperature": 0.5, "top_k": 5, "stop": "x",
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "messages": [{"role": "user", "content": "Hi"}]
    });
    let encoded = try_encode(chat, json!({}), &["max_tokens"]).unwrap();
    let written: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(written, json!({"model": "claude-1", "max_tokens": 9, "messages": [user("Hi")]}));
}

#[test]
fn turns_alternate_and_results_come_first() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": ""}});
    let written = messages(json!([
        {"role": "user", "content": "One"},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "Two"}]},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call("a:1"), call("b")]},
        {"role": "tool", "tool_call_id": "a:1", "content": "first"},
        {"role": "user", "content": "And?"},
        {"role": "tool", "tool_call_id": "b", "content": ""}
    ]));
    let expected = json!([
        {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]},
        {"role": "assistant", "content": [
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "a_1", "name": "f", "input": {}},
            {"type": "tool_use", "id": "b", "name": "f", "input": {}}
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a_1", "content": [{"type": "text", "text": "first"}]},
            {"type": "tool_result", "tool_use_id": "b"},
            {"type": "text", "text": "And?"}
        ]}
    ]);
    assert_eq!(written, expected);
}

#[test]
fn arguments_keep_their_order_and_must_be_an_object() {
    let chat = |arguments: &str| {
        json!({"model": "m", "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": "a", "content": "x"}
        ]})
    };
    let encoded = try_encode(chat("{\"z\": 1.50, \"a\": 2}"), json!({}), &[]).unwrap();
    assert!(String::from_utf8(encoded.body.to_vec()).unwrap().contains("\"input\":{\"z\": 1.50, \"a\": 2}"));
    let refused = try_encode(chat("{\"z\":"), json!({}), &[]).unwrap_err();
    assert!(refused.message.contains("the arguments of tool call `a`"), "{refused}");
}

#[test]
fn a_conversation_without_a_user_turn_gets_one() {
    assert_eq!(messages(json!([{"role": "system", "content": "Only this"}])), json!([user("Only this")]));
    let written =
        messages(json!([{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Hi"}]));
    assert_eq!(written[0], user("."));
    let empty = json!({"model": "m", "messages": [{"role": "user", "content": " "}]});
    assert!(try_encode(empty, json!({}), &[]).unwrap_err().message.contains("all of it is empty"));
}

#[test]
fn a_prefill_ends_without_space_or_is_asked_for() {
    let chat = json!({"model": "m", "messages": [
        {"role": "user", "content": "Count"}, {"role": "assistant", "content": "One, "}]});
    let prefilled = plain(chat.clone())["messages"].clone();
    assert_eq!(prefilled[1]["content"], json!([{"type": "text", "text": "One,"}]));
    let asked = body(chat, json!({"assistant_prefill": false}))["messages"].clone();
    assert_eq!(asked[2]["role"], "user");
    assert_eq!(asked.as_array().unwrap().len(), 3);
}

#[test]
fn cache_markers_stay_where_they_were() {
    let marker = json!({"type": "ephemeral", "ttl": "1h"});
    let written = plain(json!({
        "model": "m", "max_tokens": 1, "cache_control": {"type": "ephemeral"},
        "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": marker}],
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Long", "cache_control": marker}]},
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "https://h.example/a.png"}, "cache_control": marker}]},
            {"role": "assistant", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": [
                {"type": "text", "text": "x", "cache_control": marker}]}
        ]
    }));
    assert_eq!(written["cache_control"], json!({"type": "ephemeral"}));
    assert_eq!(written["system"], json!([{"type": "text", "text": "Long", "cache_control": marker}]));
    assert_eq!(written["tools"][0]["cache_control"], marker);
    assert_eq!(written["messages"][0]["content"][0]["cache_control"], marker);
    let result = json!({
        "type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "x"}],
        "cache_control": marker
    });
    assert_eq!(written["messages"][2]["content"][0], result);
}

#[test]
fn media_become_blocks() {
    let part = |part: Value| {
        let chat = json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
        try_encode(chat, json!({}), &[])
    };
    let block = |value: Value| {
        let body: Value = serde_json::from_slice(&part(value).unwrap().body).unwrap();
        body["messages"][0]["content"][0].clone()
    };
    let image = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    let file = |data: &str| json!({"type": "file", "file": {"filename": "a.txt", "file_data": data}});
    assert_eq!(
        block(image("data:image/png;base64,AAAA")),
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}})
    );
    assert_eq!(
        block(image("https://h.example/a.png")),
        json!({"type": "image", "source": {"type": "url", "url": "https://h.example/a.png"}})
    );
    assert_eq!(
        block(file("data:application/pdf;base64,JVBERi0x")),
        json!({"type": "document", "title": "a.txt",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"}})
    );
    assert_eq!(block(file("JVBERi0x"))["source"]["media_type"], "application/pdf");
    assert_eq!(
        block(file("aGVsbG8="))["source"],
        json!({"type": "text", "media_type": "text/plain", "data": "hello"})
    );
    let native = json!({"type": "document", "source": {"type": "url", "url": "https://h.example/a.pdf"},
        "citations": {"enabled": true}});
    assert_eq!(block(native.clone()), native);
    for unknown in [
        json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}),
        json!({"type": "video_url", "video_url": {"url": "https://h.example/a.mp4"}}),
        file("data:application/zip;base64,UEs="),
    ] {
        assert!(part(unknown).unwrap_err().message.starts_with("this model cannot take content of type"));
    }
}

#[test]
fn uploaded_files_need_their_feature() {
    let chat = json!({"model": "m", "anthropic_beta": "one, two",
        "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file_1"}}]}]});
    let encoded = try_encode(chat, json!({}), &[]).unwrap();
    assert_eq!(encoded.headers[1].0, "anthropic-beta");
    assert_eq!(encoded.headers[1].1, "one,two,files-api-2025-04-14");
}

#[test]
fn tools_have_an_object_as_input() {
    let tool = |parameters: Value| {
        let function = json!({"name": "f", "description": "d", "strict": true, "parameters": parameters});
        plain(json!({"model": "m", "tools": [{"type": "function", "function": function}],
            "messages": [{"role": "user", "content": "Hi"}]}))["tools"][0]
            .clone()
    };
    let empty = json!({"type": "object", "properties": {}});
    assert_eq!(tool(json!(null)), json!({"name": "f", "description": "d", "input_schema": empty}));
    assert_eq!(tool(json!({}))["input_schema"], empty);
    let untyped = tool(json!({"properties": {"a": {"type": "string"}}}))["input_schema"].clone();
    assert_eq!(untyped, json!({"properties": {"a": {"type": "string"}}, "type": "object"}));
}

#[test]
fn strict_tools_are_for_those_who_ask_for_the_feature() {
    let chat = json!({"model": "m", "anthropic_beta": ["structured-outputs-2025-11-13"],
        "tools": [{"type": "function", "function": {"name": "f", "strict": true}}],
        "messages": [{"role": "user", "content": "Hi"}]});
    assert_eq!(plain(chat)["tools"][0]["strict"], true);
}

#[test]
fn tool_choice_has_its_own_words() {
    let choice = |choice: Value, parallel: Value, quirks: Value| {
        body(
            json!({"model": "m", "tool_choice": choice, "parallel_tool_calls": parallel,
                "tools": [{"type": "function", "function": {"name": "f"}}],
                "messages": [{"role": "user", "content": "Hi"}]}),
            quirks,
        )["tool_choice"]
            .clone()
    };
    let plain = |word: Value| choice(word, json!(null), json!({}));
    let named = json!({"type": "function", "function": {"name": "f"}});
    assert_eq!(plain(json!(null)), json!(null));
    assert_eq!(plain(json!("auto")), json!({"type": "auto"}));
    assert_eq!(plain(json!("none")), json!({"type": "none"}));
    assert_eq!(plain(json!("required")), json!({"type": "any"}));
    assert_eq!(plain(named.clone()), json!({"type": "tool", "name": "f"}));
    let one = |word: Value| choice(word, json!(false), json!({}));
    assert_eq!(one(json!(null)), json!({"type": "auto", "disable_parallel_tool_use": true}));
    assert_eq!(one(json!("none")), json!({"type": "none"}));
    let unforced = json!({"forced_tool_choice": false});
    assert_eq!(choice(json!("required"), json!(null), unforced.clone()), json!({"type": "auto"}));
    assert_eq!(choice(named, json!(null), unforced), json!({"type": "auto"}));
}

#[test]
fn schemas_of_answers_are_closed_and_say_what_cannot_be_enforced() {
    let schema = json!({
        "$schema": "x", "type": "object", "required": ["minimum"],
        "properties": {
            "minimum": {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many"},
            "list": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "object",
                "properties": {"k": {"oneOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]}}}}
        }
    });
    let written = plain(json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}}}));
    let expected = json!({
        "type": "object", "required": ["minimum"], "additionalProperties": false,
        "properties": {
            "minimum": {"type": "integer", "description": "How many (minimum: 1, maximum: 9)"},
            "list": {"type": "array", "minItems": 1, "description": "(maxItems: 3)", "items": {"type": "object",
                "additionalProperties": false,
                "properties": {"k": {"anyOf": [
                    {"type": "string", "description": "(maxLength: 5)"}, {"type": "null"}]}}}}
        }
    });
    assert_eq!(written["output_config"], json!({"format": {"type": "json_schema", "schema": expected}}));
    let object = plain(json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}],
        "response_format": {"type": "json_object"}}));
    assert_eq!(object.get("output_config"), None);
}

#[test]
fn sampling_is_narrower_than_in_chat() {
    let sampling = |members: Value, quirks: Value| {
        let mut chat = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        chat.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let mut written = body(chat, quirks);
        written
            .as_object_mut()
            .unwrap()
            .retain(|name, _| ["temperature", "top_p", "top_k"].contains(&name.as_str()));
        written
    };
    let all = json!({"temperature": 0.3, "top_p": 0.9, "top_k": 7});
    assert_eq!(sampling(all.clone(), json!({})), json!({"temperature": 0.3, "top_k": 7}));
    assert_eq!(sampling(json!({"top_p": 0.9}), json!({})), json!({"top_p": 0.9}));
    assert_eq!(sampling(all, json!({"sampling_params": false})), json!({}));
}

#[test]
fn json_is_asked_for_in_words() {
    let system = |members: Value| {
        let mut chat = json!({"model": "m", "response_format": {"type": "json_object"},
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]});
        chat.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        plain(chat)["system"].clone()
    };
    let asked = system(json!({}));
    assert!(
        asked.as_str().unwrap().starts_with("Be brief.\n\nWhen you answer in text, give one JSON object")
    );
    assert_eq!(system(json!({"response_format": {"type": "text"}})), "Be brief.");
    let alone = system(json!({"messages": [{"role": "user", "content": "Hi"}]}));
    assert!(alone.as_str().unwrap().starts_with("When you answer"));
}

#[test]
fn tools_of_a_stream_are_eager() {
    let eager = |stream: bool, strict: bool, quirks: Value| {
        let function = json!({"name": "f", "strict": strict});
        let chat = json!({"model": "m", "stream": stream, "anthropic_beta": "structured-outputs-2025-11-13",
            "tools": [{"type": "function", "function": function}], "messages": [{"role": "user", "content": "Hi"}]});
        body(chat, quirks)["tools"][0]["eager_input_streaming"].clone()
    };
    assert_eq!(eager(true, false, json!({})), true);
    assert_eq!(eager(false, false, json!({})), json!(null));
    assert_eq!(eager(true, true, json!({})), json!(null));
    assert_eq!(eager(true, false, json!({"eager_input_streaming": false})), json!(null));
}
