use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{decode, peek};
use crate::canonical::{
    Media, Message, PartKind, Reasoning, ReasoningKind, Request, ResponseFormat, Speaker, ToolChoice,
};

fn bytes(body: &Value) -> Bytes {
    Bytes::from(body.to_string())
}

fn read(body: &Value) -> Request {
    peek(&bytes(body)).unwrap();
    decode(&bytes(body)).unwrap()
}

/// Both readers refuse it, in the same words.
fn refused(body: &Value) -> String {
    let peeked = peek(&bytes(body)).unwrap_err();
    assert_eq!(peeked, decode(&bytes(body)).unwrap_err(), "{body}");
    peeked.message
}

fn asked(input: Value) -> Value {
    json!({"model": "author/model", "input": input})
}

fn text_of(message: &Message) -> String {
    let mut all = String::new();
    message.for_each_text(|text| all.push_str(text));
    all
}

#[test]
fn a_string_is_a_turn_of_the_user_and_instructions_come_before_it() {
    let mut body = asked(json!("Hello"));
    body["instructions"] = json!("Be brief");
    let request = read(&body);
    assert_eq!(request.model, "author/model");
    let turns: Vec<_> = request.messages.iter().map(|turn| (turn.speaker, text_of(turn))).collect();
    assert_eq!(turns, [(Speaker::System, "Be brief".to_owned()), (Speaker::User, "Hello".to_owned())]);
    assert_eq!(request.original.unwrap().body, bytes(&body));
}

#[test]
fn items_of_one_answer_are_one_turn() {
    let request = read(&asked(json!([
        {"role": "developer", "content": "Use tools"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "reasoning", "id": "rs_1", "format": "openai-responses-v1", "encrypted_content": "zz",
         "summary": [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "I look", "annotations": []},
                     {"type": "refusal", "refusal": "not that"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{}"},
        {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "time", "arguments": "{\"a\":1}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
        {"type": "function_call_output", "call_id": "call_2", "output": [
            {"type": "input_text", "text": "late"}, {"type": "input_image", "image_url": "https://h.example/a.png"}]},
        {"role": "assistant", "content": "It rains"},
        {"role": "assistant", "content": "And it is late"}
    ])));
    let speakers: Vec<_> = request.messages.iter().map(|turn| turn.speaker).collect();
    use Speaker::{Assistant, Developer, Tool, User};
    assert_eq!(speakers, [Developer, User, Assistant, Tool, Tool, Assistant, Assistant]);
    let turn = &request.messages[2];
    let details: Vec<_> = turn
        .reasoning
        .iter()
        .map(|detail| (detail.kind, detail.index, detail.id.as_deref(), detail.content.as_deref()))
        .collect();
    assert_eq!(
        details,
        [
            (ReasoningKind::Summary, 0, Some("rs_1"), Some("one")),
            (ReasoningKind::Summary, 1, Some("rs_1"), Some("two")),
            (ReasoningKind::Encrypted, 2, Some("rs_1"), Some("zz")),
        ]
    );
    assert_eq!(turn.refusal.as_deref(), Some("not that"));
    let calls: Vec<_> =
        turn.tool_calls.iter().map(|call| (&*call.id, &*call.name, &*call.arguments)).collect();
    assert_eq!(calls, [("call_1", "weather", "{}"), ("call_2", "time", "{\"a\":1}")]);
    assert_eq!(request.messages[4].tool_call_id.as_deref(), Some("call_2"));
    assert_eq!(request.messages[4].content.len(), 2);
}

#[test]
fn signed_reasoning_keeps_its_signature_and_ids_made_here_go() {
    let request = read(&asked(json!([
        {"role": "user", "content": "Go"},
        {"type": "reasoning", "id": "rs_gen-0123_0", "summary": [], "signature": "s", "format": "anthropic-claude-v1",
         "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "reasoning", "id": "call_7", "summary": [], "encrypted_content": "of the call",
         "format": "google-gemini-v1"},
        {"type": "reasoning", "summary": null, "signature": "t", "format": "unknown"},
        {"type": "function_call", "call_id": "call_7", "name": "f", "arguments": "{}"}
    ])));
    let details = &request.messages[1].reasoning;
    assert_eq!((details[0].id.as_deref(), details[0].signature.as_deref()), (None, Some("s")));
    assert_eq!(details[0].format.as_deref(), Some("anthropic-claude-v1"));
    assert_eq!((details[1].id.as_deref(), details[1].kind), (Some("call_7"), ReasoningKind::Encrypted));
    assert_eq!((details[2].content.as_deref(), details[2].signature.as_deref()), (None, Some("t")));
    assert_eq!(details[2].format, None);
    assert_eq!(request.messages.len(), 2);
}

#[test]
fn media_are_read_and_counted() {
    let body = asked(json!([{"role": "user", "content": [
        {"type": "input_text", "text": "Look", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "input_text", "text": "here", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
        {"type": "input_image", "file_id": "file_1", "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"},
        {"type": "input_file", "file_url": "https://h.example/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "wav"}},
        {"type": "input_video", "video_url": "https://h.example/a.mp4"},
        {"type": "something_new", "x": 1}
    ]}]));
    let peek = peek(&bytes(&body)).unwrap();
    assert_eq!(peek.input_modalities, ["text", "image", "audio", "file", "video"]);
    assert_eq!((peek.images, peek.messages, peek.choices), (2, 2, 1));
    let inline = "AAAA".len() + "data:application/pdf;base64,BBBB".len() + "CCCC".len();
    assert_eq!(peek.media_bytes as usize, inline - 4);
    assert_eq!(peek.text_bytes as usize, body.to_string().len() - inline);
    let parts = &read(&body).messages[0].content;
    assert_eq!(parts[0].cache_control, Some(json!({"type": "ephemeral", "ttl": "1h"})));
    assert_eq!(parts[1].cache_control, Some(json!({"type": "ephemeral"})));
    let inline =
        |media_type: &str, data: &str| Media::Inline { media_type: media_type.into(), data: data.into() };
    let image = PartKind::Image { source: inline("image/png", "AAAA"), detail: Some("low".into()) };
    assert_eq!(parts[2].kind, image);
    let file = PartKind::File { name: Some("a.pdf".into()), source: inline("application/pdf", "BBBB") };
    assert_eq!(parts[4].kind, file);
    assert_eq!(
        parts[5].kind,
        PartKind::File { name: None, source: Media::Url("https://h.example/a.pdf".into()) }
    );
    let video = json!({"type": "video_url", "video_url": {"url": "https://h.example/a.mp4"}});
    assert_eq!(parts[7].kind, PartKind::Other(video));
    assert_eq!(parts[8].kind, PartKind::Other(json!({"type": "something_new", "x": 1})));
}

#[test]
fn an_image_of_the_history_counts_as_one() {
    let body = asked(json!([
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "QUJD"},
        {"role": "user", "content": "Make it blue"}
    ]));
    let peek = peek(&bytes(&body)).unwrap();
    assert_eq!((peek.images, peek.text_bytes as usize), (1, body.to_string().len() - 4));
    let image = &read(&body).messages[0].content[0].kind;
    let source = Media::Inline { media_type: "image/png".into(), data: "QUJD".into() };
    assert_eq!(*image, PartKind::Image { source, detail: None });
}

#[test]
fn options_become_canonical() {
    let mut body = asked(json!("Hi"));
    let options = json!({
        "tools": [
            {"type": "function", "name": "a", "description": "d", "strict": true, "parameters": {"type": "object"}},
            {"type": "function", "name": "b", "parameters": null},
            {"type": "web_search", "search_context_size": "low"}],
        "tool_choice": {"type": "function", "name": "b"}, "parallel_tool_calls": false,
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true},
                 "verbosity": "low"},
        "reasoning": {"effort": "high", "summary": "auto", "exclude": true},
        "max_output_tokens": 100, "temperature": 0.5, "top_p": 0.9, "top_k": 4, "presence_penalty": 1,
        "top_logprobs": 2, "safety_identifier": "u", "service_tier": "flex", "prompt_cache_key": "k",
        "metadata": {"a": "b"}, "truncation": "auto", "include": ["reasoning.encrypted_content"],
        "max_tool_calls": 3, "store": false, "background": null, "previous_response_id": null,
        "session_id": "s", "models": ["author/other"], "provider": {"sort": "price"}, "trace": {}, "stream": true,
        "max_tokens": 9, "safe_prompt": true
    });
    for (name, value) in options.as_object().unwrap() {
        body[name] = value.clone();
    }
    let peek = peek(&bytes(&body)).unwrap();
    assert_eq!(peek.models, ["author/model", "author/other"]);
    assert_eq!((peek.max_tokens, peek.stream), (Some(100), true));
    assert_eq!((peek.user.as_deref(), peek.session_id.as_deref()), (Some("u"), Some("s")));
    assert_eq!(peek.provider.unwrap().get(), "{\"sort\":\"price\"}");
    let parameters = [
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
        "presence_penalty",
        "top_logprobs",
        "verbosity",
    ];
    assert_eq!(peek.parameters, parameters);
    let request = read(&body);
    assert_eq!(request.tools.len(), 2);
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("b".into())));
    assert_eq!(request.parallel_tool_calls, Some(false));
    let schema = ResponseFormat::JsonSchema {
        name: "n".into(),
        schema: json!({"type": "object"}),
        strict: Some(true),
        description: None,
    };
    assert_eq!(request.response_format, Some(schema));
    let reasoning = Reasoning { effort: Some("high".into()), exclude: true, ..Reasoning::default() };
    assert_eq!(request.reasoning, Some(reasoning));
    assert_eq!((request.max_tokens, request.top_k, request.n), (Some(100), Some(4), None));
    assert_eq!(request.user.as_deref(), Some("u"));
    let extra = json!({"verbosity": "low", "logprobs": true, "top_logprobs": 2, "service_tier": "flex",
        "prompt_cache_key": "k", "metadata": {"a": "b"}, "safe_prompt": true});
    assert_eq!(Value::Object(request.extra), extra);
}

#[test]
fn an_allowed_choice_leaves_the_other_tools_out() {
    let mut body = asked(json!("Hi"));
    body["tools"] = json!([{"type": "function", "name": "a"}, {"type": "function", "name": "b"}]);
    body["tool_choice"] =
        json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]});
    let request = read(&body);
    assert_eq!(request.tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>(), ["b"]);
    assert_eq!(request.tool_choice, Some(ToolChoice::Required));
}

#[test]
fn tools_of_free_form_and_unknown_items_do_not_break_a_conversation() {
    let request = read(&asked(json!([
        {"role": "user", "content": "Go"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}},
        {"type": "custom_tool_call", "call_id": "call_1", "name": "patch", "input": "*** \"x\""},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "ok"}
    ])));
    let call = &request.messages[1].tool_calls[0];
    assert_eq!(serde_json::from_str::<Value>(&call.arguments).unwrap(), json!({"input": "*** \"x\""}));
    assert_eq!(request.messages[2].tool_call_id.as_deref(), Some("call_1"));
}

#[test]
fn what_would_need_a_memory_is_refused() {
    let with = |name: &str, value: Value| {
        let mut body = asked(json!("Hi"));
        body[name] = value;
        refused(&body)
    };
    assert!(with("store", json!(true)).starts_with("`store` must be false"));
    assert!(with("previous_response_id", json!("resp_1")).contains("send the whole conversation"));
    assert!(with("conversation", json!({"id": "conv_1"})).starts_with("`conversation` must be null"));
    assert!(with("background", json!(true)).starts_with("`background` must be false"));
    assert!(with("prompt", json!({"id": "pmpt_1"})).starts_with("`prompt` must be null"));
    let reference = refused(&asked(json!([{"type": "item_reference", "id": "msg_1"}])));
    assert!(reference.contains("`input[0]` refers to an item that is not kept here"));
}

#[test]
fn both_readers_refuse_the_same_bodies_with_the_same_words() {
    let inputs = [
        (json!(null), "`input` is required"),
        (json!([]), "`input` must have from 1 to"),
        (json!(7), "`input` must be a string or an array of items"),
        (json!([7]), "`input[0]` must be an object"),
        (json!([{"type": ""}]), "`input[0].type` must not be empty"),
        (json!([{"content": "x"}]), "`input[0].role` must be one of"),
        (json!([{"role": "tool", "content": "x"}]), "`input[0].role` must be one of"),
        (json!([{"role": "user"}]), "`input[0].content` must be a string or an array"),
        (
            json!([{"role": "user", "content": [{"text": "x"}]}]),
            "`input[0].content[0].type` must be a string",
        ),
        (json!([{"role": "user", "content": [{"type": "input_text"}]}]), "`input[0].content[0].text`"),
        (json!([{"role": "user", "content": [{"type": "input_image"}]}]), "must have an `image_url`"),
        (
            json!([{"role": "user", "content": [{"type": "input_image", "image_url": {"url": "u"}}]}]),
            "image_url` must be a string",
        ),
        (
            json!([{"role": "user", "content": [{"type": "input_file", "filename": "f"}]}]),
            "must have `file_data`",
        ),
        (
            json!([{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "d"}}]}]),
            "input_audio.format`",
        ),
        (json!([{"role": "user", "content": [{"type": "input_video"}]}]), "video_url`"),
        (json!([{"type": "function_call", "name": "f", "arguments": "{}"}]), "`input[0].call_id`"),
        (json!([{"type": "function_call", "call_id": "c", "arguments": "{}"}]), "`input[0].name`"),
        (
            json!([{"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}]),
            "`input[0].arguments`",
        ),
        (json!([{"type": "function_call_output", "call_id": "c"}]), "`input[0].output` must be"),
        (json!([{"type": "function_call_output", "output": "x"}]), "`input[0].call_id`"),
        (json!([{"type": "reasoning", "summary": [{"type": "summary_text"}]}]), "`input[0].summary[0].text`"),
        (json!([{"type": "reasoning", "summary": "x"}]), "`input[0].summary` must be an array"),
    ];
    for (input, words) in inputs {
        let message = refused(&asked(input));
        assert!(message.contains(words), "{message}");
    }
    let options = [
        ("model", json!(""), "`model` must not be empty"),
        ("instructions", json!(["x"]), "`instructions` must be a string"),
        ("tools", json!([{"name": "f"}]), "`tools[0].type`"),
        ("tools", json!([{"type": "function"}]), "`tools[0].name`"),
        ("tools", json!([{"type": "function", "name": "f", "parameters": "x"}]), "`tools[0].parameters`"),
        ("tool_choice", json!("any"), "`tool_choice` must be"),
        ("tool_choice", json!({"type": "function"}), "`tool_choice.name`"),
        ("tool_choice", json!({"type": "allowed_tools", "mode": "none", "tools": []}), "`tool_choice.mode`"),
        ("tool_choice", json!({"type": "allowed_tools", "mode": "auto"}), "`tool_choice.tools`"),
        ("text", json!({"format": {"type": "json_schema", "schema": {}}}), "`text.format.name`"),
        ("text", json!("x"), "`text` must be an object"),
        ("reasoning", json!({"effort": "huge"}), "`reasoning.effort` must be one of"),
        ("reasoning", json!({"effort": "low", "max_tokens": 5}), "not both"),
        ("max_output_tokens", json!(0), "`max_output_tokens` must be"),
        ("temperature", json!(3), "`temperature` must be a number"),
        ("top_logprobs", json!(21), "`top_logprobs` must be at most 20"),
        ("include", json!([1]), "`include[0]` must be a string"),
        ("n", json!(2), "`n` must be 1"),
        ("stream", json!("yes"), "`stream` must be true or false"),
        ("provider", json!("x"), "`provider` must be an object"),
        ("user", json!("u".repeat(257)), "`user` must have at most"),
        ("safety_identifier", json!("u".repeat(257)), "`safety_identifier` must have at most"),
    ];
    for (name, value, words) in options {
        let mut body = asked(json!("Hi"));
        body[name] = value;
        let message = refused(&body);
        assert!(message.contains(words), "{message}");
    }
    assert!(refused(&json!([])).contains("must be a JSON object"));
    assert!(
        peek(format!("{{\"model\":\"m\",\"input\":{}1{}}}", "[".repeat(70), "]".repeat(70)).as_bytes())
            .is_err()
    );
    assert!(peek(br#"{"model":"m","input":"a","input":"b"}"#).is_err());
    assert!(peek(br#"{"model":"m","input":[{"role":"user","role":"user","content":"b"}]}"#).is_err());
}
