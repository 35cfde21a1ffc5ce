//! What clients of this dialect ask, as the provider gets it.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::anthropic::Anthropic;
use crate::canonical::Task;
use crate::client::Dialect;
use crate::codec::{Adapter as _, AuthStyle, Encoded, Target};
use crate::error::BadRequest;

/// Writes a body for a model with `quirks` and room for 8,192 tokens, within a limit that was paid for.
fn try_encode(body: &str, paid: Option<u64>, quirks: Value, takes: &[&str]) -> Result<Encoded, BadRequest> {
    let Task::Chat(mut request) = Dialect::Messages.decode(&Bytes::from(body.to_owned())).unwrap() else {
        panic!("not a conversation");
    };
    request.max_tokens = paid.or(request.max_tokens);
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
    Anthropic.encode(&Task::Chat(request), &target)
}

fn asking(members: Value) -> Value {
    let mut body = json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn written_for(members: Value, quirks: Value, takes: &[&str]) -> Value {
    let encoded = try_encode(&asking(members).to_string(), None, quirks, takes).unwrap();
    serde_json::from_slice(&encoded.body).unwrap()
}

fn written(members: Value, quirks: Value) -> Value {
    written_for(members, quirks, &[])
}

/// One member of what is written.
fn member(name: &str, members: Value, quirks: Value) -> Value {
    written(members, quirks)[name].take()
}

#[test]
fn only_the_envelope_is_touched() {
    let messages = r#"[ {"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral","ttl":"1h"}},
        {"type":"later","n":1.50}]}, {"role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":"SIG"},
        {"type":"text","text":"Yes"}]},{"role":"user","content":"So?"}]"#;
    let body = format!(
        r#"{{"later":{{"z":1,"a":[ 2.0 ]}},"model":"m","max_tokens":9000,"messages":{messages},"stream":true,
        "system":[{{"type":"text","text":"Be brief."}}],"metadata":{{"user_id":"user-42"}},"user":"user-43",
        "provider":{{"only":["x"]}},"plugins":[],"session_id":"s","fallbacks":[{{"model":"x"}}],
        "thread":{{"type":"create"}},"trace":{{}},
        "anthropic_beta":["one"],"anthropic_version":"2026-10-21","MODEL":"other","Max_Tokens":9,"top_k":null}}"#
    );
    let encoded = try_encode(&body, None, json!({}), &[]).unwrap();
    assert_eq!((encoded.path.as_str(), encoded.auth), ("/v1/messages", AuthStyle::XApiKey));
    let headers: Vec<_> =
        encoded.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(headers, [("anthropic-version", "2023-06-01"), ("anthropic-beta", "one")]);
    let text = std::str::from_utf8(&encoded.body).unwrap();
    let (before, after) = text.split_once(messages).unwrap();
    assert_eq!(before, r#"{"later":{"z":1,"a":[ 2.0 ]},"model":"claude-1","max_tokens":8192,"messages":"#);
    let (system, metadata) = after.split_once(r#","metadata":{"user_id":""#).unwrap();
    assert_eq!(system, r#","stream":true,"system":[{"type":"text","text":"Be brief."}]"#);
    assert!(metadata.ends_with(r#""}}"#) && metadata.len() == 64 + 3 && !metadata.contains("user-4"));
}

#[test]
fn endpoints_differ_by_their_quirks() {
    let encode =
        |quirks: Value| try_encode(&asking(json!({"later": 1})).to_string(), None, quirks, &[]).unwrap();
    for (auth, expected) in
        [("bearer", AuthStyle::Bearer), ("api-key", AuthStyle::ApiKey), ("none", AuthStyle::None)]
    {
        let encoded = encode(json!({"auth": auth, "path": "/messages?v=1"}));
        assert_eq!((encoded.path.as_str(), encoded.auth), ("/messages?v=1", expected));
    }
    assert_eq!(member("later", json!({"later": 1}), json!({"drop": ["later"]})), json!(null));
}

#[test]
fn the_limit_is_never_above_what_was_paid_for() {
    let limit = |members: Value, paid: Option<u64>| {
        let encoded = try_encode(&asking(members).to_string(), paid, json!({}), &[]).unwrap();
        serde_json::from_slice::<Value>(&encoded.body).unwrap()["max_tokens"].clone()
    };
    assert_eq!(limit(json!({}), None), 100);
    assert_eq!(limit(json!({"max_tokens": null}), None), 8_192);
    assert_eq!(limit(json!({}), Some(40)), 40);
}

#[test]
fn what_costs_extra_goes_out_only_by_name() {
    let costly = json!({
        "speed": "fast", "mcp_servers": [{"type": "url"}], "container": "c", "inference_geo": "us", "n": 3,
        "workspace_id": "w", "service_tier": "auto"
    });
    let plain = written(costly.clone(), json!({}));
    assert_eq!(
        plain,
        json!({"model": "claude-1", "max_tokens": 100, "messages": asking(json!({}))["messages"]})
    );
    let accepted = written(costly, json!({"accepts": ["speed", "container"]}));
    assert_eq!((&accepted["speed"], &accepted["container"]), (&json!("fast"), &json!("c")));
    assert_eq!(accepted.get("n"), None);
    assert_eq!(member("service_tier", json!({"service_tier": "standard_only"}), json!({})), "standard_only");
}

#[test]
fn context_may_be_cleared_but_not_worked_on() {
    let clear = json!({"type": "clear_tool_uses_20250919", "keep": {"type": "tool_uses", "value": 3}});
    let both = json!({"edits": [clear, {"type": "compact_20260112"}]});
    let managed = |edits: Value, quirks: Value| {
        member("context_management", json!({"context_management": edits}), quirks)
    };
    assert_eq!(managed(both.clone(), json!({})), json!({"edits": [clear]}));
    assert_eq!(managed(both.clone(), json!({"accepts": ["context_management"]})), both);
    assert_eq!(managed(json!({"edits": [{"type": "compact_20260112"}]}), json!({})), json!(null));
    assert_eq!(managed(json!(5), json!({})), json!(null));
}

#[test]
fn tools_that_the_provider_runs_need_to_be_accepted() {
    let own = json!({"name": "f", "input_schema": {"type": "object"}, "strict": true, "defer_loading": false,
        "allowed_callers": ["code_execution_20260120"]});
    let bash = json!({"type": "bash_20250124", "name": "bash"});
    let search = json!({"type": "web_search_20250305", "name": "web_search", "max_uses": 2});
    let code = json!({"type": "code_execution_20260120", "name": "code_execution"});
    let all = json!([own, bash, search, code, {"type": "openrouter:datetime"}]);
    let tools = |quirks: Value| member("tools", json!({"tools": all}), quirks);
    let mut alone = own.clone();
    alone.as_object_mut().unwrap().shift_remove("allowed_callers");
    assert_eq!(tools(json!({})), json!([alone, bash]));
    let types = json!({"tool_types": ["web_search_20250305", "code_execution_20260120"]});
    assert_eq!(tools(types), json!([own, bash, search, code]));
    let none = written(json!({"tools": [search], "tool_choice": {"type": "any"}}), json!({}));
    assert_eq!((none.get("tools"), none.get("tool_choice")), (None, None));
    let untaken = written_for(json!({"tools": [own]}), json!({}), &["max_tokens"]);
    assert_eq!(untaken.get("tools"), None);
}

#[test]
fn tools_of_a_stream_are_eager() {
    let tool = |members: Value| {
        let mut tool = json!({"name": "f", "input_schema": {"type": "object"}});
        tool.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        tool
    };
    let eager = |tool_: Value, stream: bool, quirks: Value| {
        member("tools", json!({"tools": [tool_], "stream": stream}), quirks)[0]["eager_input_streaming"]
            .take()
    };
    assert_eq!(eager(tool(json!({})), true, json!({})), true);
    assert_eq!(eager(tool(json!({"eager_input_streaming": false})), true, json!({})), false);
    assert_eq!(eager(tool(json!({})), false, json!({})), json!(null));
    assert_eq!(eager(tool(json!({"strict": true})), true, json!({})), json!(null));
    assert_eq!(eager(tool(json!({})), true, json!({"eager_input_streaming": false})), json!(null));
    assert_eq!(eager(json!({"type": "bash_20250124", "name": "bash"}), true, json!({})), json!(null));
}

#[test]
fn a_choice_is_one_of_the_tools_that_are_left() {
    let choice = |choice: Value, quirks: Value| {
        let tools =
            json!([{"name": "f", "input_schema": {}}, {"type": "web_search_20250305", "name": "web_search"}]);
        member("tool_choice", json!({"tools": tools, "tool_choice": choice}), quirks)
    };
    let one = json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true});
    assert_eq!(choice(one.clone(), json!({})), one);
    let asked = json!({"type": "auto", "disable_parallel_tool_use": true});
    assert_eq!(choice(one, json!({"forced_tool_choice": false})), asked);
    assert_eq!(choice(json!({"type": "any"}), json!({"forced_tool_choice": false})), json!({"type": "auto"}));
    assert_eq!(choice(json!({"type": "tool", "name": "web_search"}), json!({})), json!({"type": "auto"}));
    assert_eq!(choice(json!({"type": "none"}), json!({})), json!({"type": "none"}));
}

#[test]
fn thinking_takes_the_form_that_the_model_knows() {
    let thinking = |members: Value, quirks: Value| {
        let mut members = members;
        members["max_tokens"] = json!(8_000);
        let mut written = written(members, quirks);
        (written["thinking"].take(), written["output_config"].take())
    };
    let newer = || json!({"adaptive_thinking": true, "extra_reasoning_efforts": ["max"]});
    let none = || (json!(null), json!(null));
    let budget = json!({"type": "enabled", "budget_tokens": 4_000, "later": 1});
    let adaptive = json!({"type": "adaptive", "display": "omitted"});
    assert_eq!(thinking(json!({}), json!({})), none());
    assert_eq!(thinking(json!({"thinking": budget}), json!({})), (budget.clone(), json!(null)));
    assert_eq!(thinking(json!({"thinking": adaptive}), newer()), (adaptive.clone(), json!(null)));
    let shown = json!({"type": "adaptive", "display": "summarized"});
    assert_eq!(thinking(json!({"thinking": {"type": "adaptive"}}), newer()).0, shown);
    let medium = json!({"effort": "medium"});
    assert_eq!(thinking(json!({"thinking": budget}), newer()), (shown.clone(), medium));
    let low = json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}});
    assert_eq!(
        thinking(low.clone(), json!({})),
        (json!({"type": "enabled", "budget_tokens": 1_600}), json!(null))
    );
    assert_eq!(thinking(low, newer()), (shown, json!({"effort": "low"})));
    let off = json!({"type": "disabled"});
    assert_eq!(thinking(json!({"thinking": off}), json!({})).0, off);
    let always = json!({"adaptive_thinking": true, "reasoning_always_on": true});
    let refused = try_encode(&asking(json!({"thinking": off})).to_string(), None, always, &[]);
    assert!(refused.unwrap_err().message.contains("always reasons"));
}

#[test]
fn efforts_are_those_of_the_model() {
    let config =
        |config: Value, quirks: Value| member("output_config", json!({"output_config": config}), quirks);
    let task = json!({"type": "tokens", "total": 20_000});
    let newer = json!({"adaptive_thinking": true});
    assert_eq!(
        config(json!({"effort": "max", "task_budget": task}), newer),
        json!({"effort": "high", "task_budget": task})
    );
    assert_eq!(config(json!({"effort": "max"}), json!({})), json!(null));
    let listed = written_for(json!({"output_config": {"effort": "low"}}), json!({}), &["verbosity"]);
    assert_eq!(listed["output_config"], json!({"effort": "low"}));
}

#[test]
fn a_budget_stays_below_a_limit_that_was_lowered() {
    let budget = |paid: u64| {
        let body =
            asking(json!({"max_tokens": 8_000, "thinking": {"type": "enabled", "budget_tokens": 4_000}}));
        let encoded = try_encode(&body.to_string(), Some(paid), json!({}), &[]).unwrap();
        serde_json::from_slice::<Value>(&encoded.body).unwrap()["thinking"]["budget_tokens"].clone()
    };
    assert_eq!(
        [budget(8_000), budget(5_000), budget(3_000), budget(500)],
        [json!(4_000), json!(4_000), json!(2_999), json!(null)]
    );
    let interleaved = json!({"max_tokens": 2_000, "thinking": {"type": "enabled", "budget_tokens": 4_000}});
    assert_eq!(member("thinking", interleaved, json!({}))["budget_tokens"], 4_000);
}

#[test]
fn a_schema_goes_where_the_endpoint_takes_one() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}});
    let format = json!({"type": "json_schema", "schema": schema});
    let takes = ["max_tokens", "tools", "tool_choice", "reasoning"];
    for members in [json!({"output_config": {"format": format}}), json!({"output_format": format})] {
        let native = written_for(members.clone(), json!({}), &[&takes[..], &["structured_outputs"]].concat());
        assert_eq!((&native["output_config"], native.get("tools")), (&json!({"format": format}), None));
        assert_eq!(native.get("output_format"), None);
        let forced = written_for(members, json!({}), &takes);
        assert_eq!((forced.get("output_config"), forced.get("output_format")), (None, None));
        assert_eq!(forced["tools"][0]["input_schema"], schema);
        assert_eq!(forced["tool_choice"]["name"], forced["tools"][0]["name"]);
    }
    let tools = json!([{"name": "f", "input_schema": {}}]);
    let own = written_for(json!({"output_format": format, "tools": tools}), json!({}), &takes);
    assert_eq!((&own["tools"], own.get("tool_choice")), (&tools, None));
}

#[test]
fn sampling_is_what_the_model_takes() {
    let all = json!({"temperature": 1.5, "top_p": 0.9, "top_k": 5, "stop_sequences": ["END", " "]});
    let plain = written(all.clone(), json!({}));
    assert_eq!((&plain["temperature"], plain.get("top_p"), &plain["top_k"]), (&json!(1.0), None, &json!(5)));
    assert_eq!(plain["stop_sequences"], json!(["END"]));
    let none = written(all.clone(), json!({"sampling_params": false}));
    assert_eq!((none.get("temperature"), none.get("top_k")), (None, None));
    let untaken = written_for(all, json!({}), &["max_tokens"]);
    assert_eq!(
        untaken,
        json!({"model": "claude-1", "max_tokens": 100, "messages": asking(json!({}))["messages"]})
    );
}

/// A conversation in which other providers had a part.
#[test]
fn what_other_providers_left_behind_is_taken_away() {
    let ours = "patchbay.reasoning.v1.eyJ0eXBlIjoicmVhc29uaW5nLnRleHQiLCJmb3JtYXQiOiJ4In0=";
    let kept = json!({"type": "web_search_result_location", "url": "u", "encrypted_index": "E"});
    let made = json!({"type": "web_search_result_location", "url": "u", "encrypted_index": ""});
    let messages = json!([
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "a", "signature": ours},
            {"type": "thinking", "thinking": "b", "signature": ""},
            {"type": "redacted_thinking", "data": ours},
            {"type": "thinking", "thinking": "c", "signature": "SIG"},
            {"type": "redacted_thinking", "data": "DATA"},
            {"type": "text", "text": "d", "citations": [kept, made]},
            {"type": "text", "text": "e", "citations": [made]},
            {"type": "image", "source": {"type": "url", "url": "u"}},
            {"type": "tool_use", "id": "functions.f:0", "name": "f", "input": {"n": 1}, "later": 1}
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "functions.f:0", "content": "ok"},
            {"type": "image", "source": {"type": "url", "url": "u"}}
        ]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "f", "signature": ours}]},
        {"role": "user", "content": "And?"}
    ]);
    let expected = json!([
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "c", "signature": "SIG"},
            {"type": "redacted_thinking", "data": "DATA"},
            {"type": "text", "text": "d", "citations": [kept]},
            {"type": "text", "text": "e"},
            {"type": "tool_use", "id": "functions_f_0", "name": "f", "input": {"n": 1}, "later": 1}
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "functions_f_0", "content": "ok"},
            {"type": "image", "source": {"type": "url", "url": "u"}}
        ]},
        {"role": "user", "content": "And?"}
    ]);
    assert_eq!(member("messages", json!({"messages": messages}), json!({})), expected);
}

#[test]
fn a_call_without_its_thinking_is_answered_without_thinking() {
    let turns = |thinking: Value| {
        json!([
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": [thinking, {"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]}
        ])
    };
    let thinking = |messages: Value| {
        let budget = json!({"type": "enabled", "budget_tokens": 1_024});
        member("thinking", json!({"max_tokens": 4_000, "messages": messages, "thinking": budget}), json!({}))
    };
    let signed = json!({"type": "thinking", "thinking": "a", "signature": "SIG"});
    assert_eq!(thinking(turns(signed))["type"], "enabled");
    assert_eq!(thinking(turns(json!({"type": "text", "text": "Let me see"}))), json!(null));
}

#[test]
fn features_have_plain_names() {
    let header = |beta: Value| {
        let encoded = try_encode(&asking(json!({"anthropic_beta": beta})).to_string(), None, json!({}), &[])?;
        Ok::<_, BadRequest>(encoded.headers.get(1).map(|(_, value)| value.to_str().unwrap().to_owned()))
    };
    assert_eq!(header(json!("a-1, b_2,,a-1")).unwrap().as_deref(), Some("a-1,b_2"));
    assert_eq!(header(json!(["c.3"])).unwrap().as_deref(), Some("c.3"));
    assert_eq!(header(json!(5)).unwrap(), None);
    for wrong in [json!("a b"), json!("a\r\nx: y"), json!(["é"]), json!("x".repeat(200))] {
        assert!(header(wrong.clone()).is_err(), "{wrong}");
    }
    assert_eq!(
        header(json!("context-1m-2025-08-07")).unwrap(),
        None,
        "prompts of that length have another price"
    );
    let many: Vec<String> = (0..33).map(|n| format!("beta-{n}")).collect();
    assert!(header(json!(many)).unwrap_err().message.contains("at most 32"));
}
