//! A generation as a span of OpenTelemetry's, in the JSON of its protocol: 64-bit numbers are texts.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use pricing::{Amount, Class, Usage};
use rpc::convert::usage_in;
use rpc::events::UsageRecord;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Kind;
use super::filter::Field;
use crate::content::Exchange;

/// What dashboards that were made for it know the service by.
const SERVICE: &str = "openrouter";
/// A client that called somebody.
const KIND: u8 = 3;
const OK: u8 = 1;
const FAILED: u8 = 2;

/// A generation with whatever a span says of it.
pub(super) struct Generation {
    pub(super) id: Uuid,
    pub(super) record: UsageRecord,
    pub(super) key_name: String,
    pub(super) content: Option<Exchange>,
}

/// What beside the usual a destination is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) kind: Kind,
    pub(super) content: bool,
    pub(super) cost: bool,
    pub(super) identity: bool,
    pub(super) request_context: bool,
}

/// A span, ready to be sent.
pub(super) struct Span {
    pub(super) trace_id: String,
    pub(super) at: DateTime<Utc>,
    pub(super) key_name: String,
    json: Value,
}

/// A request of OTLP over HTTP.
pub(super) fn export(spans: &[Span]) -> Bytes {
    if spans.is_empty() {
        return Bytes::from_static(br#"{"resourceSpans":[]}"#);
    }
    let spans: Vec<&Value> = spans.iter().map(|span| &span.json).collect();
    let body = json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", SERVICE)] },
        "scopeSpans": [{ "scope": { "name": "patchbay" }, "spans": spans }],
    }]});
    Bytes::from(body.to_string())
}

impl Generation {
    fn usage(&self) -> Usage {
        self.record.usage.as_ref().map(usage_in).unwrap_or_default()
    }

    fn tokens(&self) -> (u64, u64) {
        let usage = self.usage();
        (usage.prompt_tokens().unwrap_or_default(), usage.completion_tokens().unwrap_or_default())
    }

    fn cost(&self) -> String {
        Amount::from_nanos(self.record.charge).to_json_number().to_string()
    }

    fn input(&self) -> String {
        self.content.as_ref().map(|content| content.input.to_string()).unwrap_or_default()
    }

    fn output(&self) -> String {
        let output = self.content.as_ref().map(|content| &content.output);
        output.and_then(|output| output.completion.clone()).unwrap_or_default()
    }

    /// A field of filter rules; empty where there is none.
    pub(super) fn field(&self, field: Field) -> String {
        let (record, (prompt, completion)) = (&self.record, self.tokens());
        match field {
            Field::Model => record.model.clone(),
            Field::Provider => record.provider_name.clone(),
            Field::SessionId => record.session_id.clone(),
            Field::UserId => record.end_user.clone(),
            Field::ApiKeyName => self.key_name.clone(),
            Field::FinishReason => record.finish_reason.clone(),
            Field::Input => self.input(),
            Field::Output => self.output(),
            Field::TotalCost => self.cost(),
            Field::TotalTokens => prompt.saturating_add(completion).to_string(),
            Field::PromptTokens => prompt.to_string(),
            Field::CompletionTokens => completion.to_string(),
        }
    }

    pub(super) fn span(&self, extent: Extent) -> Span {
        let record = &self.record;
        let took = u64::from(record.latency_ms) + u64::from(record.generation_time_ms);
        let start = u64::try_from(record.received_at_ms).unwrap_or(0);
        let nanos = |millis: u64| millis.saturating_mul(1_000_000).to_string();
        let trace_id = self.id.simple().to_string();
        let digest = Sha256::digest(self.id.as_bytes());
        let span_id = hex::encode(digest.first_chunk::<8>().copied().unwrap_or([1; 8]));
        let failed =
            record.finish_reason == "error" || (record.finish_reason.is_empty() && !record.cancelled);
        let json = json!({
            "traceId": trace_id,
            "spanId": span_id,
            "name": "chat",
            "kind": KIND,
            "startTimeUnixNano": nanos(start),
            "endTimeUnixNano": nanos(start.saturating_add(took)),
            "attributes": self.attributes(extent),
            "status": { "code": if failed { FAILED } else { OK } },
        });
        let at = DateTime::from_timestamp_millis(record.received_at_ms).unwrap_or_default();
        Span { trace_id, at, key_name: self.key_name.clone(), json }
    }

    fn attributes(&self, extent: Extent) -> Vec<Value> {
        let (record, usage, (prompt, completion)) = (&self.record, self.usage(), self.tokens());
        let mut all = vec![
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.system", &record.provider),
            text("gen_ai.provider.name", &record.provider_name),
            text("gen_ai.request.model", &record.model),
            text("gen_ai.response.model", &record.model),
            text("gen_ai.response.id", &format!("gen-{}", self.id)),
            text("gen_ai.response.finish_reason", &record.finish_reason),
            number("gen_ai.usage.input_tokens", prompt),
            number("gen_ai.usage.output_tokens", completion),
            number("gen_ai.usage.prompt_tokens", prompt),
            number("gen_ai.usage.completion_tokens", completion),
            number("gen_ai.usage.total_tokens", prompt.saturating_add(completion)),
            number("gen_ai.usage.reasoning_tokens", usage.get(Class::Reasoning)),
            number("gen_ai.usage.cached_tokens", usage.get(Class::CacheRead)),
            text("user.id", &record.end_user),
            text("session.id", &record.session_id),
        ];
        if extent.cost {
            all.push(decimal("gen_ai.usage.total_cost", &self.cost()));
            all.push(flag("trace.metadata.openrouter.is_byok", record.is_byok));
        }
        if extent.identity {
            all.push(text("trace.metadata.openrouter.api_key_name", &self.key_name));
            all.push(text("trace.metadata.openrouter.creator_user_id", &record.user_id));
            all.push(text("trace.metadata.openrouter.workspace_id", &record.workspace_id));
        }
        if extent.request_context {
            all.push(text("trace.metadata.openrouter.http_referer", &record.app_referer));
            all.push(text("trace.metadata.openrouter.app_title", &record.app_title));
            all.push(text("trace.metadata.openrouter.provider_response_id", &record.provider_response_id));
            all.push(flag("trace.metadata.openrouter.streamed", record.streamed));
            all.push(flag("trace.metadata.openrouter.cancelled", record.cancelled));
            all.push(number("trace.metadata.openrouter.latency_ms", record.latency_ms.into()));
        }
        if let Some(content) = self.content.as_ref().filter(|_| extent.content) {
            let output = json!({ "completion": content.output.completion,
                "reasoning": content.output.reasoning, "tool_calls": content.output.tool_calls });
            all.push(text("gen_ai.prompt", &self.input()));
            all.push(text("gen_ai.completion", &output.to_string()));
        }
        if extent.kind == Kind::Langfuse {
            all.extend(self.langfuse(extent));
        }
        // What a generation has not is left out, but for numbers.
        all.retain(|attribute| attribute["value"]["stringValue"] != "");
        all
    }

    /// What Langfuse reads before it reads what is everybody's.
    fn langfuse(&self, extent: Extent) -> Vec<Value> {
        let (prompt, completion) = self.tokens();
        let mut all = vec![
            text("langfuse.observation.type", "generation"),
            text("langfuse.observation.model.name", &self.record.model),
            text(
                "langfuse.observation.usage_details",
                &json!({ "input": prompt, "output": completion, "total": prompt.saturating_add(completion) })
                    .to_string(),
            ),
        ];
        if extent.cost {
            let cost = format!(r#"{{"total":{}}}"#, self.cost());
            all.push(text("langfuse.observation.cost_details", &cost));
        }
        if extent.content {
            all.push(text("langfuse.observation.input", &self.input()));
            all.push(text("langfuse.observation.output", &self.output()));
        }
        all
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn flag(key: &str, value: bool) -> Value {
    json!({ "key": key, "value": { "boolValue": value } })
}

/// An exact decimal that is read as a number of 64 bits by whoever reads it.
fn decimal(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "doubleValue": value.parse::<f64>().unwrap_or(0.0) } })
}
