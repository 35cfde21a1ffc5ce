//! Where the models are.

use serde_json::Value;

use crate::codec::Target;

/// How the names of Mistral's models begin.
const MISTRAL: [&str; 3] = ["mistral-", "codestral-", "ministral-"];

/// Who made a model; it decides on the address and on the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publisher {
    Google,
    Anthropic,
    Mistral,
    /// Others, behind one endpoint.
    OpenApi,
}

impl Publisher {
    /// By the quirk `publisher`, else by the model's name: `claude-…`, one of Mistral's, `maker/name`, or one of
    /// Google's.
    pub(super) fn of(target: &Target<'_>) -> Self {
        match target.quirks.get("publisher").and_then(Value::as_str) {
            Some("google") => return Self::Google,
            Some("anthropic") => return Self::Anthropic,
            Some("mistralai") => return Self::Mistral,
            Some("openapi") => return Self::OpenApi,
            _ => {}
        }
        let model = target.provider_model;
        match model {
            _ if model.starts_with("claude-") => Self::Anthropic,
            _ if MISTRAL.iter().any(|name| model.starts_with(name)) => Self::Mistral,
            _ if model.contains('/') && !model.starts_with("endpoints/") && !model.starts_with("models/") => {
                Self::OpenApi
            }
            _ => Self::Google,
        }
    }
}

/// The path of a method of a publisher's model; a model that the operator deployed is an endpoint.
pub(super) fn of_model(publisher: &str, provider_model: &str, method: &str) -> String {
    let model = provider_model.strip_prefix("models/").unwrap_or(provider_model);
    match model.starts_with("endpoints/") {
        true => format!("{LOCATION}/{model}:{method}"),
        false => format!("{LOCATION}/publishers/{publisher}/models/{model}:{method}"),
    }
}

/// The path of the endpoint in OpenAI's dialect.
pub(super) fn of_chat() -> String {
    format!("{LOCATION}/endpoints/openapi/chat/completions")
}

const LOCATION: &str = "/projects/{project}/locations/{location}";
