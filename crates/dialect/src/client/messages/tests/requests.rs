//! Requests, read into the canonical model.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::canonical::{
    Media, Message, PartKind, Reasoning, Request, ResponseFormat, Speaker, Task, ToolCall, ToolChoice,
};
use crate::client::{Dialect, PublicError};

pub(super) fn try_read(body: &Value) -> Result<Request, String> {
    match Dialect::Messages.decode(&Bytes::from(body.to_string())) {
        Ok(Task::Chat(request)) => Ok(request),
        Ok(_) => panic!("not a conversation"),
        Err(refusal) => Err(refusal.message),
    }
}

/// A small request with further members.
fn with(members: Value) -> Value {
    let mut body = json!({"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn read(members: Value) -> Request {
    try_read(&with(members)).unwrap()
}

fn messages(messages: Value) -> Vec<Message> {
    read(json!({"messages": messages})).messages
}

/// Who speaks and what, media in brackets.
fn said(messages: &[Message]) -> Vec<(Speaker, String)> {
    let part = |kind: &PartKind| match kind {
        PartKind::Text(text) => text.clone(),
        PartKind::Image { source: Media::Inline { media_type, .. }, .. } => format!("[{media_type}]"),
        PartKind::Image { source: Media::Url(url) | Media::Id(url), .. } => format!("[image {url}]"),
        PartKind::File { name, source } => format!("[file {name:?} {source:?}]"),
        other => panic!("{other:?}"),
    };
    let text = |message: &Message| {
        message.content.iter().map(|part_| part(&part_.kind)).collect::<Vec<_>>().join("|")
    };
    messages.iter().map(|message| (message.speaker, text(message))).collect()
}

fn turn(speaker: Speaker, text: &str) -> (Speaker, String) {
    (speaker, text.to_owned())
}

#[test]
fn a_plain_request() {
    let request = read(json!({
        "system": "Be brief.", "stream": true, "temperature": 0.5, "top_p": 0.9, "top_k": 5,
        "stop_sequences": ["END"], "metadata": {"user_id": "user-42"}, "service_tier": "standard_only",
        "anthropic_beta": ["a"], "n": 3, "best_of": 9, "context_management": {"edits": []}
    }));
    assert_eq!(said(&request.messages), [turn(Speaker::System, "Be brief."), turn(Speaker::User, "Hi")]);
    assert_eq!((request.max_tokens, request.stream, request.top_k), (Some(10), true, Some(5)));
    assert_eq!((request.temperature, request.top_p), (Some(0.5), Some(0.9)));
    assert_eq!((request.stop, request.user.as_deref()), (vec!["END".to_owned()], Some("user-42")));
    let extra: Vec<_> = request.extra.keys().map(String::as_str).collect();
    assert_eq!(extra, ["service_tier", "anthropic_beta"], "what may mean something else elsewhere stays out");
    assert_eq!(request.n, None);
    assert_eq!(request.original.unwrap().dialect, Dialect::Messages);
}

#[test]
fn turns_of_blocks() {
    let turns = messages(json!([
        {"role": "user", "content": [
            {"type": "text", "text": "Look", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "text", "text": ""},
            {"type": "image", "source": {"type": "base64", "media_type": "image/PNG", "data": "AAAA"}},
            {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
            {"type": "image", "source": {"type": "file", "file_id": "f1"}},
            {"type": "container_upload", "file_id": "f2"}
        ]},
        {"role": "assistant", "content": [
            {"type": "text", "text": "I see.", "citations": null},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1, "a": [2.5]}},
            {"type": "tool_use", "id": "t2", "name": "g", "input": {}}
        ]},
        {"role": "user", "content": [
            {"type": "text", "text": "And?"},
            {"type": "tool_result", "tool_use_id": "t1", "content": "fine"},
            {"type": "tool_result", "tool_use_id": "t2", "is_error": true, "content": [
                {"type": "text", "text": "no disk"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
            ]}
        ]},
        {"role": "system", "content": "Be kind."},
        {"role": "assistant", "content": []}
    ]));
    let expected = [
        turn(Speaker::User, "Look|[image/png]|[image https://x.example/a.png]|[image f1]"),
        turn(Speaker::Assistant, "I see."),
        turn(Speaker::Tool, "fine"),
        turn(Speaker::Tool, "Error: no disk"),
        turn(Speaker::User, "Attached to the result of tool call t2:|[image/png]|And?"),
        turn(Speaker::System, "Be kind."),
    ];
    assert_eq!(said(&turns), expected);
    assert_eq!(turns[0].content[0].cache_control, Some(json!({"type": "ephemeral", "ttl": "1h"})));
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    };
    assert_eq!(turns[1].tool_calls, [call("t1", "f", r#"{"b":1,"a":[2.5]}"#), call("t2", "g", "{}")]);
    let answers: Vec<_> = turns[2..4].iter().map(|turn| turn.tool_call_id.as_deref()).collect();
    assert_eq!(answers, [Some("t1"), Some("t2")]);
}

#[test]
fn results_without_words_have_some() {
    let turns = messages(json!([{"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "a"},
        {"type": "tool_result", "tool_use_id": "b", "is_error": true},
        {"type": "tool_result", "tool_use_id": "c", "is_error": true, "content": "Error 5"},
        {"type": "tool_result", "tool_use_id": "d", "content": [{"type": "tool_reference", "tool_name": "f"}]},
        {"type": "tool_result", "tool_use_id": "e", "cache_control": {"type": "ephemeral"}, "content": [
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}
        ]}
    ]}]));
    let texts: Vec<_> = said(&turns).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts[..4], ["", "Error: the tool failed", "Error 5", "f"]);
    assert_eq!(texts[4], "The result is attached below.");
    assert!(texts[5].starts_with("Attached to the result of tool call e:|[file None"));
    assert_eq!(turns[4].content[0].cache_control, Some(json!({"type": "ephemeral"})));
}

#[test]
fn documents_are_text_where_they_can_be() {
    let source = |source: Value| {
        let block = json!({"type": "document", "title": "Log", "context": "of May", "source": source});
        said(&messages(json!([{"role": "user", "content": [block]}]))).remove(0).1
    };
    let head = "Document: Log\nof May\n|";
    assert_eq!(source(json!({"type": "text", "media_type": "text/plain", "data": "a"})), format!("{head}a"));
    assert_eq!(source(json!({"type": "content", "content": "b"})), format!("{head}b"));
    let blocks =
        json!([{"type": "text", "text": "c"}, {"type": "image", "source": {"type": "url", "url": "u"}}]);
    assert_eq!(source(json!({"type": "content", "content": blocks})), format!("{head}c|[image u]"));
    assert_eq!(
        source(json!({"type": "base64", "media_type": "text/csv", "data": "YSxi"})),
        format!("{head}a,b")
    );
    assert_eq!(source(json!({"type": "url", "url": "u"})), "of May|[file Some(\"Log\") Url(\"u\")]");
    assert_eq!(source(json!({"type": "file", "file_id": "f"})), "of May|[file Some(\"Log\") Id(\"f\")]");
    let pdf = source(json!({"type": "base64", "media_type": "application/pdf", "data": "JVBE"}));
    assert!(pdf.contains("application/pdf") && pdf.contains("JVBE"));
    let found = json!({"type": "search_result", "source": "https://x.example", "title": "X",
        "content": [{"type": "text", "text": "d"}]});
    let turns = messages(json!([{"role": "user", "content": [found]}]));
    assert_eq!(said(&turns)[0].1, "Search result: X (https://x.example)\n|d");
}

#[test]
fn tools_and_choices() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let request = read(json!({
        "tools": [
            {"name": "f", "description": "does", "input_schema": schema, "strict": true,
             "cache_control": {"type": "ephemeral"}},
            {"type": "custom", "name": "g", "input_schema": {"type": "object"}},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
            {"type": "bash_20250124", "name": "bash"},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
            {"type": "computer_20250124", "name": "computer", "display_width_px": 800, "display_height_px": 600},
            {"type": "mcp_toolset", "mcp_server_name": "s"}
        ],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true}
    }));
    let names: Vec<_> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["f", "g", "bash", "str_replace_based_edit_tool", "computer"]);
    let first = &request.tools[0];
    assert_eq!((first.parameters.as_ref(), first.strict), (Some(&schema), Some(true)));
    assert!(first.cache_control.is_some());
    assert!(request.tools[4].description.as_deref().unwrap().contains("800 x 600"));
    assert_eq!(
        (request.tool_choice, request.parallel_tool_calls),
        (Some(ToolChoice::Named("f".into())), Some(false))
    );
    for (choice, expected) in [
        (json!({"type": "auto"}), ToolChoice::Auto),
        (json!({"type": "any", "disable_parallel_tool_use": false}), ToolChoice::Required),
        (json!({"type": "none"}), ToolChoice::None),
    ] {
        let request = read(json!({"tool_choice": choice}));
        assert_eq!((request.tool_choice, request.parallel_tool_calls), (Some(expected), None));
    }
}

#[test]
fn thinking_is_reasoning() {
    let reasoning = |members: Value| read(members).reasoning;
    let budget = |exclude| Some(Reasoning { max_tokens: Some(2_048), exclude, ..Reasoning::default() });
    let enabled = json!({"type": "enabled", "budget_tokens": 2_048});
    assert_eq!(reasoning(json!({"thinking": enabled, "output_config": {"effort": "low"}})), budget(false));
    let hidden = json!({"type": "enabled", "budget_tokens": 2_048, "display": "omitted"});
    assert_eq!(reasoning(json!({"thinking": hidden})), budget(true));
    let effort = |effort: &str| Some(Reasoning { effort: Some(effort.into()), ..Reasoning::default() });
    assert_eq!(reasoning(json!({"output_config": {"effort": "max"}})), effort("max"));
    let adaptive = json!({"type": "adaptive"});
    assert_eq!(reasoning(json!({"thinking": adaptive, "output_config": {"effort": "low"}})), effort("low"));
    let switched = |on| Some(Reasoning { enabled: Some(on), ..Reasoning::default() });
    assert_eq!(reasoning(json!({"thinking": adaptive})), switched(true));
    assert_eq!(reasoning(json!({"thinking": {"type": "disabled"}})), switched(false));
    assert_eq!(reasoning(json!({})), None);
}

#[test]
fn formats_are_schemas() {
    let schema = json!({"title": "A person!", "type": "object", "properties": {"a": {}}, "required": ["a"],
        "additionalProperties": false});
    let format = json!({"type": "json_schema", "schema": schema});
    for members in [json!({"output_config": {"format": format}}), json!({"output_format": format})] {
        let expected = ResponseFormat::JsonSchema {
            name: "A_person_".into(),
            schema: schema.clone(),
            strict: Some(true),
            description: None,
        };
        assert_eq!(read(members).response_format, Some(expected));
    }
    let loose = json!({"type": "json_schema", "schema": {"type": "object", "properties": {"a": {}}}});
    let Some(ResponseFormat::JsonSchema { name, strict, .. }) =
        read(json!({"output_format": loose})).response_format
    else {
        panic!("no schema");
    };
    assert_eq!((name.as_str(), strict), ("answer", None));
}

#[test]
fn fast_is_priority() {
    assert_eq!(read(json!({"speed": "fast"})).extra["service_tier"], "priority");
    assert_eq!(read(json!({"speed": "fast", "service_tier": "auto"})).extra["service_tier"], "auto");
    assert!(read(json!({"speed": "standard"})).extra.is_empty());
}

/// Bodies that are refused, each with words of its refusal. The peek says the same.
#[test]
fn refusals_say_what_is_wrong() {
    let turn = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    let assistant = |block: Value| json!({"messages": [{"role": "assistant", "content": [block]}]});
    for (members, words) in [
        (json!({"model": null}), "`model` is required"),
        (json!({"model": ""}), "`model` must not be empty"),
        (json!({"messages": null}), "`messages` is required"),
        (json!({"messages": []}), "`messages` must have from 1 to"),
        (json!({"messages": [{"role": "tool", "content": "x"}]}), "`messages[0].role` must be one of"),
        (json!({"messages": [{"role": "user"}]}), "`messages[0].content` must be a string or an array"),
        (json!({"messages": [{"role": "user", "content": {}}]}), "`messages[0].content` must be"),
        (json!({"system": 5}), "`system` must be a string or an array"),
        (json!({"max_tokens": 0}), "`max_tokens` must be an integer of at least 1"),
        (json!({"temperature": 3}), "`temperature` must be a number from 0 to 2"),
        (json!({"stop_sequences": [1]}), "`stop_sequences[0]` must be a string"),
        (json!({"stream": "yes"}), "`stream` must be true or false"),
        (json!({"metadata": {"user_id": "x".repeat(257)}}), "`metadata.user_id` must have at most 256"),
        (json!({"provider": []}), "`provider` must be an object"),
        (json!({"models": ["a"], "fallbacks": [{"model": "b"}]}), "send `fallbacks` or `models`, not both"),
        (json!({"fallbacks": [{"model": "a"}, {"model": "b"}, {"model": "c"}, {"model": "d"}]}), "at most 3"),
        (json!({"fallbacks": [{"model": "a", "max_tokens": 5}]}), "`max_tokens` cannot be set for it"),
        (json!({"fallbacks": [{}]}), "`fallbacks[0].model` must be"),
        (json!({"tools": [{"name": "f"}]}), "`tools[0].input_schema` must be an object"),
        (json!({"tools": [{"input_schema": {}}]}), "`tools[0].name` must be"),
        (json!({"tools": [{"type": ""}]}), "`tools[0].type` must be"),
        (json!({"tools": [{"type": "bash_20250124"}]}), "`tools[0].name` must be"),
        (json!({"tool_choice": "auto"}), "`tool_choice` must be an object"),
        (json!({"tool_choice": {"type": "tool"}}), "`tool_choice.name` must be"),
        (json!({"tool_choice": {"type": "some"}}), "`tool_choice.type` must be"),
        (json!({"thinking": {"type": "enabled"}}), "`thinking.budget_tokens` must be"),
        (json!({"thinking": {"type": "on"}}), "`thinking.type` must be"),
        (json!({"output_config": {"effort": "huge"}}), "`output_config.effort` must be one of low"),
        (json!({"output_config": {"format": {"type": "text"}}}), "`output_config.format.type` must be"),
        (json!({"output_format": {"type": "json_schema"}}), "`output_format.schema` must be an object"),
        (turn(json!({"type": "text"})), "`messages[0].content[0].text` must be a string"),
        (turn(json!({"text": "x"})), "`messages[0].content[0].type` must be"),
        (turn(json!("x")), "`messages[0].content[0]` must be an object"),
        (turn(json!({"type": "image"})), "`messages[0].content[0].source` must be an object"),
        (turn(json!({"type": "image", "source": {"type": "text"}})), "source.type` must be `base64`, `url`"),
        (
            turn(json!({"type": "document", "source": {"type": "base64", "data": "x"}})),
            "source.media_type` must",
        ),
        (turn(json!({"type": "tool_result", "content": "x"})), "tool_use_id` must be"),
        (
            turn(json!({"type": "tool_result", "tool_use_id": "a", "content": {}})),
            "content[0].content` must be",
        ),
        (
            assistant(json!({"type": "tool_use", "id": "a", "name": "f", "input": "{}"})),
            "input` must be an object",
        ),
        (assistant(json!({"type": "redacted_thinking"})), "data` must be"),
    ] {
        let body = with(members);
        let refusal = try_read(&body).unwrap_err();
        assert!(refusal.contains(words), "{body}: {refusal}");
        assert_eq!(
            Dialect::Messages.peek(body.to_string().as_bytes()).unwrap_err().message,
            refusal,
            "{body}"
        );
    }
}

#[test]
fn a_thread_may_begin_but_none_goes_on() {
    let body = |thread: Value| {
        let messages = json!([{"role": "user", "content": "Hi"}]);
        Bytes::from(json!({"model": "a/b", "messages": messages, "thread": thread}).to_string())
    };
    assert!(Dialect::Messages.decode(&body(json!({"type": "create"}))).is_ok());
    let refusal = Dialect::Messages
        .peek(&body(json!({"type": "continue", "previous_message_id": "gen-1"})))
        .unwrap_err();
    let skin = Dialect::Messages.error(&PublicError::new(refusal.error_type, refusal.message));
    let skin: Value = serde_json::from_slice(&skin).unwrap();
    assert_eq!(skin["error"]["type"], "not_found_error");
    assert_eq!(skin["error"]["details"]["error_code"], "thread_not_found");
    let refusal = Dialect::Messages.peek(&body(json!({"type": "fork"}))).unwrap_err();
    assert!(refusal.message.contains("thread.type"), "{}", refusal.message);
}
