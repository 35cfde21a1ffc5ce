use super::*;

fn request(members: Value) -> Task {
    let mut body = json!({"model": "cohere/model", "messages": [{"role": "user", "content": "x"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Task::Chat(crate::client::chat::decode(&body.to_string().into()).unwrap())
}

fn sent_with(members: Value, supported: &[&str], quirks: &Value) -> Value {
    let encoded = with_target(supported, quirks, |target| Chat.encode(&request(members), target)).unwrap();
    assert_eq!((encoded.path.as_str(), encoded.auth), ("/v2/chat", AuthStyle::Bearer));
    serde_json::from_slice(&encoded.body).unwrap()
}

fn sent(members: Value) -> Value {
    sent_with(members, &[], &json!({}))
}

fn refused(content: Value) -> String {
    let task = request(json!({"messages": [{"role": "user", "content": content}]}));
    with_target(&[], &json!({}), |target| Chat.encode(&task, target)).unwrap_err().message
}

#[test]
fn parameters_take_the_vendors_names_and_ranges() {
    let body = sent(json!({
        "temperature": 1.5, "top_p": 1, "top_k": 900, "frequency_penalty": -1, "presence_penalty": 0.5, "seed": 7,
        "stop": ["a", "", "b"], "max_completion_tokens": 9_000, "logprobs": true, "n": 1, "user": "u",
        "logit_bias": {"1": 1}, "service_tier": "priority", "vendor": 1, "safety_mode": "STRICT", "stream": true
    }));
    let expected = json!({
        "model": "command-x", "messages": [{"role": "user", "content": "x"}], "stream": true, "max_tokens": 4_000,
        "temperature": 1.0, "p": 0.99, "k": 500, "frequency_penalty": 0.0, "presence_penalty": 0.5, "seed": 7,
        "stop_sequences": ["a", "b"], "logprobs": true, "safety_mode": "STRICT"
    });
    assert_eq!(body, expected);
    let few = sent_with(json!({"temperature": 0.5, "seed": 1}), &["seed"], &json!({}));
    assert_eq!((few.get("temperature"), &few["seed"]), (None, &json!(1)));
    assert_eq!(sent(json!({"seed": -1})).get("seed"), None);
}

#[test]
fn turns_keep_what_was_said_planned_and_thought() {
    let call = json!({"id": "f_1", "type": "function", "function": {"name": "f", "arguments": ""}});
    let image =
        json!({"type": "image_url", "image_url": {"url": "https://a.example/a.png", "detail": "low"}});
    let body = sent(json!({"messages": [
        {"role": "developer", "content": "d"},
        {"role": "user", "name": "ann", "content": [{"type": "text", "text": "hi"}, image]},
        {"role": "assistant", "content": "I will look.", "reasoning": "hm", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "f_1", "content": "r"},
        {"role": "assistant", "content": "so", "reasoning": "mh"},
        {"role": "assistant", "content": "plain"},
    ]}));
    let call = json!({"id": "f_1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let expected = json!([
        {"role": "system", "content": "d"},
        {"role": "user", "content": [{"type": "text", "text": "ann: hi"}, image]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}], "tool_plan": "I will look.",
         "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "f_1", "content": "r"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "mh"}, {"type": "text", "text": "so"}]},
        {"role": "assistant", "content": "plain"},
    ]);
    assert_eq!(body["messages"], expected);
    let history = json!({"messages": [{"role": "assistant", "content": "so", "reasoning": "mh"}]});
    assert_eq!(sent_with(history, &["tools"], &json!({}))["messages"][0]["content"], "so");
}

#[test]
fn text_files_become_documents_and_other_media_are_refused() {
    let file =
        json!({"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}});
    let given = json!([{"data": {"text": "given"}}]);
    let turn = json!({"role": "user", "content": [{"type": "text", "text": "x"}, file]});
    let body = sent(json!({"messages": [turn], "documents": given}));
    let made = json!({"id": "file:0", "data": {"title": "a.txt", "text": "hi"}});
    assert_eq!(body["documents"], json!([given[0], made]));
    assert_eq!(body["messages"][0]["content"], "x");
    let pdf = json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0x"}});
    assert!(refused(json!([pdf])).contains("files"));
    let audio = json!({"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}});
    assert!(refused(json!([audio])).contains("audio"));
    assert!(
        refused(json!([{"type": "video_url", "video_url": {"url": "https://a.example/v"}}]))
            .contains("video_url")
    );
}

#[test]
fn choices_of_tools_are_said_in_two_words() {
    let named = |name: &str, strict: bool| json!({"type": "function", "function": {"name": name, "description": "d", "strict": strict}});
    let written = |name: &str| {
        let parameters = json!({"type": "object", "properties": {}});
        json!({"type": "function", "function": {"name": name, "parameters": parameters, "description": "d"}})
    };
    let choose = |choice: Value, quirks: &Value| {
        let tools = json!([named("f", true), named("g", false)]);
        let body = sent_with(json!({"tools": tools, "tool_choice": choice}), &[], quirks);
        (body["tools"].clone(), body.get("tool_choice").cloned(), body.get("strict_tools").cloned())
    };
    let both = json!([written("f"), written("g")]);
    let none = &json!({});
    assert_eq!(choose(json!("auto"), none), (both.clone(), None, None));
    assert_eq!(choose(json!("none"), none), (both.clone(), Some(json!("NONE")), None));
    assert_eq!(choose(json!("required"), none), (both.clone(), Some(json!("REQUIRED")), None));
    let only = json!({"type": "function", "function": {"name": "f"}});
    let alone = (json!([written("f")]), Some(json!("REQUIRED")), Some(json!(true)));
    assert_eq!(choose(only.clone(), none), alone);
    assert_eq!(choose(only, &json!({"forced_tool_choice": false})), (both, None, None));
    let tools = json!({"tools": [named("f", false)]});
    assert_eq!(sent_with(tools, &["temperature"], none).get("tools"), None);
}

#[test]
fn schemas_go_out_where_nothing_stands_against_them() {
    let schema = json!({"type": "object", "properties": {"z": {}, "a": {}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let body = sent(json!({"response_format": format}));
    assert_eq!(body["response_format"], json!({"type": "json_object", "json_schema": schema}));
    let properties = body["response_format"]["json_schema"]["properties"].to_string();
    assert_eq!(properties, r#"{"z":{},"a":{}}"#, "properties keep their order");
    let json_only = sent_with(json!({"response_format": format}), &["response_format"], &json!({}));
    assert_eq!(json_only["response_format"], json!({"type": "json_object"}));
    let tool = json!({"type": "function", "function": {"name": "f"}});
    assert_eq!(sent(json!({"response_format": format, "tools": [tool]})).get("response_format"), None);
}

#[test]
fn reasoning_is_a_switch_with_a_budget() {
    let ask = |members: Value| sent(members).get("thinking").cloned();
    let enabled = |budget: u64| Some(json!({"type": "enabled", "token_budget": budget}));
    assert_eq!(ask(json!({})), None);
    assert_eq!(ask(json!({"reasoning": {"effort": "none"}})), Some(json!({"type": "disabled"})));
    assert_eq!(ask(json!({"reasoning": {"effort": "high"}, "max_tokens": 1_000})), enabled(800));
    assert_eq!(ask(json!({"reasoning": {"max_tokens": 300}})), enabled(300));
    assert_eq!(ask(json!({"thinking": {"type": "enabled"}})), Some(json!({"type": "enabled"})));
    let unable = sent_with(json!({"reasoning": {"effort": "high"}}), &["tools"], &json!({}));
    assert_eq!(unable.get("thinking"), None);
}
