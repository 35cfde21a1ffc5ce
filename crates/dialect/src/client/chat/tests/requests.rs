use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{decode, peek};
use crate::canonical::{
    Media, PartKind, Reasoning, ReasoningKind, ResponseFormat, Speaker, ToolCall, ToolChoice,
};

/// A request that uses every member there is.
fn full() -> Value {
    json!({
        "model": "a/b", "models": ["c/d", "a/b"], "provider": {"order": ["x"]}, "stream": true,
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "name": "ann", "content": [
                {"type": "text", "text": "what is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJDRA==", "detail": "low"}},
                {"type": "image_url", "image_url": "https://host.example/x.png"},
                {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUI="}},
                {"type": "video_url", "video_url": {"url": "https://host.example/x.mp4"}}
            ]},
            {"role": "assistant", "content": null, "reasoning": "hm",
             "reasoning_details": [
                {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
                {"type": "reasoning.encrypted", "data": "zz", "id": "r1", "format": "unknown"},
                {"type": "reasoning.other", "x": 1}],
             "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "done"}
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "strict": true,
                   "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}}},
                  {"type": "openrouter:datetime"}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}},
        "reasoning": {"effort": "high", "exclude": true}, "reasoning_effort": "high",
        "max_tokens": 10, "max_completion_tokens": 20, "temperature": 1, "top_p": 0.5, "top_k": 4, "seed": -7,
        "stop": ["x", "y"], "n": 2, "user": "u1", "session_id": "s1", "logprobs": true, "safe_prompt": true,
        "metadata": null, "usage": {"include": true}
    })
}

fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

#[test]
fn a_part_of_an_unknown_kind_that_may_hold_media_is_counted() {
    let of = |part: Value| {
        let body = json!({"model": "a/b", "messages": [{"role": "user", "content": [part]}]});
        let peek = peek(&bytes(&body)).unwrap();
        (peek.images, peek.input_modalities)
    };
    assert_eq!(of(json!({"type": "thinking", "thinking": "x"})), (0, vec!["text"]));
    for part in [
        json!({"type": "input_image", "image_url": "https://host.example/x.png"}),
        json!({"type": "image", "image": "https://host.example/x.png"}),
        json!({"type": "image", "source": {"type": "url", "url": "https://host.example/x.png"}}),
    ] {
        assert_eq!(of(part), (1, vec!["text", "image"]));
    }
    for (part, modality) in [
        (json!({"type": "audio_url", "audio_url": {"url": "https://host.example/x.mp3"}}), "audio"),
        (json!({"type": "document_url", "document_url": "https://host.example/x.pdf"}), "file"),
        (json!({"type": "video", "video": ["https://host.example/1.png"]}), "video"),
    ] {
        assert_eq!(of(part), (0, vec!["text", modality]));
    }
}

#[test]
fn a_peek_sees_what_admission_needs() {
    let body = bytes(&full());
    let peek = peek(&body).unwrap();
    assert_eq!(peek.models, ["a/b", "c/d"]);
    assert_eq!(peek.provider.unwrap().get(), r#"{"order":["x"]}"#);
    assert!(peek.stream);
    assert_eq!((peek.max_tokens, peek.choices, peek.messages, peek.images), (Some(20), 2, 4, 2));
    assert_eq!(peek.input_modalities, ["text", "image", "audio", "file", "video"]);
    let inline = "QUJDRA==".len() + "QUJD".len() + "data:application/pdf;base64,QUI=".len();
    assert_eq!(peek.text_bytes, (body.len() - inline) as u64);
    assert_eq!(peek.media_bytes, (inline - "QUJDRA==".len()) as u64);
    assert_eq!(peek.user.as_deref(), Some("u1"));
    assert_eq!(peek.session_id.as_deref(), Some("s1"));
    let set = [
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "structured_outputs",
        "reasoning",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "stop",
        "logprobs",
    ];
    assert_eq!(peek.parameters, set);
}

#[test]
fn a_request_is_read_whole() {
    let body = bytes(&full());
    let request = decode(&body).unwrap();
    assert_eq!(request.model, "a/b");
    let speakers: Vec<_> = request.messages.iter().map(|message| message.speaker).collect();
    assert_eq!(speakers, [Speaker::Developer, Speaker::User, Speaker::Assistant, Speaker::Tool]);
    assert!(request.messages[0].content[0].cache_control.is_some());
    let user = &request.messages[1];
    assert_eq!(user.name.as_deref(), Some("ann"));
    let inline = Media::Inline { media_type: "image/png".to_owned(), data: "QUJDRA==".to_owned() };
    assert_eq!(user.content[1].kind, PartKind::Image { source: inline, detail: Some("low".to_owned()) });
    let url = Media::Url("https://host.example/x.png".to_owned());
    assert_eq!(user.content[2].kind, PartKind::Image { source: url, detail: None });
    assert!(matches!(&user.content[3].kind, PartKind::Audio { format, .. } if format == "wav"));
    assert!(matches!(&user.content[4].kind, PartKind::File { source: Media::Inline { .. }, .. }));
    assert!(matches!(&user.content[5].kind, PartKind::Other(part) if part["type"] == "video_url"));
    let assistant = &request.messages[2];
    let kinds: Vec<_> = assistant.reasoning.iter().map(|detail| (detail.kind, detail.index)).collect();
    assert_eq!(kinds, [(ReasoningKind::Text, 0), (ReasoningKind::Encrypted, 1)]);
    assert_eq!(assistant.reasoning[0].signature.as_deref(), Some("s"));
    assert_eq!(assistant.reasoning[1].format, None);
    let call = ToolCall { id: "call_1".into(), name: "f".into(), arguments: "{\"a\":1}".into() };
    assert_eq!(assistant.tool_calls, [call]);
    assert_eq!(request.messages[3].tool_call_id.as_deref(), Some("call_1"));
    assert_eq!(request.tools.len(), 1);
    let properties = &request.tools[0].parameters.as_ref().unwrap()["properties"];
    assert_eq!(properties.to_string(), r#"{"z":{},"a":{}}"#, "the order of properties is kept");
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".to_owned())));
    assert!(matches!(&request.response_format, Some(ResponseFormat::JsonSchema { name, .. }) if name == "n"));
    let reasoning = Reasoning { effort: Some("high".to_owned()), exclude: true, ..Reasoning::default() };
    assert_eq!(request.reasoning, Some(reasoning));
    assert_eq!((request.max_tokens, request.n, request.seed), (Some(20), Some(2), Some(-7)));
    assert_eq!(request.stop, ["x", "y"]);
    let extra: Vec<_> = request.extra.keys().map(String::as_str).collect();
    assert_eq!(extra, ["logprobs", "safe_prompt"]);
    assert_eq!(request.original.unwrap().body, body);
}

#[test]
fn a_list_of_allowed_tools_leaves_those() {
    let named = |name: &str| json!({"type": "function", "function": {"name": name}});
    let allowed = json!({"mode": "required", "tools": [named("g")]});
    let body = json!({
        "model": "a/b", "messages": [{"role": "user", "content": "x"}], "tools": [named("f"), named("g")],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}
    });
    let body = Bytes::from(body.to_string());
    assert!(peek(&body).is_ok());
    let request = decode(&body).unwrap();
    assert_eq!(request.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["g"]);
    assert_eq!(request.tool_choice, Some(ToolChoice::Required));
}

/// The body with one member replaced, and what the refusal must name.
fn refused() -> Vec<(Value, &'static str)> {
    let message =
        |message: Value| json!({"model": "a/b", "messages": [{"role": "user", "content": "x"}, message]});
    let part = |part: Value| json!({"model": "a/b", "messages": [{"role": "user", "content": [part]}]});
    let with = |name: &str, value: Value| {
        let mut body = json!({"model": "a/b", "messages": [{"role": "user", "content": "x"}]});
        body[name] = value;
        body
    };
    vec![
        (json!([]), "must be a JSON object"),
        (json!({"messages": [{"role": "user", "content": "x"}]}), "`model` is required"),
        (json!({"model": "a/b"}), "`messages` is required"),
        (with("model", json!(5)), "`model` must be a string"),
        (with("model", json!("")), "`model` must not be empty"),
        (with("models", json!(["a", 1])), "`models[1]` must be a string"),
        (with("messages", json!([])), "`messages` must have from 1 to 2000"),
        (with("messages", json!("hi")), "`messages` must be an array"),
        (with("messages", json!(vec![json!({"role": "user", "content": "x"}); 2001])), "from 1 to 2000"),
        (message(json!(1)), "`messages[1]` must be an object"),
        (message(json!({"content": "x"})), "`messages[1].role` must be one of"),
        (message(json!({"role": "wizard", "content": "x"})), "`messages[1].role` must be one of"),
        (message(json!({"role": "user"})), "`messages[1].content` must be"),
        (message(json!({"role": "user", "content": 5})), "`messages[1].content` must be"),
        (message(json!({"role": "tool", "content": "x"})), "`messages[1].tool_call_id`"),
        (
            message(json!({"role": "assistant", "tool_calls": {}})),
            "`messages[1].tool_calls` must be an array",
        ),
        (
            message(json!({"role": "assistant", "tool_calls": [{"id": "", "function": {"name": "f"}}]})),
            "`messages[1].tool_calls[0].id`",
        ),
        (
            message(
                json!({"role": "assistant", "tool_calls": [{"id": "i", "function": {"name": "f", "arguments": {}}}]}),
            ),
            "`messages[1].tool_calls[0].function.arguments` must be a string",
        ),
        (part(json!("x")), "`messages[0].content[0]` must be an object"),
        (part(json!({"text": "x"})), "`messages[0].content[0].type`"),
        (part(json!({"type": "text"})), "`messages[0].content[0].text`"),
        (part(json!({"type": "image_url"})), "`messages[0].content[0].image_url`"),
        (
            part(json!({"type": "image_url", "image_url": {"url": 3}})),
            "`messages[0].content[0].image_url.url`",
        ),
        (part(json!({"type": "input_audio", "input_audio": {"data": "x"}})), "input_audio.format`"),
        (part(json!({"type": "file", "file": {"filename": "x"}})), "`messages[0].content[0].file`"),
        (
            with("tools", json!(vec![json!({"type": "function", "function": {"name": "f"}}); 129])),
            "at most 128",
        ),
        (with("tools", json!([{"x": {"name": "f"}}])), "`tools[0].type`"),
        (with("tools", json!([{"type": "function"}])), "`tools[0].function`"),
        (
            with("tools", json!([{"type": "function", "function": {"parameters": {}}}])),
            "`tools[0].function.name`",
        ),
        (
            with("tools", json!([{"type": "function", "function": {"name": "f", "parameters": "x"}}])),
            "`tools[0].function.parameters` must be an object",
        ),
        (with("tool_choice", json!("maybe")), "`tool_choice` must be"),
        (with("tool_choice", json!({"type": "function"})), "`tool_choice` must be"),
        (with("response_format", json!("json")), "`response_format` must be an object"),
        (with("response_format", json!({"type": "json_schema"})), "`response_format.json_schema`"),
        (with("max_tokens", json!(0)), "`max_tokens` must be an integer of at least 1"),
        (with("max_tokens", json!("9")), "`max_tokens` must be an integer"),
        (with("max_completion_tokens", json!(-1)), "`max_completion_tokens`"),
        (with("temperature", json!(2.5)), "`temperature` must be a number from 0 to 2"),
        (with("temperature", json!("hot")), "`temperature` must be a number"),
        (with("n", json!(0)), "`n` must be"),
        (with("n", json!(129)), "`n` must be at most 128"),
        (with("seed", json!(1.5)), "`seed` must be an integer"),
        (with("stop", json!(1)), "`stop` must be"),
        (with("stop", json!(["a", 1])), "`stop[1]` must be a string"),
        (with("stream", json!("yes")), "`stream` must be true or false"),
        (with("provider", json!([])), "`provider` must be an object"),
        (with("session_id", json!("x".repeat(257))), "`session_id` must have at most 256"),
        (with("reasoning", json!({"effort": "huge"})), "`reasoning.effort` must be one of"),
        (with("reasoning", json!({"effort": "low", "max_tokens": 5})), "not both"),
        (
            json!({"model": "a/b", "messages": [{"role": "user", "content": "x"}],
                   "reasoning": {"effort": "low"}, "reasoning_effort": "high"}),
            "differ",
        ),
    ]
}

#[test]
fn both_readers_refuse_the_same_bodies_in_the_same_words() {
    for (body, named) in refused() {
        let body = bytes(&body);
        let error = decode(&body).unwrap_err();
        assert!(error.message.contains(named), "{named} is not in: {}", error.message);
        assert_eq!(peek(&body).unwrap_err(), error);
    }
}

/// Every place in a document, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                places(member, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn both_readers_agree_on_every_wrong_type() {
    let mut found = Vec::new();
    places(&full(), "", &mut found);
    let others = [
        json!(null),
        json!(true),
        json!(-3),
        json!(0.5),
        json!(""),
        json!("x"),
        json!([]),
        json!(["x"]),
        json!({}),
    ];
    for place in found {
        for other in &others {
            let mut body = full();
            *body.pointer_mut(&place).unwrap() = other.clone();
            let body = bytes(&body);
            let (peeked, read) = (peek(&body), decode(&body));
            assert_eq!(peeked.as_ref().err(), read.as_ref().err(), "{place} = {other}");
        }
    }
}

#[test]
fn syntax_and_depth_are_refused_with_a_place() {
    let broken = peek(b"{\"model\": \"a\",\n \"messages\": [}").unwrap_err();
    assert!(broken.message.contains("line 2 column"), "{}", broken.message);
    let deep = format!("{{\"model\":\"a\",\"x\":{}1{}}}", "[".repeat(64), "]".repeat(64));
    assert!(peek(deep.as_bytes()).unwrap_err().message.contains("deeper than 64"));
    let brackets_in_text = format!(
        "{{\"model\":\"a\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}\\\"[\"}}]}}",
        "[".repeat(99)
    );
    assert!(peek(brackets_in_text.as_bytes()).is_ok());
}

#[test]
fn a_member_sent_twice_is_refused_where_it_is_counted() {
    let twice = br#"{"model":"a","messages":[{"role":"user","content":"short","content":"long"}]}"#;
    assert!(peek(twice).unwrap_err().message.contains("duplicate field"));
}

#[test]
fn text_that_looks_like_an_image_still_counts() {
    let body = |url: &str| {
        let part = json!({"type": "image_url", "image_url": {"url": url}});
        bytes(&json!({"model": "a", "messages": [{"role": "user", "content": [part]}]}))
    };
    let text = body("data:text/plain;base64,QUJD");
    assert_eq!(peek(&text).unwrap().text_bytes, text.len() as u64);
    let said = bytes(
        &json!({"model": "a", "messages": [{"role": "user", "content": "data:image/png;base64,QUJD"}]}),
    );
    assert_eq!(peek(&said).unwrap().text_bytes, said.len() as u64);
}

#[test]
fn reasoning_is_wished_for_in_three_ways() {
    let wish = |members: Value| {
        let mut body = json!({"model": "a", "messages": [{"role": "user", "content": "x"}]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        decode(&bytes(&body)).unwrap().reasoning
    };
    assert_eq!(wish(json!({})), None);
    assert_eq!(wish(json!({"include_reasoning": true})), Some(Reasoning::default()));
    assert!(wish(json!({"include_reasoning": false})).unwrap().exclude);
    assert_eq!(wish(json!({"reasoning_effort": "low"})).unwrap().effort.as_deref(), Some("low"));
    let budget = wish(json!({"reasoning": {"max_tokens": 2000}, "reasoning_effort": "low"})).unwrap();
    assert_eq!((budget.max_tokens, budget.effort), (Some(2000), None));
    assert_eq!(wish(json!({"reasoning": {"enabled": false}})).unwrap().enabled, Some(false));
}
