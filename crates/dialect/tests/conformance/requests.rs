//! Recorded requests, read as a client's and written for the provider that got them.

use bytes::Bytes;
use dialect::client::Dialect;
use dialect::codec::Target;
use serde_json::{Value, json};

use crate::fixtures::Case;
use crate::problems::Problems;
use crate::routes::Endpoint;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Carried,
    /// We refuse what the provider refused, too.
    Refused,
    /// It is in a form that no client may use.
    NotOurs,
    Absent,
}

/// Members that may change or go, with the reason. `[]` stands for every item; what is below goes with it.
const TOUCHED: [(&str, &str); 25] = [
    ("model", "becomes the provider's name of the model"),
    ("stream", "is written anew"),
    ("stream_options", "is written anew: usage is always asked for"),
    ("max_tokens", "is written anew, under the name that the endpoint knows"),
    ("max_completion_tokens", "is written anew, under the name that the endpoint knows"),
    ("max_output_tokens", "is written anew"),
    ("user", "goes out as a hash"),
    ("metadata", "is the platform's unless answers are stored, which they are not"),
    ("store", "nothing is stored at providers"),
    ("service_tier", "costs otherwise than what was reserved: goes out where the catalogue accepts it"),
    ("provider", "is the platform's"),
    ("reasoning", "is written in the endpoint's own form"),
    ("reasoning_effort", "is written in the endpoint's own form"),
    ("thinking", "is written in the endpoint's own form"),
    ("encoding_format", "vectors come as numbers and go out as the client wants them"),
    ("include", "names what a stored answer would hold; what is needed to go on is always asked for"),
    ("extra_body", "is a mistake of its publisher: a client library's argument, not a member"),
    ("output_format", "is the older name of output_config.format"),
    ("messages[].reasoning", "goes back in the form that the endpoint wants, or not at all"),
    ("messages[].reasoning_content", "goes back in the form that the endpoint wants, or not at all"),
    ("messages[].reasoning_details", "goes back in the form that the endpoint wants, or not at all"),
    ("messages[].annotations", "is a part of answers alone"),
    ("messages[].tool_calls[].index", "is a part of streams alone"),
    ("messages[].audio", "is a part of answers alone"),
    ("anthropic_version", "is a header"),
];

/// Reads the request of a case and looks for what is lost on its way to the same provider.
pub(crate) fn check(case: &Case, endpoint: &Endpoint, problems: &mut Problems) -> Outcome {
    problems.at("request");
    let Some(sent) = &case.request else { return Outcome::Absent };
    let Some(dialect) = dialect(case) else { return Outcome::NotOurs };
    let mut sent = sent.clone();
    // Tools that a provider runs cost what nobody reserved: they go out where the catalogue names them.
    if let Some(tools) = sent["tools"].as_array_mut() {
        tools.retain(|tool| !tool["type"].as_str().is_some_and(|kind| kind.starts_with("web_search")));
    }
    if !sent["model"].is_string() {
        sent["model"] = json!("author/model");
    }
    let body = Bytes::from(sent.to_string());
    let task = match dialect.decode(&body) {
        Ok(task) => task,
        Err(refusal) => {
            // An empty list of inputs, which one provider answers with an empty list of vectors.
            let is_empty = sent["input"] == json!([]);
            problems
                .check(case.status >= 400 || is_empty || is_private(case), || format!("refused: {refusal}"));
            return Outcome::Refused;
        }
    };
    let peeked = dialect.peek(&body);
    problems.check(peeked.is_ok(), || format!("peek refuses what decode reads: {:?}", peeked.as_ref().err()));
    let target = Target { max_output: None, ..endpoint.target() };
    match endpoint.adapter().encode(&task, &target) {
        Ok(encoded) => match serde_json::from_slice::<Value>(&encoded.body) {
            Ok(received) => lost(&sent, &received, "").into_iter().for_each(|lost| problems.add(lost)),
            Err(error) => problems.add(format!("what goes out is not JSON: {error}")),
        },
        Err(refusal) => problems.check(case.status >= 400, || format!("not written: {refusal}")),
    }
    Outcome::Carried
}

/// Whether the request has something that only its provider knows and that means something else to us.
fn is_private(case: &Case) -> bool {
    // `default` is a word of Groq's for an effort.
    case.request.as_ref().is_some_and(|request| request["reasoning_effort"] == "default")
}

/// The client dialect that a recorded request is in.
fn dialect(case: &Case) -> Option<Dialect> {
    let dialect = match case.api.as_str() {
        "openai.chat" => Dialect::Chat,
        "openai.completions" => Dialect::Completions,
        "openai.responses" => Dialect::Responses,
        "anthropic.messages" | "vertex.anthropic.rawPredict" | "bedrock.invoke" => Dialect::Messages,
        "openai.embeddings" => Dialect::Embeddings,
        _ => return None,
    };
    Some(dialect).filter(|dialect| crate::known::is_served(*dialect))
}

/// What `received` lacks of `sent`, or has otherwise, and may not.
fn lost(sent: &Value, received: &Value, path: &str) -> Vec<String> {
    if sent.is_null() || TOUCHED.iter().any(|(touched, _)| *touched == path) || is_same(sent, received, path)
    {
        return Vec::new();
    }
    match (sent, received) {
        (Value::Object(sent), Value::Object(received)) => sent
            .iter()
            .flat_map(|(name, value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                lost(value, received.get(name).unwrap_or(&Value::Null), &path)
            })
            .collect(),
        (Value::Array(sent), Value::Array(received)) if sent.len() == received.len() => {
            let path = format!("{path}[]");
            sent.iter().zip(received).flat_map(|(sent, received)| lost(sent, received, &path)).collect()
        }
        _ => vec![format!("`{path}` was {}, is {}", cut(sent), cut(received))],
    }
}

/// Whether two values mean the same here.
fn is_same(sent: &Value, received: &Value, path: &str) -> bool {
    let one_text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => match parts.as_slice() {
            [part] if part["type"] == "text" || part["type"] == "input_text" => {
                part["text"].as_str().map(str::to_owned)
            }
            _ => None,
        },
        _ => None,
    };
    sent == received
        || (sent.is_number() && sent.as_f64() == received.as_f64())
        // One text is a string or the only part.
        || (one_text(sent).is_some() && one_text(sent) == one_text(received))
        // Nothing to choose from, nothing to call with, nothing said: the same as no such member.
        || (received.is_null() && (*sent == json!([]) || (path == "tool_choice" && *sent == "auto")))
        || (received.is_null() && path.ends_with(".is_error") && *sent == false)
        || (received.is_null() && path == "n" && *sent == 1)
        || (received.is_null() && path == "temperature" && sent.as_f64() == Some(1.0))
        || (path.ends_with(".arguments") && *sent == "" && *received == "{}")
        || (path == "tool_choice" && *sent == "any" && *received == "required")
        || (path.ends_with(".role") && *sent == "developer" && *received == "system")
        || (path.ends_with(".image_url") && sent.is_string() && received["url"] == *sent)
}

fn cut(value: &Value) -> String {
    value.to_string().chars().take(160).collect()
}
