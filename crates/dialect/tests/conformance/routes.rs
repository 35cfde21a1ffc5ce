//! Which adapter an exchange belongs to.

use std::path::Path;

use dialect::canonical::Operation;
use dialect::client::Dialect;
use dialect::codec::{Adapter, Target, adapter};
use serde_json::{Map, Value, json};

use crate::fixtures::Case;

/// Where an exchange belongs.
pub(crate) enum Route {
    To(Endpoint),
    /// No task is ever sent in this form, for this reason.
    NoAdapter(&'static str),
}

/// The endpoint that an exchange was recorded at, as the catalogue would have it.
pub(crate) struct Endpoint {
    dialect: &'static str,
    pub(crate) operation: Operation,
    /// The client dialect that the provider's own is the same as, or chat.
    pub(crate) client: Dialect,
    provider: String,
    provider_model: String,
    quirks: Map<String, Value>,
}

impl Endpoint {
    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            model: "author/model",
            provider: &self.provider,
            provider_model: &self.provider_model,
            max_output: None,
            supported_parameters: &[],
            service_tier: "",
            quirks: &self.quirks,
        }
    }

    /// # Panics
    /// When the dialect does not do this kind of work.
    pub(crate) fn adapter(&self) -> &'static dyn Adapter {
        let found = adapter(self.dialect, self.operation, self.client, &self.target());
        found.unwrap_or_else(|| {
            panic!("no adapter `{}` for {} as {:?}", self.dialect, self.operation.as_str(), self.client)
        })
    }
}

const LISTS: &str = "a list of models: read by hand when the catalogue is built, never by the platform";
const COUNTERS: &str = "a count of tokens beforehand: the platform counts itself and asks nobody";

pub(crate) fn route(case: &Case, catalogue: &Value) -> Route {
    use Operation::{Chat, Embeddings, Rerank};
    let google = if case.provider == "vertex" { "vertex" } else { "gemini" };
    let (dialect, operation, client) = match case.api.as_str() {
        "openai.chat" => ("openai", Chat, Dialect::Chat),
        "openai.responses" => ("openai", Chat, Dialect::Responses),
        "openai.completions" => ("openai", Chat, Dialect::Completions),
        "openai.embeddings" => ("openai", Embeddings, Dialect::Embeddings),
        "anthropic.messages" => ("anthropic", Chat, Dialect::Messages),
        "vertex.anthropic.rawPredict" => ("vertex", Chat, Dialect::Messages),
        "bedrock.converse" => ("bedrock", Chat, Dialect::Chat),
        "bedrock.invoke" => ("bedrock", Chat, Dialect::Messages),
        "gemini.generateContent" => (google, Chat, Dialect::Chat),
        "gemini.batchEmbedContents" | "gemini.embedContent" | "vertex.predict" => {
            (google, Embeddings, Dialect::Embeddings)
        }
        "mistral.chat" => ("mistral", Chat, Dialect::Chat),
        "mistral.embeddings" => ("mistral", Embeddings, Dialect::Embeddings),
        // An answer of vectors that its publisher filed under conversations.
        "cohere.v2.chat" if case.name.ends_with("plain-nomodel-967cb") => {
            ("cohere", Embeddings, Dialect::Embeddings)
        }
        "cohere.v2.chat" => ("cohere", Chat, Dialect::Chat),
        "cohere.v2.embed" => ("cohere", Embeddings, Dialect::Embeddings),
        "cohere.v2.rerank" => ("cohere", Rerank, Dialect::Rerank),
        "ollama.chat" => ("ollama", Chat, Dialect::Chat),
        "openai.models" | "anthropic.models" | "gemini.models" | "ollama.tags" => {
            return Route::NoAdapter(LISTS);
        }
        "anthropic.count_tokens" | "gemini.countTokens" => return Route::NoAdapter(COUNTERS),
        other => panic!("{other} is a wire format that nobody knows"),
    };
    Route::To(Endpoint {
        dialect,
        operation,
        client,
        provider: case.provider.clone(),
        provider_model: model(case),
        quirks: quirks(case, dialect, catalogue),
    })
}

/// The name of the model, made up where the recording has none.
fn model(case: &Case) -> String {
    let made_up = match case.api.as_str() {
        "gemini.generateContent" => "gemini-2.5-flash",
        "anthropic.messages" | "vertex.anthropic.rawPredict" => "claude-sonnet-4-5",
        _ => "model-1",
    };
    if case.model.is_empty() { made_up.to_owned() } else { case.model.clone() }
}

/// What the catalogue knows of the provider in this dialect, and of the form that was recorded.
fn quirks(case: &Case, dialect: &str, catalogue: &Value) -> Map<String, Value> {
    let slug = match case.provider.as_str() {
        "gemini" => "google-ai-studio",
        "vertex" => "google-vertex",
        "bedrock" => "amazon-bedrock",
        other => other,
    };
    let providers = catalogue["providers"].as_array().into_iter().flatten();
    let known = providers.filter(|known| known["slug"] == slug && known["dialect"] == dialect);
    let mut quirks =
        known.filter_map(|known| known["quirks"].as_object().cloned()).next().unwrap_or_default();
    // An endpoint that speaks a dialect beside chat says so.
    for (api, name) in [("openai.responses", "responses"), ("openai.completions", "completions")] {
        if case.api == api {
            quirks.insert("apis".to_owned(), json!([name]));
        }
    }
    if case.api == "bedrock.invoke" {
        quirks.insert("api".to_owned(), json!("invoke"));
    }
    quirks
}

/// The catalogue that the product is shipped with.
pub(crate) fn catalogue() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../router/data/catalogue.json");
    serde_json::from_slice(&std::fs::read(path).expect("the catalogue is there")).expect("it is JSON")
}
