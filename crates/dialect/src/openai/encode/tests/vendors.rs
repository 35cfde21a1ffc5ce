//! What the vendors that speak this dialect are sent, with the quirks that a catalogue gives them.

use super::*;

/// A request in which every member stands that one of them refuses or wants otherwise.
fn asked() -> Value {
    json!({
        "messages": [
            {"role": "developer", "content": "d"},
            {"role": "user", "name": "ann", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": "so", "reasoning": "hm",
             "reasoning_details": [{"type": "reasoning.text", "text": "hm", "format": "unknown", "index": 0}]},
            {"role": "user", "content": "go on"}
        ],
        "max_completion_tokens": 50, "stream": true, "n": 2, "logprobs": true, "reasoning": {"effort": "xhigh"},
        "provider": {"order": ["x"]}, "models": ["a/b"], "plugins": [{"id": "web"}], "transforms": ["middle-out"],
        "service_tier": "priority", "search_parameters": {"mode": "on"}, "vendor": 1
    })
}

fn to(quirks: Value) -> (Value, Value) {
    let mut body = sent(&request(asked()), &[], quirks);
    let turns = body["messages"].take();
    let members = body.as_object_mut().unwrap();
    members.shift_remove("messages");
    (body, turns)
}

#[test]
fn azure_gets_what_reasoning_models_take() {
    let quirks = json!({"auth": "api-key", "max_tokens_member": "max_completion_tokens", "strict": true});
    let (body, turns) = to(quirks);
    let expected = json!({"model": "b-1", "max_completion_tokens": 50, "stream": true, "n": 2, "logprobs": true,
        "reasoning_effort": "high", "stream_options": {"include_usage": true}});
    assert_eq!(body, expected);
    assert_eq!((&turns[0]["role"], turns[2].get("reasoning")), (&json!("developer"), None));
}

#[test]
fn groq_gets_no_names_no_probabilities_and_one_choice() {
    let quirks = json!({"strict": true, "drop": ["logprobs", "top_logprobs", "logit_bias", "n"], "names": "prefix",
        "developer_role": "system"});
    let (body, turns) = to(quirks);
    let expected = json!({"model": "b-1", "max_tokens": 50, "stream": true, "reasoning_effort": "high",
        "stream_options": {"include_usage": true}});
    assert_eq!(body, expected);
    assert_eq!((&turns[1]["content"][0]["text"], turns[1].get("name")), (&json!("ann: hi"), None));
}

#[test]
fn deepseek_thinks_unless_told_otherwise_and_wants_its_thoughts_back() {
    let quirks = json!({"reasoning_member": "thinking", "reasoning_efforts": ["high", "max"],
        "developer_role": "system", "forced_tool_choice": "without_reasoning",
        "send_reasoning_back": "reasoning_content", "always_send_reasoning_back": true});
    let (body, turns) = to(quirks);
    assert_eq!((&body["thinking"], &body["reasoning_effort"]), (&json!({"type": "enabled"}), &json!("high")));
    assert_eq!((&turns[0]["role"], &turns[2]["reasoning_content"]), (&json!("system"), &json!("hm")));
}

#[test]
fn together_and_fireworks_take_their_own_members() {
    let (together, _) = to(json!({"reasoning_member": "reasoning_enabled", "developer_role": "system"}));
    assert_eq!((&together["reasoning"], &together["vendor"]), (&json!({"enabled": true}), &json!(1)));
    let add = json!({"context_length_exceeded_behavior": "error"});
    let (fireworks, _) = to(json!({"add": add, "developer_role": "system"}));
    assert_eq!(fireworks["context_length_exceeded_behavior"], "error");
}

#[test]
fn an_aggregator_gets_reasoning_and_markers_whole_but_no_routing() {
    let quirks = json!({"reasoning_member": "reasoning", "send_reasoning_back": "reasoning_details",
        "keep_cache_control": true, "add": {"transforms": []}});
    let (body, turns) = to(quirks);
    let expected = json!({"model": "b-1", "n": 2, "logprobs": true, "vendor": 1, "max_tokens": 50,
        "reasoning": {"effort": "xhigh"}, "stream": true, "stream_options": {"include_usage": true}, "transforms": []});
    assert_eq!(body, expected);
    assert_eq!(turns[1]["content"][0]["cache_control"], json!({"type": "ephemeral"}));
    assert_eq!(turns[2]["reasoning_details"][0]["text"], "hm");
}

#[test]
fn servers_of_open_models_get_thoughts_and_switches_their_way() {
    let quirks = json!({"reasoning_member": "chat_template_kwargs", "send_reasoning_back": "reasoning",
        "developer_role": "system"});
    let (body, turns) = to(quirks);
    assert_eq!(body["chat_template_kwargs"], json!({"enable_thinking": true}));
    assert_eq!(turns[2]["reasoning"], "hm");
    assert_eq!((body.get("service_tier"), body.get("search_parameters")), (None, None));
}
