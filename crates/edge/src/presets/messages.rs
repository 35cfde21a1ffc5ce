//! From Anthropic's Messages into the words of chat, and back.

use dialect::client::Dialect;
use serde_json::{Map, Value, json};

use super::{shared, tools};

/// What a schema goes by where chat needs a name.
const SCHEMA: &str = "answer";

/// What a body sets, in the words of chat.
pub(super) fn config(mut sent: Map<String, Value>) -> Map<String, Value> {
    let mut config = Map::new();
    let mut put =
        |name: &str, value: Option<Value>| config.extend(value.map(|value| (name.to_owned(), value)));
    put("stop", sent.remove("stop_sequences"));
    if let Some(Value::Array(fallbacks)) = sent.remove("fallbacks") {
        let models: Vec<Value> = fallbacks.into_iter().map(|fallback| fallback["model"].clone()).collect();
        put("models", (!models.is_empty()).then(|| models.into()));
    }
    if let Some(Value::Array(list)) = sent.remove("tools") {
        put("tools", Some(list.into_iter().map(tools::of_messages).collect()));
    }
    if let Some(choice) = sent.remove("tool_choice") {
        put("tool_choice", choice_in_chat(&choice));
        put("parallel_tool_calls", (choice["disable_parallel_tool_use"] == true).then(|| json!(false)));
    }
    let output = sent.remove("output_config").unwrap_or_default();
    let format = [output["format"].clone(), sent.remove("output_format").unwrap_or_default()];
    let schema = format.into_iter().map(|format| format["schema"].clone()).find(|schema| !schema.is_null());
    put(
        "response_format",
        schema
            .map(|schema| json!({"type": "json_schema", "json_schema": {"name": SCHEMA, "schema": schema}})),
    );
    put("reasoning", reasoning(sent.remove("thinking").as_ref(), output.get("effort")));
    put("service_tier", tier(sent.remove("service_tier"), sent.remove("speed").as_ref()));
    sent.extend(config);
    sent
}

/// The members of a preset that a request leaves open, in the words of Messages.
pub(super) fn members(config: &Map<String, Value>, has: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let is_open = |name: &str| match name {
        "models" => !has("fallbacks"),
        "service_tier" => !has("speed"),
        _ => true,
    };
    let same = config.iter().filter(|(name, _)| shared::is_same(Dialect::Messages, name) && is_open(name));
    let mut members: Map<String, Value> = same.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut put =
        |name: &str, value: Option<Value>| members.extend(value.map(|value| (name.to_owned(), value)));
    put(
        "stop_sequences",
        config.get("stop").map(|stop| match stop {
            Value::String(one) => json!([one]),
            many => many.clone(),
        }),
    );
    if let Some(Value::Array(list)) = config.get("tools") {
        put("tools", Some(list.iter().map(tools::in_messages).collect()));
    }
    put("tool_choice", choice_in_messages(config));
    let mut output = Map::new();
    if !has("output_config") {
        if !has("thinking") {
            let (thinking, effort) = config.get("reasoning").map_or((None, None), thinking);
            put("thinking", thinking);
            output.extend(effort.map(|effort| ("effort".to_owned(), effort)));
        }
        if !has("output_format") {
            output.extend(config.get("response_format").and_then(format));
        }
    }
    put("output_config", (!output.is_empty()).then_some(Value::Object(output)));
    members
}

fn choice_in_chat(choice: &Value) -> Option<Value> {
    match choice["type"].as_str()? {
        "any" => Some(json!("required")),
        "tool" => Some(json!({"type": "function", "function": {"name": choice["name"]}})),
        word => Some(json!(word)),
    }
}

/// Whether several tools may be called at once is part of the choice.
fn choice_in_messages(config: &Map<String, Value>) -> Option<Value> {
    let mut choice = match config.get("tool_choice") {
        None => None,
        Some(Value::String(word)) if word == "required" => Some(json!({"type": "any"})),
        Some(Value::String(word)) => Some(json!({"type": word})),
        Some(choice) => choice["function"]["name"].as_str().map(|name| json!({"type": "tool", "name": name})),
    };
    let one_at_a_time = config.get("parallel_tool_calls").and_then(Value::as_bool) == Some(false);
    if one_at_a_time && (choice.is_some() || config.contains_key("tools")) {
        let choice = choice.get_or_insert_with(|| json!({"type": "auto"}));
        if choice["type"] != "none" {
            choice["disable_parallel_tool_use"] = json!(true);
        }
    }
    choice
}

/// `service_tier`, else `speed`, as routing knows them.
fn tier(tier: Option<Value>, speed: Option<&Value>) -> Option<Value> {
    match tier {
        Some(word) if word == "standard" || word == "standard_only" => Some(json!("default")),
        Some(word) => Some(word),
        None => speed.filter(|speed| *speed == "fast").map(|_| json!("priority")),
    }
}

fn reasoning(thinking: Option<&Value>, effort: Option<&Value>) -> Option<Value> {
    let effort = effort.filter(|effort| !effort.is_null());
    let Some(thinking) = thinking else { return effort.map(|effort| json!({"effort": effort})) };
    let mut reasoning = match (thinking["type"].as_str()?, effort) {
        ("enabled", _) => json!({"max_tokens": thinking["budget_tokens"]}),
        ("adaptive", Some(effort)) => json!({"effort": effort}),
        ("adaptive", None) => json!({"enabled": true}),
        _ => json!({"enabled": false}),
    };
    if thinking["display"] == "omitted" {
        reasoning["exclude"] = json!(true);
    }
    Some(reasoning)
}

/// `thinking` and the effort of `output_config`.
fn thinking(reasoning: &Value) -> (Option<Value>, Option<Value>) {
    let disabled = || Some(json!({"type": "disabled"}));
    let effort = match reasoning["effort"].as_str() {
        Some("none") => return (disabled(), None),
        // Messages has no word for less.
        Some("minimal") => Some(json!("low")),
        Some(word) => Some(json!(word)),
        None => None,
    };
    let budget = reasoning["max_tokens"].as_u64();
    let mut thinking = match (budget, reasoning["enabled"].as_bool()) {
        (Some(0), _) | (_, Some(false)) => return (disabled(), None),
        (Some(budget), _) => Some(json!({"type": "enabled", "budget_tokens": budget})),
        (None, Some(true)) => Some(json!({"type": "adaptive"})),
        (None, None) => None,
    };
    if reasoning["exclude"] == true {
        thinking.get_or_insert_with(|| json!({"type": "adaptive"}))["display"] = json!("omitted");
    }
    (thinking, effort)
}

/// The format of `output_config`, which is a schema or nothing.
fn format(format: &Value) -> Option<(String, Value)> {
    let schema = format["json_schema"].get("schema")?;
    Some(("format".to_owned(), json!({"type": "json_schema", "schema": schema})))
}
