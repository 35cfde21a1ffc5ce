//! How reasoning is asked for and how it comes back.

use serde_json::{Value, json};

use super::requests::{body, try_encode};

fn chat(members: Value) -> Value {
    let mut chat =
        json!({"model": "m", "max_tokens": 8_000, "messages": [{"role": "user", "content": "Hi"}]});
    chat.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    chat
}

/// The `thinking` and `output_config` members.
fn thinking(members: Value, quirks: Value) -> (Value, Value) {
    let mut written = body(chat(members), quirks);
    (written["thinking"].take(), written["output_config"].take())
}

fn budget(members: Value) -> Value {
    thinking(members, json!({})).0["budget_tokens"].clone()
}

#[test]
fn efforts_are_shares_of_the_limit() {
    let of = |effort: &str| budget(json!({"reasoning": {"effort": effort}}));
    assert_eq!(of("max"), 7_600);
    assert_eq!(of("high"), 6_400);
    assert_eq!(of("medium"), 4_000);
    assert_eq!(of("low"), 1_600);
    assert_eq!(of("minimal"), 1_024);
    assert_eq!(of("none"), json!(null));
    assert_eq!(budget(json!({"reasoning": {"enabled": true}})), 4_000);
    assert_eq!(budget(json!({"reasoning_effort": "low"})), 1_600);
    assert_eq!(budget(json!({})), json!(null));
}

#[test]
fn budgets_stay_below_the_limit() {
    let of = |budget_tokens: u64, limit: u64| {
        budget(json!({"max_tokens": limit, "reasoning": {"max_tokens": budget_tokens}}))
    };
    assert_eq!(of(2_000, 8_000), 2_000);
    assert_eq!(of(10, 8_000), 1_024);
    assert_eq!(of(9_000, 8_000), 7_999);
    assert_eq!(of(2_000, 1_024), json!(null));
}

#[test]
fn thinking_leaves_little_sampling() {
    let written = body(
        chat(json!({"reasoning": {"effort": "low"}, "temperature": 0.2, "top_k": 3, "top_p": 0.96})),
        json!({}),
    );
    assert_eq!((written.get("temperature"), written.get("top_k")), (None, None));
    assert_eq!(written["top_p"], 0.96);
}

#[test]
fn thinking_gives_way_to_what_it_cannot_go_with() {
    let forced = json!({"reasoning": {"effort": "low"}, "tool_choice": "required",
        "tools": [{"type": "function", "function": {"name": "f"}}]});
    assert_eq!(budget(forced), json!(null));
    let prefilled = json!({"reasoning": {"effort": "low"}, "messages": [
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "I"}]});
    assert_eq!(budget(prefilled), json!(null));
    let foreign_call = json!({"reasoning": {"effort": "low"}, "messages": tool_turn(json!([]))});
    assert_eq!(budget(foreign_call), json!(null));
    let own_call = json!({"reasoning": {"effort": "low"}, "messages": tool_turn(json!([
        {"type": "reasoning.text", "text": "t", "signature": "s", "format": "anthropic-claude-v1"}]))});
    assert_eq!(budget(own_call), 1_600);
}

fn tool_turn(details: Value) -> Value {
    json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Well", "reasoning_details": details, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "x"}
    ])
}

#[test]
fn adaptive_models_get_an_effort() {
    let quirks = json!({"adaptive_thinking": true, "extra_reasoning_efforts": ["max"]});
    let of = |reasoning: Value| thinking(json!({"reasoning": reasoning}), quirks.clone());
    let shown = json!({"type": "adaptive", "display": "summarized"});
    assert_eq!(of(json!({"effort": "medium"})), (shown.clone(), json!({"effort": "medium"})));
    assert_eq!(of(json!({"effort": "minimal"})).1, json!({"effort": "low"}));
    assert_eq!(of(json!({"effort": "xhigh"})).1, json!({"effort": "high"}));
    assert_eq!(of(json!({"effort": "max"})).1, json!({"effort": "max"}));
    assert_eq!(of(json!({"max_tokens": 6_000})), (shown, json!({"effort": "high"})));
    let hidden = json!({"type": "adaptive", "display": "omitted"});
    assert_eq!(of(json!({"effort": "low", "exclude": true})).0, hidden);
    assert_eq!(of(json!({"effort": "none"})), (json!({"type": "disabled"}), json!(null)));
    assert_eq!(of(json!({"exclude": true})), (json!(null), json!(null)));
}

#[test]
fn models_that_always_reason_cannot_be_stopped() {
    let quirks = json!({"adaptive_thinking": true, "reasoning_always_on": true});
    let refused = try_encode(chat(json!({"reasoning": {"effort": "none"}})), quirks.clone(), &["reasoning"])
        .unwrap_err();
    assert!(refused.message.contains("always reasons"), "{refused}");
    assert_eq!(thinking(json!({}), quirks.clone()), (json!(null), json!(null)));
    let asked = thinking(json!({"include_reasoning": true}), quirks);
    assert_eq!(asked.0, json!({"type": "adaptive", "display": "summarized"}));
}

#[test]
fn verbosity_is_an_effort_where_the_model_has_one() {
    let written = |takes: &[&str]| -> Value {
        let encoded = try_encode(chat(json!({"verbosity": "low"})), json!({}), takes).unwrap();
        serde_json::from_slice(&encoded.body).unwrap()
    };
    assert_eq!(written(&["verbosity"])["output_config"], json!({"effort": "low"}));
    assert_eq!(written(&["max_tokens"]).get("output_config"), None);
}

#[test]
fn signed_reasoning_returns_first_and_unchanged() {
    let details = json!([
        {"type": "reasoning.encrypted", "data": "sealed", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.text", "text": "I think", "signature": "sig", "format": "anthropic-claude-v1", "index": 1},
        {"type": "reasoning.text", "signature": "sig2", "format": "anthropic-claude-v1", "index": 2},
        {"type": "reasoning.text", "text": "unsigned", "format": "anthropic-claude-v1", "index": 3},
        {"type": "reasoning.encrypted", "data": "not ours", "format": "google-gemini-v1", "id": "a", "index": 4}
    ]);
    let written = body(chat(json!({"messages": tool_turn(details)})), json!({}));
    let expected = json!([
        {"type": "redacted_thinking", "data": "sealed"},
        {"type": "thinking", "thinking": "I think", "signature": "sig"},
        {"type": "thinking", "thinking": "", "signature": "sig2"},
        {"type": "text", "text": "Well"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    ]);
    assert_eq!(written["messages"][1]["content"], expected);
}

#[test]
fn the_providers_own_words_pass() {
    let native = json!({"type": "enabled", "budget_tokens": 2_048});
    let written = body(chat(json!({"thinking": native, "temperature": 0.5})), json!({}));
    assert_eq!((&written["thinking"], written.get("temperature")), (&native, None));
}
