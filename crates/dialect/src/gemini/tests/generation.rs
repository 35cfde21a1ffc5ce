//! The configuration of a generation.

use serde_json::{Value, json};

use super::requests::try_encode;

fn config_with(members: Value, model: &str, quirks: Value, takes: &[&str]) -> Value {
    let mut chat = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    chat.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let encoded = try_encode(chat, model, quirks, takes).unwrap();
    let mut written: Value = serde_json::from_slice(&encoded.body).unwrap();
    written["generationConfig"].take()
}

fn config(members: Value, model: &str) -> Value {
    config_with(members, model, json!({}), &[])
}

fn thinking(reasoning: Value, model: &str) -> Value {
    config(json!({"max_tokens": 10_000, "reasoning": reasoning}), model)["thinkingConfig"].clone()
}

fn schema() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"$schema": "x", "type": "object"}}})
}

#[test]
fn older_models_take_budgets() {
    let of = |effort: &str, model: &str| {
        thinking(json!({"effort": effort}), model)["thinkingBudget"].as_u64().unwrap()
    };
    assert_eq!(of("high", "gemini-2.5-flash"), 8_000);
    assert_eq!(of("minimal", "gemini-2.5-flash"), 1_000);
    assert_eq!(of("none", "gemini-2.5-flash"), 0);
    assert_eq!(of("none", "gemini-2.5-pro"), 128);
    let budget = |tokens: u64, model: &str| thinking(json!({"max_tokens": tokens}), model);
    assert_eq!(budget(90_000, "gemini-2.5-pro"), json!({"includeThoughts": true, "thinkingBudget": 32_768}));
    assert_eq!(budget(90_000, "gemini-2.5-flash")["thinkingBudget"], 24_576);
    assert_eq!(budget(100, "gemini-2.5-flash-lite")["thinkingBudget"], 512);
}

#[test]
fn newer_models_take_levels() {
    let of = |effort: &str, model: &str| thinking(json!({"effort": effort}), model)["thinkingLevel"].clone();
    assert_eq!(of("minimal", "gemini-3-flash-preview"), "MINIMAL");
    assert_eq!(of("none", "gemini-3-flash-preview"), "MINIMAL");
    assert_eq!(of("minimal", "gemini-3.1-pro-preview"), "LOW");
    assert_eq!(of("medium", "gemini-3.1-pro-preview"), "MEDIUM");
    assert_eq!(of("medium", "gemini-3-pro-preview"), "LOW");
    assert_eq!(of("max", "gemini-4-argon"), "HIGH");
    assert_eq!(of("high", "gemini-flash-latest"), "HIGH");
    let by_budget = thinking(json!({"max_tokens": 2_000}), "gemini-3-flash-preview");
    assert_eq!(by_budget, json!({"includeThoughts": true, "thinkingLevel": "LOW"}));
    let extra = json!({"extra_reasoning_efforts": ["xhigh"]});
    let reasoning = json!({"reasoning": {"effort": "max"}});
    let highest = config_with(reasoning, "gemini-4-argon", extra, &[]);
    assert_eq!(highest["thinkingConfig"]["thinkingLevel"], "XHIGH");
}

#[test]
fn thoughts_are_shown_when_reasoning_is_asked_for() {
    assert_eq!(thinking(json!(null), "gemini-2.5-pro"), json!(null));
    assert_eq!(thinking(json!({}), "gemini-2.5-pro"), json!({"includeThoughts": true}));
    assert_eq!(thinking(json!({"exclude": true}), "gemini-2.5-pro"), json!({"includeThoughts": false}));
    assert_eq!(thinking(json!({"effort": "low"}), "gemma-3-27b-it"), json!(null));
    let untaken = config_with(json!({"reasoning": {}}), "gemini-2.5-flash-image", json!({}), &["max_tokens"]);
    assert_eq!(untaken, json!(null));
    let always = json!({"reasoning_always_on": true});
    let off = json!({"model": "m", "reasoning": {"effort": "none"},
        "messages": [{"role": "user", "content": "Hi"}]});
    assert!(try_encode(off, "gemini-4-argon", always, &[]).unwrap_err().message.contains("always reasons"));
}

#[test]
fn answers_in_json_have_their_type_and_schema() {
    let format = |format: Value, model: &str| config(json!({"response_format": format}), model);
    assert_eq!(
        format(json!({"type": "json_object"}), "gemini-2.5-flash"),
        json!({"responseMimeType": "application/json"})
    );
    assert_eq!(
        format(schema(), "gemini-2.5-flash"),
        json!({"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}})
    );
    assert_eq!(format(json!({"type": "text"}), "gemini-2.5-flash"), json!(null));
    let both =
        json!({"response_format": schema(), "tools": [{"type": "function", "function": {"name": "f"}}]});
    assert_eq!(config(both.clone(), "gemini-2.5-flash"), json!(null));
    assert_eq!(config(both, "gemini-3-flash-preview")["responseMimeType"], "application/json");
}

#[test]
fn sampling_follows_the_endpoint() {
    let asked = json!({"temperature": 1.0, "top_p": 0.5, "seed": 5_000_000_000_i64, "stop": ["a", "b"]});
    let quirky = config_with(asked.clone(), "gemini-3.6-flash", json!({"sampling_params": false}), &["stop"]);
    assert_eq!(quirky, json!({"stopSequences": ["a", "b"]}));
    let folded = config(asked, "gemini-2.5-flash")["seed"].as_i64().unwrap();
    assert_eq!(folded, 5_000_000_000 % i64::from(i32::MAX));
}

#[test]
fn logprobs_and_pictures_can_be_asked_for() {
    let asked = json!({"logprobs": true, "top_logprobs": 3});
    assert_eq!(config(asked, "gemini-2.5-flash"), json!({"responseLogprobs": true, "logprobs": 3}));
    let pictures = json!({"modalities": ["text", "image"], "image_config": {"aspect_ratio": "16:9", "x": 1}});
    assert_eq!(
        config(pictures, "gemini-2.5-flash-image"),
        json!({"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "16:9"}})
    );
}

#[test]
fn a_voice_can_be_chosen_in_a_conversation() {
    let spoken = json!({"modalities": ["audio"], "audio": {"voice": "Kore", "format": "pcm16"}});
    let voice = json!({"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}});
    assert_eq!(
        config(spoken, "gemini-2.5-flash-preview-tts"),
        json!({"responseModalities": ["AUDIO"], "speechConfig": voice})
    );
}
