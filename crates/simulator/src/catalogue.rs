//! Everything that is not chat: model lists, token counts, embeddings.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::admin::json_response;
use crate::answer::count_prompt;
use crate::body::Body;
use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::seed::{Dice, hash_text};
use crate::simulator::{Call, Simulator, unix_millis};

/// Usual length of a vector.
const DIMENSIONS: u64 = 1536;
/// Longest vector.
const MOST_DIMENSIONS: u64 = 8192;

impl Simulator {
    pub(crate) fn models(&self, dialect: Dialect) -> Response<Body> {
        let models = self.config.models.iter();
        let list = match dialect {
            Dialect::OpenAi => {
                let data: Vec<Value> = models
                    .map(|id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "simulator"}))
                    .collect();
                json!({"object": "list", "data": data})
            }
            Dialect::Anthropic => {
                let data: Vec<Value> = models
                    .map(|id| json!({"type": "model", "id": id, "display_name": id, "created_at": "2025-01-01T00:00:00Z"}))
                    .collect();
                json!({"data": data, "has_more": false, "first_id": self.config.models.first(),
                    "last_id": self.config.models.last()})
            }
            Dialect::Gemini => {
                let data: Vec<Value> = models
                    .map(|id| {
                        json!({"name": format!("models/{id}"), "displayName": id, "inputTokenLimit": self.config.context_tokens,
                        "outputTokenLimit": 65_536, "supportedGenerationMethods": ["generateContent", "countTokens"]})
                    })
                    .collect();
                json!({"models": data})
            }
            Dialect::Ollama => {
                let data: Vec<Value> = models
                    .map(|id| json!({"name": id, "model": id, "modified_at": "2025-01-01T00:00:00Z", "size": 0}))
                    .collect();
                json!({"models": data})
            }
        };
        json_response(StatusCode::OK, &list)
    }

    /// How many tokens a request would be.
    pub(crate) async fn count_tokens(self: &Arc<Self>, call: Call, body: Bytes) -> Response<Body> {
        let this = Arc::clone(self);
        let counted = tokio::task::spawn_blocking(move || this.counted(&call, &body));
        counted.await.unwrap_or_else(|_| json_response(StatusCode::INTERNAL_SERVER_ERROR, &Value::Null))
    }

    fn counted(&self, call: &Call, body: &[u8]) -> Response<Body> {
        let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
        // A count needs no limit.
        if body.is_object() && call.dialect == Dialect::Anthropic {
            body["max_tokens"] = json!(200_000);
        }
        let stamp = self.stamp(call.dialect, &call.provider, "", 0, unix_millis());
        match call.dialect.parse(&body, call.path.as_ref(), &call.headers, &call.provider) {
            Ok(ask) => {
                let (tools, turns) = count_prompt(&self.tokenizer, &ask);
                let tokens = tools + turns.iter().sum::<u64>() + 3;
                let count = if call.dialect == Dialect::Gemini {
                    json!({"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]})
                } else {
                    json!({"input_tokens": tokens})
                };
                json_response(StatusCode::OK, &count)
            }
            Err(failure) => json_response(
                StatusCode::from_u16(failure.status).unwrap_or(StatusCode::BAD_REQUEST),
                &call.dialect.error_body(&failure, &stamp),
            ),
        }
    }

    /// OpenAI-shaped embeddings: unit vectors that depend on the text alone.
    pub(crate) async fn embeddings(self: &Arc<Self>, provider: &str, body: Bytes) -> Response<Body> {
        let this = Arc::clone(self);
        let provider = provider.to_owned();
        let embedded = tokio::task::spawn_blocking(move || this.embedded(&provider, &body));
        embedded.await.unwrap_or_else(|_| json_response(StatusCode::INTERNAL_SERVER_ERROR, &Value::Null))
    }

    fn embedded(&self, provider: &str, body: &[u8]) -> Response<Body> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let model = body["model"].as_str().unwrap_or_default();
        let inputs: Vec<String> = match &body["input"] {
            Value::String(text) => vec![text.clone()],
            Value::Array(list) if list.iter().all(Value::is_number) => vec![body["input"].to_string()],
            Value::Array(list) => list
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect(),
            _ => Vec::new(),
        };
        if model.is_empty() || inputs.is_empty() {
            let stamp = self.stamp(Dialect::OpenAi, provider, model, 0, unix_millis());
            let failure = Failure::bad("'$.input' is invalid. Please check the API reference.");
            return json_response(StatusCode::BAD_REQUEST, &Dialect::OpenAi.error_body(&failure, &stamp));
        }
        let length = body["dimensions"].as_u64().unwrap_or(DIMENSIONS).clamp(1, MOST_DIMENSIONS);
        let encoded = body["encoding_format"] == "base64";
        let tokens: u64 = inputs.iter().map(|text| self.tokenizer.count(text)).sum();
        let data: Vec<Value> = inputs
            .iter()
            .enumerate()
            .map(|(index, text)| {
                json!({"object": "embedding", "index": index, "embedding": embedding(text, length, encoded)})
            })
            .collect();
        json_response(
            StatusCode::OK,
            &json!({"object": "list", "data": data, "model": model,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}),
        )
    }
}

fn embedding(text: &str, length: u64, encoded: bool) -> Value {
    let mut dice = Dice::new(hash_text(text));
    #[allow(clippy::cast_precision_loss, reason = "24 bits fit")]
    let raw: Vec<f32> = (0..length).map(|_| (dice.roll() >> 40) as f32 / 8_388_608.0 - 1.0).collect();
    let norm = raw.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    let unit = raw.into_iter().map(|value| value / norm);
    if encoded {
        json!(STANDARD.encode(unit.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()))
    } else {
        json!(unit.collect::<Vec<f32>>())
    }
}
