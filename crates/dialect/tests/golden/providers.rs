//! The provider dialects, each as an endpoint that knows all that its dialect can say.

use bytes::Bytes;
use dialect::canonical::{Event, Operation};
use dialect::client::Dialect;
use dialect::codec::{Target, adapter};
use serde_json::{Map, Value, json};

/// A provider dialect, as its endpoints in the catalogue have it.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    dialect: &'static str,
    provider: &'static str,
    model: &'static str,
    quirks: &'static str,
}

pub(crate) const PROVIDERS: [Provider; 9] = [
    Provider {
        name: "openai",
        dialect: "openai",
        provider: "openai",
        model: "gpt-4.1",
        quirks: r#"{"max_tokens_member": "max_completion_tokens", "strict": true}"#,
    },
    Provider {
        name: "openai-responses",
        dialect: "openai",
        provider: "openai",
        model: "gpt-5.2",
        quirks: r#"{"api": "responses", "apis": ["responses"], "strict": true}"#,
    },
    Provider {
        name: "anthropic",
        dialect: "anthropic",
        provider: "anthropic",
        model: "claude-sonnet-4-5",
        quirks: "{}",
    },
    Provider {
        name: "gemini",
        dialect: "gemini",
        provider: "google-ai-studio",
        model: "gemini-3-pro",
        quirks: "{}",
    },
    Provider {
        name: "vertex-anthropic",
        dialect: "vertex",
        provider: "google-vertex",
        model: "claude-sonnet-4-5@20250929",
        quirks: "{}",
    },
    Provider {
        name: "bedrock",
        dialect: "bedrock",
        provider: "amazon-bedrock",
        model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        quirks: r#"{"structured_outputs": true}"#,
    },
    Provider {
        name: "mistral",
        dialect: "mistral",
        provider: "mistral",
        model: "magistral-medium-latest",
        quirks: "{}",
    },
    Provider {
        name: "cohere",
        dialect: "cohere",
        provider: "cohere",
        model: "command-a-03-2025",
        quirks: "{}",
    },
    Provider { name: "ollama", dialect: "ollama", provider: "ollama", model: "qwen3", quirks: "{}" },
];

/// Client dialects that conversations are held in and that have a shape of their own.
pub(crate) const CLIENTS: [Dialect; 3] = [Dialect::Chat, Dialect::Responses, Dialect::Messages];

impl Provider {
    /// What a request of a client becomes: path, headers and body, or why it cannot be said; `None` where the
    /// dialect is not served.
    pub(crate) fn written(&self, client: Dialect, body: &Value) -> Option<Value> {
        let task = client.decode(&Bytes::from(body.to_string())).unwrap();
        self.with(client, |adapter, target| match adapter.encode(&task, target) {
            Ok(encoded) => {
                let headers: Map<String, Value> = encoded
                    .headers
                    .iter()
                    .filter(|(name, _)| !matches!(name.as_str(), "content-type" | "accept"))
                    .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
                    .collect();
                let body: Value = serde_json::from_slice(&encoded.body).unwrap();
                json!({"path": encoded.path, "headers": headers, "body": body})
            }
            Err(refusal) => json!({"refused": refusal.message}),
        })
    }

    /// The events of a whole answer.
    pub(crate) fn read(&self, client: Dialect, answer: &Value) -> Option<Vec<Event>> {
        self.with(client, |adapter, target| adapter.decode(answer.to_string().as_bytes(), target).unwrap())
    }

    fn with<T>(
        &self,
        client: Dialect,
        work: impl FnOnce(&dyn dialect::codec::Adapter, &Target<'_>) -> T,
    ) -> Option<T> {
        let quirks: Map<String, Value> = serde_json::from_str(self.quirks).unwrap();
        let target = Target {
            model: "author/model",
            provider: self.provider,
            provider_model: self.model,
            max_output: Some(8_192),
            supported_parameters: &[],
            service_tier: "",
            quirks: &quirks,
        };
        let adapter = adapter(self.dialect, Operation::Chat, client, &target)?;
        Some(work(adapter, &target))
    }
}
