//! Model lists and token counts.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::admin::json_response;
use crate::answer::count_prompt;
use crate::body::Body;
use crate::dialect::Dialect;
use crate::payload::Payload;
use crate::prepare::Arrived;
use crate::simulator::{Call, Simulator, unix_millis};

impl Simulator {
    pub(crate) fn models(&self, dialect: Dialect) -> Response<Body> {
        let models = self.config.models.iter();
        let list = match dialect {
            Dialect::OpenAi
            | Dialect::Responses
            | Dialect::Completions
            | Dialect::Bedrock
            | Dialect::Invoke => {
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
            Dialect::Mistral => {
                let data: Vec<Value> = models
                    .map(|id| {
                        json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "mistralai", "name": id,
                        "aliases": [], "max_context_length": self.config.context_tokens, "type": "base"})
                    })
                    .collect();
                json!({"object": "list", "data": data})
            }
            Dialect::Cohere => {
                let data: Vec<Value> = models
                    .map(|id| {
                        json!({"name": id, "endpoints": ["chat", "embed", "rerank"], "finetuned": false,
                        "context_length": self.config.context_tokens})
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
        let arrived = Arrived { call, payload: Payload::Json(body), number: 0, now: unix_millis() };
        let counted = tokio::task::spawn_blocking(move || this.counted(&arrived));
        counted.await.unwrap_or_else(|_| json_response(StatusCode::INTERNAL_SERVER_ERROR, &Value::Null))
    }

    fn counted(&self, arrived: &Arrived) -> Response<Body> {
        let dialect = arrived.call.dialect;
        let mut body = arrived.payload.value().unwrap_or_default();
        // A count needs no limit.
        if body.is_object() && dialect == Dialect::Anthropic {
            body["max_tokens"] = json!(200_000);
        }
        if body["generateContentRequest"].is_object() {
            body = body["generateContentRequest"].take();
        }
        match dialect.wire().parse(arrived, &body) {
            Ok(ask) => {
                let (tools, turns) = count_prompt(&self.tokenizer, &ask);
                let tokens = tools + turns.iter().sum::<u64>() + 3;
                let count = if dialect == Dialect::Gemini {
                    json!({"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]})
                } else {
                    json!({"input_tokens": tokens})
                };
                json_response(StatusCode::OK, &count)
            }
            Err(failure) => {
                let stamp = self.stamp(&arrived.call, "", 0, arrived.now);
                json_response(
                    StatusCode::from_u16(failure.status).unwrap_or(StatusCode::BAD_REQUEST),
                    &dialect.wire().error_body(&failure, &stamp),
                )
            }
        }
    }
}
