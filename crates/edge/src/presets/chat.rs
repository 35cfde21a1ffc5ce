//! Chat, whose words presets are kept in.

use serde_json::{Map, Value, json};

/// What a body sets, each by the one name that it is kept under.
pub(super) fn config(mut sent: Map<String, Value>) -> Map<String, Value> {
    if let Some(newer) = sent.remove("max_completion_tokens") {
        sent.insert("max_tokens".to_owned(), newer);
    }
    if let Some(effort) = sent.remove("reasoning_effort") {
        let reasoning = sent.entry("reasoning").or_insert_with(|| json!({}));
        // A budget says more than an effort.
        if let Value::Object(reasoning) = reasoning
            && !reasoning.contains_key("max_tokens")
        {
            reasoning.entry("effort").or_insert(effort);
        }
    }
    sent
}

/// The members of a preset that a request leaves open.
pub(super) fn members(config: &Map<String, Value>, has: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let is_open = |name: &str| match name {
        "max_tokens" => !has("max_completion_tokens"),
        "reasoning" => !has("reasoning_effort"),
        _ => true,
    };
    config
        .iter()
        .filter(|(name, _)| is_open(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
