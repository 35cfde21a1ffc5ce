//! Log probabilities in the public form: an object whose `content` is a list or null.

use serde_json::{Value, json};

/// `None` for what has no public form, such as a bare number.
pub(super) fn shaped(mut logprobs: Value) -> Option<Value> {
    if let Some(listed) = listed(&logprobs) {
        return Some(listed);
    }
    let members = logprobs.as_object_mut().filter(|members| !members.is_empty())?;
    if !members.get("content").is_some_and(Value::is_array) {
        members.insert("content".to_owned(), Value::Null);
    }
    Some(logprobs)
}

/// The older flat form: tokens and their probabilities in two lists.
fn listed(logprobs: &Value) -> Option<Value> {
    let (tokens, values) = logprobs["tokens"].as_array().zip(logprobs["token_logprobs"].as_array())?;
    let entry = |(token, value): (&Value, &Value)| {
        Some(json!({"token": token.as_str()?, "logprob": value.as_f64()?, "bytes": null, "top_logprobs": []}))
    };
    let content: Vec<Value> = tokens.iter().zip(values).filter_map(entry).collect();
    Some(json!({"content": content}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_becomes_the_public_one_or_nothing() {
        let public = json!({"content": [{"token": "a"}], "refusal": null});
        assert_eq!(shaped(public.clone()), Some(public));
        let other = json!({"reasoning_content": []});
        assert_eq!(shaped(other), Some(json!({"reasoning_content": [], "content": null})));
        let flat = json!({"tokens": ["a", "b"], "token_logprobs": [-0.5, null]});
        let entry = json!({"token": "a", "logprob": -0.5, "bytes": null, "top_logprobs": []});
        assert_eq!(shaped(flat), Some(json!({"content": [entry]})));
        for none in [json!(null), json!(-1.5), json!({}), json!([])] {
            assert_eq!(shaped(none), None);
        }
    }
}
