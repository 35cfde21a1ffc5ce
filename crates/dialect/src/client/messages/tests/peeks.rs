//! What admission learns of a body.

use serde_json::{Value, json};

use crate::client::{Dialect, Peek};

fn try_peek(body: &str) -> Result<Peek, String> {
    Dialect::Messages.peek(body.as_bytes()).map_err(|refusal| refusal.message)
}

fn peek(body: &Value) -> Peek {
    try_peek(&body.to_string()).unwrap()
}

fn hi(members: Value) -> Value {
    let mut body = json!({"model": "a/b", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

#[test]
fn everything_that_admission_needs() {
    let body = hi(json!({
        "models": ["c/d", "a/b"], "provider": {"only": ["x"]}, "stream": true, "max_tokens": 7,
        "temperature": 0.5, "stop_sequences": [], "thinking": {"type": "adaptive"}, "metadata": {"user_id": "u"},
        "output_config": {"format": {"type": "json_schema", "schema": {}}}, "session_id": "s",
        "tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}
    }));
    let peek = peek(&body);
    assert_eq!(peek.models, ["a/b", "c/d"]);
    assert_eq!(peek.provider.as_ref().unwrap().get(), r#"{"only":["x"]}"#);
    assert_eq!((peek.stream, peek.max_tokens, peek.choices, peek.messages), (true, Some(7), 1, 1));
    let set = [
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "structured_outputs",
        "reasoning",
        "max_tokens",
        "temperature",
    ];
    assert_eq!(peek.parameters, set);
    assert_eq!((peek.user.as_deref(), peek.session_id.as_deref()), (Some("u"), Some("s")));
    assert_eq!((peek.input_modalities, peek.text_bytes), (vec!["text"], body.to_string().len() as u64));
}

#[test]
fn fallbacks_are_further_models() {
    let body = hi(json!({"fallbacks": [{"model": "c/d"}, {"model": "e/f"}]}));
    assert_eq!(peek(&body).models, ["a/b", "c/d", "e/f"]);
}

#[test]
fn thinking_that_is_off_is_no_parameter() {
    assert!(peek(&hi(json!({"thinking": {"type": "disabled"}}))).parameters.is_empty());
    assert_eq!(peek(&hi(json!({"output_config": {"effort": "low"}}))).parameters, ["reasoning"]);
}

/// Media wherever they may be, with the base64 that is no text.
#[test]
fn media_are_counted_wherever_they_are() {
    let data = "A".repeat(1_000);
    let inline = |media_type: &str| json!({"type": "base64", "media_type": media_type, "data": data});
    let image = || json!({"type": "image", "source": inline("image/png")});
    let pdf = || json!({"type": "document", "source": inline("application/pdf")});
    let linked = json!({"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}});
    let in_text = json!({"type": "document", "source": {"type": "content", "content": [image(), linked]}});
    let result = |content: Value| json!({"type": "tool_result", "tool_use_id": "t", "content": content});
    let fetched = json!({"type": "web_fetch_tool_result", "tool_use_id": "t",
        "content": {"type": "web_fetch_result", "content": pdf()}});
    let odd = json!({"type": "image", "source": inline("text/plain")});
    let text =
        json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": data}});
    let unknown = json!({"type": "hologram", "source": inline("image/png")});
    for (block, images, image_bytes, file_bytes, has_file) in [
        (image(), 1, 1_000, 0, false),
        (linked.clone(), 1, 0, 0, false),
        (pdf(), 0, 0, 1_000, true),
        (json!({"type": "document", "source": {"type": "url", "url": "u"}}), 0, 0, 0, true),
        (json!({"type": "document", "source": {"type": "file", "file_id": "f"}}), 0, 0, 0, true),
        (in_text.clone(), 2, 1_000, 0, false),
        (result(json!([image(), pdf()])), 1, 1_000, 1_000, true),
        (result(json!([in_text])), 2, 1_000, 0, false),
        (fetched, 0, 0, 1_000, true),
        (odd, 1, 0, 0, false),
        (text, 0, 0, 0, false),
        (unknown, 1, 1_000, 0, false),
    ] {
        let body = hi(json!({"messages": [{"role": "user", "content": [block]}]}));
        let peek = peek(&body);
        assert_eq!((peek.images, peek.media_bytes), (images, file_bytes), "{body}");
        assert_eq!(peek.text_bytes, body.to_string().len() as u64 - image_bytes - file_bytes, "{body}");
        assert_eq!(peek.input_modalities.contains(&"file"), has_file, "{body}");
        assert_eq!(peek.input_modalities.contains(&"image"), images > 0, "{body}");
    }
}

#[test]
fn tools_that_the_model_knows_by_itself_count_as_text() {
    let body = hi(json!({"tools": [{"type": "bash_20250124", "name": "bash"}]}));
    let known = peek(&body).text_bytes;
    assert!(known > body.to_string().len() as u64 + 1_000);
}

#[test]
fn members_that_come_twice_are_refused() {
    for body in [
        r#"{"model":"a","max_tokens":1,"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#,
        r#"{"model":"a","messages":[{"role":"user","content":"Hi","content":"Ho"}]}"#,
        r#"{"model":"a","messages":[{"role":"user","content":[{"type":"text","type":"image","text":"Hi"}]}]}"#,
        r#"{"model":"a","tools":[{"type":"custom","type":"web_search_20250305","name":"f","input_schema":{}}],
            "messages":[{"role":"user","content":"Hi"}]}"#,
    ] {
        assert!(try_peek(body).is_err(), "{body}");
    }
}

#[test]
fn bodies_that_are_no_objects_are_refused() {
    for body in ["", "[]", "null", "{", r#"{"model":"a"}"#, r#"["a",[],null]"#] {
        assert!(try_peek(body).is_err(), "{body}");
    }
    let deep = format!(r#"{{"model":"a","messages":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    assert!(try_peek(&deep).unwrap_err().contains("nests deeper"));
}

#[test]
fn kinds_that_are_not_known_are_let_through() {
    let blocks = json!([
        {"type": "tool_search_tool_result", "tool_use_id": "t", "content": {"type": "x", "tool_references": []}},
        {"type": "mcp_tool_result", "tool_use_id": "t", "is_error": false, "content": [{"type": "text", "text": "x"}]},
        {"type": "advisor_tool_result", "tool_use_id": "t", "content": {"text": 5}},
        {"type": "compaction", "content": null, "encrypted_content": null},
        {"type": "later", "text": {}, "name": [], "data": 1, "source": "x", "title": false}
    ]);
    let body = hi(json!({"messages": [{"role": "assistant", "content": blocks}], "later": {"a": 1}}));
    assert_eq!(peek(&body).messages, 1);
    super::requests::try_read(&body).unwrap();
}
