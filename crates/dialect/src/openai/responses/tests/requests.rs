use serde_json::{Value, json};

use super::super::serves;
use super::{encoded, sent, with_target};
use crate::client::Dialect;
use crate::codec::AuthStyle;

fn asked(input: Value) -> Value {
    json!({"model": "author/model", "input": input})
}

fn with(mut body: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn the_catalogue_says_who_is_served_so() {
    let serves = |client, quirks: Value| with_target(&quirks, &[], |target| serves(client, target));
    assert!(!serves(Dialect::Responses, json!({})));
    assert!(serves(Dialect::Responses, json!({"apis": ["chat", "responses"]})));
    assert!(!serves(Dialect::Chat, json!({"apis": ["chat", "responses"]})));
    assert!(serves(Dialect::Chat, json!({"api": "responses"})));
    assert!(serves(Dialect::Messages, json!({"api": "responses"})));
}

#[test]
fn a_body_passes_with_only_its_envelope_touched() {
    let input = json!([
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_image", "image_url": "https://h.example/a.png", "detail": "low"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "zz"},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "commentary",
         "content": [{"type": "output_text", "text": "Well", "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "ok"},
        {"type": "compaction", "encrypted_content": "yy"}
    ]);
    let body = with(
        asked(input.clone()),
        json!({
            "instructions": "Be brief", "stream": true, "max_output_tokens": 5_000, "temperature": 0.5,
            "tools": [{"type": "function", "name": "f", "parameters": null, "strict": null, "defer_loading": true}],
            "reasoning": {"effort": "minimal", "summary": "detailed", "context": "auto", "mode": "pro", "exclude": true},
            "include": ["file_search_call.results"], "truncation": "auto", "prompt_cache_key": "k",
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {"z": 1, "a": 2}}, "verbosity": "low"},
            "something_new": {"a": 1.50}, "user": "me", "metadata": {"a": "b"}, "store": false,
            "models": ["author/other"], "provider": {"sort": "price"}, "plugins": [], "session_id": "s",
            "trace": {}, "preset": "p", "service_tier": "flex", "top_k": 5, "MODEL": "dear", "max_tokens": 9
        }),
    );
    let (encoded, sent) = encoded(Dialect::Responses, &body, &Value::Null, &[]);
    assert_eq!((encoded.path.as_str(), encoded.auth), ("/responses", AuthStyle::Bearer));
    let expected = json!({
        "model": "model-1", "input": input, "instructions": "Be brief", "temperature": 0.5,
        "tools": body["tools"], "reasoning": {"effort": "low", "summary": "detailed", "context": "auto"},
        "truncation": "auto", "prompt_cache_key": "k", "text": body["text"], "something_new": {"a": 1.50},
        "user": crate::end_user::hashed("me"), "store": false,
        "include": ["file_search_call.results", "reasoning.encrypted_content"],
        "max_output_tokens": 1_000, "stream": true
    });
    assert_eq!(sent, expected);
    assert!(std::str::from_utf8(&encoded.body).unwrap().contains(r#""schema":{"z":1,"a":2}"#));
}

#[test]
fn what_another_provider_gave_or_we_made_does_not_go_to_this_one() {
    let input = json!([
        {"role": "user", "content": [{"type": "input_text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
        {"type": "reasoning", "id": "rs_gen-1_0", "summary": [], "format": "anthropic-claude-v1", "signature": "s",
         "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "reasoning", "id": "rs_2", "summary": [], "format": "openai-responses-v1", "encrypted_content": "zz"},
        {"type": "reasoning", "id": "rs_3", "summary": [{"type": "summary_text", "text": "no seal"}]},
        {"type": "message", "id": "msg_gen-1_1", "role": "assistant", "content": [{"type": "output_text", "text": "x",
         "annotations": [{"type": "url_citation", "url": "u", "title": "t", "content": "c", "start_index": 0, "end_index": 1}]}]},
        {"type": "function_call", "id": "fc_gen-1_2", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "ok"},
        {"type": "image_generation_call", "id": "ig_gen-1_3", "status": "completed", "result": "QUJD"},
        {"type": "openrouter:web_search", "id": "ws_1", "status": "completed"},
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "code_interpreter"}]}
    ]);
    assert_eq!(
        sent(Dialect::Responses, &asked(input))["input"],
        json!([
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "zz"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x",
             "annotations": [{"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}]}]},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
        ])
    );
}

#[test]
fn plain_reasoning_returns_where_it_is_wanted() {
    let input = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [], "format": "anthropic-claude-v1", "signature": "s",
         "encrypted_content": "theirs", "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
    ]);
    let quirks = json!({"send_reasoning_back": "reasoning_content"});
    let thought =
        json!({"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]});
    let (_, passed) = encoded(Dialect::Responses, &asked(input), &quirks, &[]);
    assert_eq!(passed["input"][0], thought);
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "Go"}, {"role": "assistant",
        "content": "x", "reasoning": "hm"}, {"role": "user", "content": "And?"}]});
    let (_, written) = encoded(Dialect::Chat, &chat, &quirks, &[]);
    assert_eq!(written["input"][1], thought);
    assert_eq!(sent(Dialect::Chat, &chat)["input"][1]["type"], "message");
}

#[test]
fn tools_that_a_provider_runs_go_out_only_where_they_are_named() {
    let body = with(
        asked(json!("Hi")),
        json!({
            "tools": [{"type": "web_search"}, {"type": "function", "name": "f", "cache_control": {"type": "ephemeral"}}],
            "tool_choice": {"type": "web_search"}, "max_tool_calls": 2
        }),
    );
    let without = sent(Dialect::Responses, &body);
    assert_eq!(without["tools"], json!([{"type": "function", "name": "f"}]));
    assert_eq!(without.get("tool_choice"), None);
    let quirks = json!({"tool_types": ["web_search"], "keep_cache_control": true});
    let (_, with_them) = encoded(Dialect::Responses, &body, &quirks, &[]);
    assert_eq!((&with_them["tools"], &with_them["tool_choice"]), (&body["tools"], &body["tool_choice"]));
    assert_eq!(with_them["max_tool_calls"], 2);
    let only_theirs = with(body.clone(), json!({"tools": [{"type": "web_search"}]}));
    let none = sent(Dialect::Responses, &only_theirs);
    assert!(["tools", "tool_choice", "max_tool_calls"].iter().all(|name| none.get(*name).is_none()));
    let allowed = json!({"type": "allowed_tools", "mode": "required", "tools": [
        {"type": "web_search"}, {"type": "function", "name": "f"}]});
    let some = sent(Dialect::Responses, &with(body.clone(), json!({"tool_choice": allowed})));
    assert_eq!(some["tool_choice"]["tools"], json!([{"type": "function", "name": "f"}]));
    let (_, unforced) = encoded(
        Dialect::Responses,
        &with(body, json!({"tool_choice": "required"})),
        &json!({"forced_tool_choice": false}),
        &[],
    );
    assert_eq!(unforced.get("tool_choice"), None);
}

#[test]
fn the_catalogue_governs_what_goes_out() {
    let body = with(
        asked(json!("Hi")),
        json!({
            "tools": [{"type": "function", "name": "f"}], "temperature": 0.5, "top_logprobs": 2,
            "reasoning": {"effort": "high"}, "text": {"verbosity": "low", "format": {"type": "json_object"}},
            "service_tier": "fast", "top_k": 5, "something_new": 1, "user": "me", "safety_identifier": "you"
        }),
    );
    let names = |sent: &Value| sent.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let (_, bare) = encoded(Dialect::Responses, &body, &json!({"strict": true}), &["max_tokens"]);
    assert_eq!(names(&bare), ["model", "input", "user", "safety_identifier", "store"]);
    assert_eq!(bare["safety_identifier"], crate::end_user::hashed("you"));
    let quirks = json!({"strict": true, "accepts": ["service_tier", "top_k"], "drop": ["store"],
        "responses_add": {"extra_body": true}, "responses_path": "/v2/responses?x=1", "auth": "api-key"});
    let (request, full) = encoded(Dialect::Responses, &body, &quirks, &[]);
    assert_eq!((request.path.as_str(), request.auth), ("/v2/responses?x=1", AuthStyle::ApiKey));
    assert_eq!((&full["service_tier"], &full["top_k"]), (&json!("default"), &json!(5)));
    assert_eq!((full.get("store"), full.get("something_new")), (None, None));
    assert_eq!(full["extra_body"], true);
    assert_eq!(full["include"], json!(["reasoning.encrypted_content", "message.output_text.logprobs"]));
    let quirks = json!({"encrypted_reasoning": false, "reasoning_summary": false, "sampling_params": false,
        "reasoning_efforts": ["none", "high"]});
    let body = with(body, json!({"reasoning": {"enabled": false, "summary": "auto"}, "top_logprobs": null}));
    let (_, other) = encoded(Dialect::Responses, &body, &quirks, &[]);
    assert_eq!(other["reasoning"], json!({"effort": "none"}));
    assert!(["include", "temperature", "top_logprobs"].iter().all(|name| other.get(*name).is_none()));
}

#[test]
fn a_schema_that_cannot_be_kept_to_becomes_json_where_that_is_spoken_of() {
    let schema = json!({"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}});
    let of = |text: &str, parameters: &[&str]| {
        let body = with(asked(json!(text)), json!({"text": schema}));
        encoded(Dialect::Responses, &body, &Value::Null, parameters).1["text"].take()
    };
    assert_eq!(of("Hi", &["structured_outputs"]), schema);
    assert_eq!(of("as JSON", &["response_format"]), json!({"format": {"type": "json_object"}}));
    assert_eq!(of("Hi", &["response_format"]), Value::Null);
    assert_eq!(of("as JSON", &["tools"]), Value::Null);
}

#[test]
fn a_chat_request_is_written_anew() {
    let body = json!({
        "model": "author/model", "stream": true, "max_tokens": 50, "temperature": 0.2, "stop": ["x"], "n": 3,
        "messages": [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "high"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
                {"type": "file", "file": {"file_data": "https://h.example/b.pdf"}},
                {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "wav"}}]},
            {"role": "assistant", "content": "I see", "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}],
             "reasoning_details": [
                {"type": "reasoning.summary", "summary": "one", "id": "rs_1", "format": "openai-responses-v1", "index": 0},
                {"type": "reasoning.encrypted", "data": "zz", "id": "rs_1", "format": "openai-responses-v1", "index": 1},
                {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 2},
                {"type": "reasoning.encrypted", "data": "theirs", "id": "rs_2", "format": "xai-responses-v1", "index": 3}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "ok"},
            {"role": "user", "name": "Bob", "content": "And?"}
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "object"}}},
        "reasoning": {"effort": "high"}, "verbosity": "low", "logprobs": true, "top_logprobs": 3,
        "prompt_cache_key": "k", "user": "me", "input": "not this", "logit_bias": {"1": 2}, "metadata": {"a": "b"}
    });
    let expected = json!({
        "input": [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": [{"type": "input_text", "text": "Ann: Look"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"},
                {"type": "input_file", "file_url": "https://h.example/b.pdf"},
                {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "wav"}}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "one"}], "encrypted_content": "zz", "id": "rs_1"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I see"}]},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "ok"},
            {"role": "user", "content": "Bob: And?"}
        ],
        "tools": [{"type": "function", "name": "f", "description": "d", "strict": false,
                   "parameters": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": false,
        "text": {"format": {"type": "json_schema", "name": "n", "strict": true, "schema": {"type": "object"}},
                 "verbosity": "low"},
        "temperature": 0.2, "user": crate::end_user::hashed("me"), "top_logprobs": 3, "prompt_cache_key": "k",
        "model": "model-1", "store": false, "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "max_output_tokens": 50, "stream": true
    });
    assert_eq!(sent(Dialect::Chat, &body), expected);
}

#[test]
fn what_is_accepted_by_name_goes_out() {
    let item = json!({"type": "additional_tools", "role": "developer", "tools": []});
    let body = with(asked(json!([item])), json!({"reasoning": {"mode": "pro"}}));
    let quirks = json!({"accepts": ["additional_tools", "reasoning.mode"]});
    let (_, sent) = encoded(Dialect::Responses, &body, &quirks, &[]);
    assert_eq!((&sent["input"][0], &sent["reasoning"]), (&item, &json!({"mode": "pro"})));
}
