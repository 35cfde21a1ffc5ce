//! Log probabilities in the form of the legacy API: lists of equal length.

use serde_json::{Map, Value, json};

const LISTS: [&str; 4] = ["tokens", "token_logprobs", "top_logprobs", "text_offset"];

/// The lists for what chat gives as a list of tokens. `offset` is how many characters of the choice's text came
/// before. `None` for what has no such form; lists of a provider that speaks the legacy API stay as they are.
pub(super) fn lists(logprobs: &Value, offset: &mut usize) -> Option<Map<String, Value>> {
    if logprobs["tokens"].is_array() {
        return logprobs.as_object().cloned();
    }
    let tokens = logprobs["content"].as_array()?;
    let mut lists: [Vec<Value>; 4] = Default::default();
    for token in tokens {
        let text = token["token"].as_str()?;
        let others = token["top_logprobs"].as_array().into_iter().flatten();
        let others =
            others.filter_map(|other| Some((other["token"].as_str()?.to_owned(), other["logprob"].clone())));
        lists[0].push(json!(text));
        lists[1].push(token["logprob"].clone());
        lists[2].push(Value::Object(others.collect()));
        lists[3].push(json!(*offset));
        *offset += text.chars().count();
    }
    Some(LISTS.iter().zip(lists).map(|(name, list)| ((*name).to_owned(), Value::Array(list))).collect())
}

/// Adds the lists of a later piece.
pub(super) fn append(lists: &mut Map<String, Value>, later: Map<String, Value>) {
    for (name, value) in later {
        match (lists.get_mut(&name), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
            (None, value) => drop(lists.insert(name, value)),
            _ => {}
        }
    }
}
