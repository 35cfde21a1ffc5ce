//! What each family of models is asked in its own words.

use serde_json::{Value, json};

use super::{body, try_encode};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA_2: &str = "global.amazon.nova-2-lite-v1:0";
const GPT_OSS: &str = "openai.gpt-oss-120b-1:0";

fn with(members: Value, model: &str, quirks: Value) -> Value {
    let mut chat = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    chat.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body(&chat, model, &quirks)
}

fn fields(members: Value, model: &str, quirks: Value) -> Value {
    with(members, model, quirks)["additionalModelRequestFields"].take()
}

#[test]
fn claude_thinks_as_its_maker_says() {
    let asked =
        json!({"max_tokens": 4_000, "reasoning": {"effort": "medium"}, "temperature": 0.3, "top_k": 5});
    let written = with(asked, CLAUDE, json!({}));
    assert_eq!(written["inferenceConfig"], json!({"maxTokens": 4_000}));
    let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 2_000}});
    assert_eq!(written["additionalModelRequestFields"], thinking);
    let adaptive = json!({"adaptive_thinking": true, "extra_reasoning_efforts": ["max"]});
    let written = fields(json!({"reasoning": {"effort": "max"}}), CLAUDE, adaptive);
    assert_eq!(written["thinking"]["type"], "adaptive");
    assert_eq!(written["output_config"], json!({"effort": "max"}));
    let plain = with(json!({"temperature": 0.3, "top_k": 5}), CLAUDE, json!({}));
    assert_eq!(plain["inferenceConfig"], json!({"maxTokens": 8_192, "temperature": 0.3}));
    assert_eq!(plain["additionalModelRequestFields"], json!({"top_k": 5}));
    let always = json!({"adaptive_thinking": true, "reasoning_always_on": true});
    let off = json!({"model": "m", "reasoning": {"effort": "none"}, "messages": [{"role": "user", "content": "Hi"}]});
    assert!(try_encode(&off, CLAUDE, &always).unwrap_err().message.contains("always reasons"));
}

#[test]
fn claude_calls_one_tool_at_a_time_where_it_can_be_told() {
    let tool = json!({"type": "function", "function": {"name": "f"}});
    let asked = |choice: &str| json!({"tools": [tool], "tool_choice": choice, "parallel_tool_calls": false});
    let expected = json!({"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}});
    assert_eq!(fields(asked("auto"), CLAUDE, json!({})), expected);
    assert_eq!(fields(asked("required"), CLAUDE, json!({})), Value::Null);
    let old = "us.anthropic.claude-3-5-haiku-20241022-v1:0";
    assert_eq!(fields(asked("auto"), old, json!({})), Value::Null);
    assert_eq!(fields(json!({"parallel_tool_calls": false}), CLAUDE, json!({})), Value::Null);
}

#[test]
fn claude_gets_the_features_that_are_known() {
    let asked = json!({"anthropic_beta": ["one-2025", "two-2025"]});
    let all = fields(asked.clone(), CLAUDE, json!({}));
    assert_eq!(all["anthropic_beta"], json!(["one-2025", "two-2025"]));
    assert_eq!(fields(asked, CLAUDE, json!({"betas": ["two-2025"]}))["anthropic_beta"], json!(["two-2025"]));
}

#[test]
fn the_length_of_a_conversation_does_not_change_how_claude_thinks() {
    let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}});
    let chat = |details: Value| {
        json!({"model": "m", "max_tokens": 4_000, "reasoning": {"effort": "low"}, "messages": [
            {"role": "user", "content": "long ".repeat(1_000)},
            {"role": "assistant", "tool_calls": [call], "reasoning_details": details},
            {"role": "tool", "tool_call_id": "a", "content": "done"}
        ]})
    };
    let signed = json!([{"type": "reasoning.text", "text": "Hm", "signature": "c2ln", "format": "anthropic-claude-v1"}]);
    let thinks = body(&chat(signed), CLAUDE, &json!({}));
    assert_eq!(thinks["additionalModelRequestFields"]["thinking"]["type"], "enabled");
    let expected = json!({"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}});
    assert_eq!(thinks["messages"][1]["content"][0], expected);
    let unsigned = body(&chat(json!([])), CLAUDE, &json!({}));
    assert_eq!(unsigned.get("additionalModelRequestFields"), None);
}

#[test]
fn nova_reasons_within_its_limit() {
    let config = |asked: Value| fields(asked, NOVA_2, json!({}))["reasoningConfig"].clone();
    let enabled = |effort: &str| json!({"type": "enabled", "maxReasoningEffort": effort});
    assert_eq!(config(json!({"reasoning": {"effort": "low"}})), enabled("low"));
    assert_eq!(config(json!({"reasoning": {"effort": "none"}})), json!({"type": "disabled"}));
    assert_eq!(config(json!({"reasoning": {"effort": "high"}, "max_tokens": 500})), enabled("medium"));
    let free = with(json!({"reasoning": {"effort": "high"}, "temperature": 0.5}), NOVA_2, json!({}));
    assert_eq!(free["additionalModelRequestFields"]["reasoningConfig"], enabled("high"));
    assert_eq!(free.get("inferenceConfig"), None);
    assert_eq!(
        fields(json!({"reasoning": {"effort": "low"}}), "amazon.nova-lite-v1:0", json!({})),
        Value::Null
    );
}

#[test]
fn efforts_are_those_that_the_model_knows() {
    let effort = |asked: &str, quirks: Value| {
        fields(json!({"reasoning": {"effort": asked}}), GPT_OSS, quirks)["reasoning_effort"].clone()
    };
    assert_eq!(effort("high", json!({})), "high");
    assert_eq!(effort("minimal", json!({})), "low");
    assert_eq!(effort("none", json!({})), "low");
    assert_eq!(effort("none", json!({"extra_reasoning_efforts": ["none"]})), "none");
    assert_eq!(effort("max", json!({"extra_reasoning_efforts": ["xhigh"]})), "xhigh");
    assert_eq!(effort("high", json!({"reasoning_member": "none"})), Value::Null);
    let profile = fields(json!({"reasoning": {"effort": "low"}}), "abc123", json!({"family": "openai"}));
    assert_eq!(profile, json!({"reasoning_effort": "low"}));
}

#[test]
fn reasoning_goes_back_to_those_who_signed_it_or_take_it() {
    let details = json!([
        {"type": "reasoning.text", "text": "mine", "format": "unknown"},
        {"type": "reasoning.encrypted", "data": "aGlkZGVu", "format": "anthropic-claude-v1"}
    ]);
    let chat = json!({"model": "m", "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes", "reasoning_details": details},
        {"role": "user", "content": "So?"}
    ]});
    let turn = |model: &str, quirks: Value| body(&chat, model, &quirks)["messages"][1]["content"].clone();
    assert_eq!(turn(GPT_OSS, json!({})), json!([{"text": "Yes"}]));
    let open = json!([{"reasoningContent": {"reasoningText": {"text": "mine"}}}, {"text": "Yes"}]);
    assert_eq!(turn(GPT_OSS, json!({"send_reasoning_back": true})), open);
    let hidden = json!([{"reasoningContent": {"redactedContent": "YUdsa1pHVnU="}}, {"text": "Yes"}]);
    assert_eq!(turn(CLAUDE, json!({})), hidden);
}

#[test]
fn a_schema_becomes_a_tool_where_nothing_speaks_against_it() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let config = |members: Value, model: &str, quirks: Value| {
        let mut asked = json!({"response_format": format});
        asked.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        with(asked, model, quirks)["toolConfig"].take()
    };
    for (model, choice) in [
        (CLAUDE, json!({"tool": {"name": "patchbay_structured_answer"}})),
        ("amazon.nova-pro-v1:0", json!({"tool": {"name": "patchbay_structured_answer"}})),
        ("mistral.mistral-large-2407-v1:0", json!({"any": {}})),
    ] {
        let written = config(json!({}), model, json!({}));
        assert_eq!(written["toolChoice"], choice, "{model}");
        assert_eq!(written["tools"][0]["toolSpec"]["inputSchema"]["json"], schema);
    }
    assert_eq!(config(json!({}), CLAUDE, json!({"structured_outputs": true})), Value::Null);
    assert_eq!(config(json!({}), "us.meta.llama3-3-70b-instruct-v1:0", json!({})), Value::Null);
    assert_eq!(config(json!({"reasoning": {"effort": "low"}}), CLAUDE, json!({})), Value::Null);
    assert_eq!(config(json!({"reasoning": {"effort": "low"}}), NOVA_2, json!({})), Value::Null);
    let tool = json!({"type": "function", "function": {"name": "f"}});
    assert_eq!(config(json!({"tools": [tool]}), CLAUDE, json!({})).get("toolChoice"), None);
    let begun =
        json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "{"}]});
    assert_eq!(config(begun, CLAUDE, json!({})), Value::Null);
    let reserved = json!({"type": "function", "function": {"name": "patchbay_structured_answer"}});
    let chat = json!({"model": "m", "tools": [reserved], "messages": [{"role": "user", "content": "Hi"}]});
    assert!(try_encode(&chat, NOVA_2, &json!({})).unwrap_err().message.contains("reserved"));
}
