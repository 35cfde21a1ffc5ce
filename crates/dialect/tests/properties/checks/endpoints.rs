//! Every adapter there is, with an endpoint that it is chosen for.

use dialect::canonical::Operation;
use dialect::client::Dialect;
use dialect::codec::{Adapter, Target, adapter};
use serde_json::{Map, Value};

/// How an adapter is chosen.
pub struct Endpoint {
    pub name: &'static str,
    pub dialect: &'static str,
    pub operation: Operation,
    pub client: Dialect,
    provider_model: &'static str,
    quirks: &'static str,
}

macro_rules! endpoint {
    ($name:literal, $dialect:literal, $operation:ident, $client:ident, $model:literal, $quirks:literal) => {
        Endpoint {
            name: $name,
            dialect: $dialect,
            operation: Operation::$operation,
            client: Dialect::$client,
            provider_model: $model,
            quirks: $quirks,
        }
    };
}

/// Endpoints that hold conversations, in the order of the first byte of fuzzed input.
pub const CONVERSATIONS: [Endpoint; 11] = [
    endpoint!("openai", "openai", Chat, Chat, "model-1", "{}"),
    endpoint!("openai-think", "openai", Chat, Chat, "model-1", r#"{"think_tags":true,"strict":true}"#),
    endpoint!("responses", "openai", Chat, Responses, "gpt-5", r#"{"apis":["responses"]}"#),
    endpoint!("anthropic", "anthropic", Chat, Messages, "claude-sonnet-4-5", "{}"),
    endpoint!("gemini", "gemini", Chat, Chat, "gemini-2.5-flash", "{}"),
    endpoint!("vertex-anthropic", "vertex", Chat, Messages, "claude-sonnet-4-5", "{}"),
    endpoint!("bedrock", "bedrock", Chat, Chat, "anthropic.claude-sonnet-4-5-20250929-v1:0", "{}"),
    endpoint!(
        "bedrock-invoke",
        "bedrock",
        Chat,
        Messages,
        "anthropic.claude-3-7-sonnet-20250219-v1:0",
        r#"{"api":"invoke"}"#
    ),
    endpoint!("mistral", "mistral", Chat, Chat, "magistral-small", "{}"),
    endpoint!("cohere", "cohere", Chat, Chat, "command-a-03-2025", "{}"),
    endpoint!("ollama", "ollama", Chat, Chat, "qwen3", "{}"),
];

/// Endpoints of the other kinds of work.
pub const OTHERS: [Endpoint; 12] = [
    endpoint!("openai-embeddings", "openai", Embeddings, Embeddings, "text-embedding-3-small", "{}"),
    endpoint!("gemini-embeddings", "gemini", Embeddings, Embeddings, "gemini-embedding-001", "{}"),
    endpoint!("vertex-embeddings", "vertex", Embeddings, Embeddings, "gemini-embedding-2", "{}"),
    endpoint!("vertex-predict", "vertex", Embeddings, Embeddings, "text-embedding-005", "{}"),
    endpoint!("bedrock-embeddings", "bedrock", Embeddings, Embeddings, "amazon.titan-embed-text-v2:0", "{}"),
    endpoint!("mistral-embeddings", "mistral", Embeddings, Embeddings, "mistral-embed", "{}"),
    endpoint!("cohere-embeddings", "cohere", Embeddings, Embeddings, "embed-v4.0", "{}"),
    endpoint!("cohere-rerank", "cohere", Rerank, Rerank, "rerank-v3.5", "{}"),
    endpoint!("openai-images", "openai", Images, Images, "gpt-image-1", "{}"),
    endpoint!("gemini-images", "gemini", Images, Images, "gemini-2.5-flash-image", "{}"),
    endpoint!("openai-speech", "openai", Speech, Speech, "tts-1", "{}"),
    endpoint!("openai-transcription", "openai", Transcription, Transcription, "whisper-1", "{}"),
];

impl Endpoint {
    /// Runs `work` with the adapter and its target; `None` where the dialect does not do this work.
    pub fn with<T>(&self, work: impl FnOnce(&dyn Adapter, &Target<'_>) -> T) -> Option<T> {
        let quirks: Map<String, Value> = serde_json::from_str(self.quirks).unwrap();
        let target = Target {
            model: "author/model",
            provider: "provider",
            provider_model: self.provider_model,
            max_output: Some(4_096),
            supported_parameters: &[],
            service_tier: "",
            quirks: &quirks,
        };
        let adapter = adapter(self.dialect, self.operation, self.client, &target)?;
        Some(work(adapter, &target))
    }
}

/// The conversation's endpoint of that name.
#[must_use]
pub fn named(name: &str) -> &'static Endpoint {
    CONVERSATIONS.iter().chain(&OTHERS).find(|endpoint| endpoint.name == name).unwrap()
}
