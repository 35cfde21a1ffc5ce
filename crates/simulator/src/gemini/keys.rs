//! Both spellings of keys: Gemini takes `generation_config` for `generationConfig` everywhere.

use serde_json::{Map, Value};

/// What lies below these keys is the caller's own.
const OWN: [&str; 7] = [
    "args",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
    "responseSchema",
    "metadata",
];

/// The value with the keys of the protocol in one spelling.
pub(super) fn camel(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| field(key, value)).collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.iter().map(camel).collect()),
        other => other.clone(),
    }
}

fn field(key: &str, value: &Value) -> (String, Value) {
    let key = spelt(key);
    let value = if OWN.contains(&key.as_str()) { value.clone() } else { camel(value) };
    (key, value)
}

fn spelt(key: &str) -> String {
    let mut parts = key.split('_');
    let mut spelt = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut characters = part.chars();
        spelt.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        spelt.push_str(characters.as_str());
    }
    spelt
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_protocols_keys_change() {
        let sent = json!({"generation_config": {"stop_sequences": ["a_b"], "response_schema": {"my_key": 1}},
            "contents": [{"parts": [{"function_call": {"args": {"a_b": 1}}}]}]});
        let read = json!({"generationConfig": {"stopSequences": ["a_b"], "responseSchema": {"my_key": 1}},
            "contents": [{"parts": [{"functionCall": {"args": {"a_b": 1}}}]}]});
        assert_eq!(camel(&sent), read);
    }
}
