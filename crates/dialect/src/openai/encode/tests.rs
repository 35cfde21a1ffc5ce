mod vendors;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::canonical::{Request, Task};
use crate::codec::{Adapter as _, AuthStyle, Encoded, Target};
use crate::openai::OpenAi;

fn request(members: Value) -> Request {
    let mut body = json!({"model": "a/b", "messages": [{"role": "user", "content": "x"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    chat(&Bytes::from(body.to_string()))
}

fn chat(body: &Bytes) -> Request {
    crate::client::chat::decode(body).unwrap()
}

fn encoded(request: &Request, supported: &[&str], quirks: &Value) -> Encoded {
    let supported: Vec<String> = supported.iter().map(|name| (*name).to_owned()).collect();
    let none = Map::new();
    let target = Target {
        model: "a/b",
        provider: "house",
        provider_model: "b-1",
        max_output: None,
        supported_parameters: &supported,
        service_tier: "",
        quirks: quirks.as_object().unwrap_or(&none),
    };
    OpenAi.encode(&Task::Chat(request.clone()), &target).unwrap()
}

fn sent(request: &Request, supported: &[&str], quirks: Value) -> Value {
    serde_json::from_slice(&encoded(request, supported, &quirks).body).unwrap()
}

/// What goes out beside model and messages.
fn rest(members: Value, supported: &[&str], quirks: Value) -> Value {
    let mut body = sent(&request(members), supported, quirks);
    let body = body.as_object_mut().unwrap();
    assert_eq!(body.shift_remove("model"), Some(json!("b-1")));
    body.shift_remove("messages");
    Value::Object(std::mem::take(body))
}

#[test]
fn only_the_envelope_of_a_chat_body_is_touched() {
    let body =
        br#"{"temperature":0.50, "messages":[ {"content":"h\u00e9","role":"user","x":1e2} ],"model":"a/b",
        "models":["a/b"],"provider":{},"seed":12345678901234567,"vendor":{"k":[1.0]},"usage":{"include":true},
        "stream_options":{"include_usage":false},"stream":true,"max_completion_tokens":9,"user":null}"#;
    let request = chat(&Bytes::from_static(body));
    let bytes = encoded(&request, &[], &json!({})).body;
    let expected = concat!(
        r#"{"temperature":0.50,"messages":[ {"content":"h\u00e9","role":"user","x":1e2} ],"model":"b-1","#,
        r#""seed":12345678901234567,"vendor":{"k":[1.0]},"max_tokens":9,"stream":true,"#,
        r#""stream_options":{"include_usage":true}}"#
    );
    assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected);
}

#[test]
fn path_and_credential_are_data() {
    let plain = encoded(&request(json!({})), &[], &json!({}));
    assert_eq!((plain.path.as_str(), plain.auth), ("/chat/completions", AuthStyle::Bearer));
    let azure = json!({"path": "/chat/completions?api-version=1", "auth": "api-key"});
    let azure = encoded(&request(json!({})), &[], &azure);
    assert_eq!((azure.path.as_str(), azure.auth), ("/chat/completions?api-version=1", AuthStyle::ApiKey));
}

#[test]
fn parameters_that_are_not_taken_do_not_go_out() {
    let members = json!({"top_k": 5, "temperature": 1, "logprobs": true, "top_logprobs": 2, "vendor": 1});
    assert_eq!(rest(members.clone(), &["temperature"], json!({})), json!({"temperature": 1, "vendor": 1}));
    let strict = json!({"strict": true, "accepts": ["vendor"]});
    assert_eq!(
        rest(members.clone(), &[], strict),
        json!({"temperature": 1, "logprobs": true, "top_logprobs": 2, "vendor": 1})
    );
    assert_eq!(
        rest(members, &[], json!({"sampling_params": false, "drop": ["logprobs"], "strict": true}))["top_k"],
        Value::Null
    );
}

#[test]
fn names_limits_and_additions_follow_the_quirks() {
    let quirks = json!({
        "max_tokens_member": "max_completion_tokens", "rename": {"seed": "random_seed"}, "drop": ["n"],
        "add": {"reasoning_format": "parsed"}, "no_stream_options": true, "accepts": ["service_tier"]
    });
    let members =
        json!({"seed": 7, "n": 1, "max_tokens": 5, "stream": true, "user": "u", "service_tier": "fast"});
    let expected = json!({
        "random_seed": 7, "max_completion_tokens": 5, "stream": true, "service_tier": "default", "user": crate::end_user::hashed("u"),
        "reasoning_format": "parsed"
    });
    assert_eq!(rest(members, &[], quirks), expected);
    let mut clamped = request(json!({"max_tokens": 50}));
    clamped.max_tokens = Some(3);
    assert_eq!(sent(&clamped, &[], json!({}))["max_tokens"], 3);
}

#[test]
fn what_costs_extra_goes_out_only_by_name() {
    let members = json!({"service_tier": "priority", "best_of": 9, "search_parameters": {}, "vendor": 1});
    assert_eq!(rest(members.clone(), &[], json!({})), json!({"vendor": 1}));
    // The words of llama.cpp, which go before `max_tokens` and `n`.
    assert_eq!(rest(json!({"n_predict": 9, "n_cmpl": 9, "vendor": 1}), &[], json!({})), json!({"vendor": 1}));
    let named = rest(members, &[], json!({"accepts": ["service_tier"]}));
    assert_eq!(named, json!({"service_tier": "default", "vendor": 1}));
    let searching = json!({"tools": [{"type": "browser_search"}]});
    assert_eq!(rest(searching.clone(), &[], json!({})), json!({}));
    assert_eq!(rest(searching.clone(), &[], json!({"tool_types": ["browser_search"]})), searching);
}

#[test]
fn a_member_that_another_spelling_disguises_does_not_go_out() {
    let members = json!({
        "MODEL": "b-large", "Max_Tokens": 900, "N": 128, "Service_Tier": "priority", "Stream": true,
        "me\u{17f}\u{17f}ages": [], "safePrompt": true, "vendor": 1,
    });
    assert_eq!(rest(members, &[], json!({})), json!({"safePrompt": true, "vendor": 1}));
}

#[test]
fn metadata_goes_only_where_the_provider_stores() {
    assert_eq!(rest(json!({"metadata": {"a": "b"}}), &[], json!({})), json!({}));
    let stored = json!({"metadata": {"a": "b"}, "store": true});
    assert_eq!(rest(stored.clone(), &[], json!({})), stored);
}

#[test]
fn reasoning_is_asked_for_in_each_form() {
    let ask = |reasoning: Value, quirks: Value| rest(json!({"reasoning": reasoning}), &[], quirks);
    let form = |name: &str| json!({"reasoning_member": name});
    assert_eq!(ask(json!({"effort": "xhigh"}), json!({})), json!({"reasoning_effort": "high"}));
    let more = json!({"extra_reasoning_efforts": ["none", "xhigh"]});
    assert_eq!(ask(json!({"effort": "max"}), more.clone()), json!({"reasoning_effort": "xhigh"}));
    assert_eq!(ask(json!({"enabled": false}), more), json!({"reasoning_effort": "none"}));
    assert_eq!(ask(json!({"enabled": true}), json!({})), json!({"reasoning_effort": "medium"}));
    assert_eq!(ask(json!({"exclude": true}), json!({})), json!({}));
    let budget = json!({"reasoning": {"max_tokens": 800}, "max_tokens": 1000});
    assert_eq!(rest(budget, &[], json!({}))["reasoning_effort"], "high");
    let whole = json!({"effort": "low", "exclude": true});
    assert_eq!(ask(whole.clone(), form("reasoning")), json!({"reasoning": whole}));
    assert_eq!(
        ask(json!({"effort": "low"}), form("thinking")),
        json!({"thinking": {"type": "enabled"}, "reasoning_effort": "low"})
    );
    assert_eq!(ask(json!({"effort": "none"}), form("thinking")), json!({"thinking": {"type": "disabled"}}));
    assert_eq!(
        ask(json!({"enabled": true}), form("reasoning_enabled")),
        json!({"reasoning": {"enabled": true}})
    );
    assert_eq!(
        ask(json!({"enabled": false}), form("chat_template_kwargs")),
        json!({"chat_template_kwargs": {"enable_thinking": false}})
    );
    assert_eq!(ask(json!({"effort": "low"}), form("none")), json!({}));
    assert_eq!(rest(json!({"reasoning_effort": "low"}), &["temperature"], json!({})), json!({}));
}

fn tool() -> Value {
    json!({"type": "function", "function": {"name": "f"}})
}

#[test]
fn tools_and_choices_follow_the_endpoint() {
    let members = json!({
        "tools": [{"type": "openrouter:datetime"},
                  {"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}],
        "tool_choice": "required", "parallel_tool_calls": false
    });
    let expected = json!({"tools": [tool()], "tool_choice": "required", "parallel_tool_calls": false});
    assert_eq!(rest(members.clone(), &[], json!({})), expected);
    assert_eq!(rest(members.clone(), &[], json!({"tool_choice_required": "any"}))["tool_choice"], "any");
    assert_eq!(
        rest(members.clone(), &["tools", "tool_choice"], json!({"forced_tool_choice": false}))
            .get("tool_choice"),
        None
    );
    assert_eq!(rest(members, &["temperature"], json!({})), json!({}));
    let own = json!({"tools": [{"type": "openrouter:datetime"}], "tool_choice": "auto"});
    assert_eq!(rest(own, &[], json!({})), json!({}));
}

#[test]
fn a_choice_among_allowed_tools_cuts_the_list_where_it_is_not_known() {
    let named = |name: &str| json!({"type": "function", "function": {"name": name}});
    let allowed = json!({"mode": "required", "tools": [named("g")]});
    let choice = json!({"type": "allowed_tools", "allowed_tools": allowed});
    let members = json!({"tools": [named("f"), named("g")], "tool_choice": choice});
    let cut = json!({"tools": [named("g")], "tool_choice": "required"});
    assert_eq!(rest(members.clone(), &[], json!({})), cut);
    assert_eq!(rest(members.clone(), &[], json!({"accepts": ["allowed_tools"]})), members);
    let flat = json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]});
    let cut = rest(json!({"tools": [named("f"), named("g")], "tool_choice": flat}), &[], json!({}));
    assert_eq!(cut, json!({"tools": [named("f")], "tool_choice": "auto"}));
}

#[test]
fn reasoning_gives_way_to_a_forced_tool_unless_it_was_asked_for() {
    let quirks = json!({"forced_tool_choice": "without_reasoning", "reasoning_member": "thinking"});
    let forced = rest(json!({"tools": [tool()], "tool_choice": "required"}), &[], quirks.clone());
    assert_eq!(
        (&forced["tool_choice"], &forced["thinking"]),
        (&json!("required"), &json!({"type": "disabled"}))
    );
    let asked = json!({"tools": [tool()], "tool_choice": "required", "reasoning": {"effort": "high"}});
    let asked = rest(asked, &[], quirks.clone());
    assert_eq!((asked.get("tool_choice"), &asked["thinking"]), (None, &json!({"type": "enabled"})));
    let free = rest(json!({"tools": [tool()], "tool_choice": "auto"}), &[], quirks);
    assert_eq!((&free["tool_choice"], free.get("thinking")), (&json!("auto"), None));
}

#[test]
fn a_schema_degrades_to_json_only_where_json_is_spoken_of() {
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {}}});
    let body =
        |text: &str| json!({"messages": [{"role": "user", "content": text}], "response_format": format});
    let taken = ["response_format", "structured_outputs"];
    assert_eq!(rest(body("x"), &taken, json!({})), json!({"response_format": format}));
    assert_eq!(rest(body("x"), &taken[1..], json!({})), json!({"response_format": format}));
    assert_eq!(
        rest(body("as JSON"), &taken[..1], json!({})),
        json!({"response_format": {"type": "json_object"}})
    );
    assert_eq!(rest(body("x"), &taken[..1], json!({})), json!({}));
}

fn history() -> Request {
    request(json!({"messages": [
        {"role": "developer", "content": [{"type": "text", "text": "d", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "name": "ann", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": "https://h/x"}]},
        {"role": "assistant", "content": "so", "reasoning": "hm", "annotations": [],
         "reasoning_details": [{"type": "reasoning.text", "text": "hm", "format": "unknown", "index": 0}],
         "tool_calls": [{"index": 0, "id": "call_long_identifier", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "call_long_identifier", "content": "r"}
    ]}))
}

/// The same turns with and without the client's body.
fn turns(quirks: Value) -> Value {
    let mut request = history();
    let passed = sent(&request, &[], quirks.clone())["messages"].take();
    request.original = None;
    assert_eq!(sent(&request, &[], quirks)["messages"], passed, "both ways give the same turns");
    passed
}

#[test]
fn turns_lose_what_the_dialect_does_not_know() {
    let call = json!({"id": "call_long_identifier", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let expected = json!([
        {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        {"role": "user", "name": "ann", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "https://h/x"}}]},
        {"role": "assistant", "content": "so", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_long_identifier", "content": "r"}
    ]);
    let mut found = turns(json!({}));
    // Text alone that had a marker is written as text by one way and as a part by the other.
    found[0]["content"] = json!([{"type": "text", "text": "d"}]);
    assert_eq!(found, expected);
}

#[test]
fn turns_follow_the_quirks() {
    let quirks = json!({
        "developer_role": "system", "names": "prefix", "tool_call_id_pattern": "mistral9",
        "keep_cache_control": true, "send_reasoning_back": "reasoning_content"
    });
    let found = turns(quirks);
    assert_eq!(found[0]["role"], "system");
    assert!(found[0]["content"][0]["cache_control"].is_object());
    assert_eq!(found[1]["content"][0]["text"], "ann: hi");
    assert_eq!(found[1].get("name"), None);
    let id = found[2]["tool_calls"][0]["id"].as_str().unwrap();
    assert_eq!((id.len(), found[3]["tool_call_id"].as_str().unwrap()), (9, id));
    assert_eq!(found[2]["reasoning_content"], "hm");
    assert_eq!(found[2].get("reasoning_details"), None);
    let always = json!({"send_reasoning_back": "reasoning_content", "always_send_reasoning_back": true});
    let mut silent = history();
    silent.original = None;
    silent.messages[2].reasoning.clear();
    let silent = sent(&silent, &[], always)["messages"].take();
    assert_eq!((&silent[2]["reasoning_content"], silent[1].get("reasoning_content")), (&json!(""), None));
    let details = turns(json!({"send_reasoning_back": "reasoning_details"}));
    assert_eq!(details[2]["reasoning_details"][0]["text"], "hm");
    let thinking = turns(json!({"send_reasoning_back": "thinking"}));
    assert_eq!(
        thinking[2]["content"],
        json!([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "so"}])
    );
}

#[test]
fn a_request_of_another_dialect_is_written_whole() {
    let members = json!({
        "tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "f"}}, "temperature": 0.5,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"z": 1, "a": 2}, "strict": true}},
        "stop": ["x"], "seed": 3, "n": 2, "top_logprobs": 2, "logprobs": true, "max_tokens": 4, "stream": true
    });
    let mut request = request(members);
    let passed = sent(&request, &[], json!({}));
    request.original = None;
    assert_eq!(sent(&request, &[], json!({})), passed);
}
