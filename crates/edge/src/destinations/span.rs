//! A generation as a span of OpenTelemetry's, in the JSON of its protocol: 64-bit numbers are texts.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use pricing::{Amount, Class, Usage};
use rpc::convert::usage_in;
use rpc::events::UsageRecord;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Kind;
use super::filter::Field;
use crate::content::Exchange;

/// What dashboards that were made for it know the service by.
const SERVICE: &str = "openrouter";
/// A client that called somebody.
const KIND: u8 = 3;
/// What of a trace is more than an attribute.
const KNOWN: [&str; 5] = ["trace_id", "trace_name", "span_name", "generation_name", "parent_span_id"];
/// What attributes of the platform's own begin with.
const RESERVED: &str = "openrouter.";
const OK: u8 = 1;
const FAILED: u8 = 2;

/// A generation with whatever a span says of it.
pub(super) struct Generation {
    pub(super) id: Uuid,
    pub(super) record: UsageRecord,
    pub(super) key_name: String,
    pub(super) content: Option<Exchange>,
    /// What the request says of its trace.
    pub(super) trace: Map<String, Value>,
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
    /// The generation's, whatever trace it is part of.
    pub(super) name: String,
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
        let own_id = self.id.simple().to_string();
        let digest = Sha256::digest(self.id.as_bytes());
        let span_id = hex::encode(digest.first_chunk::<8>().copied().unwrap_or([1; 8]));
        let failed =
            record.finish_reason == "error" || (record.finish_reason.is_empty() && !record.cancelled);
        let mut json = json!({
            "traceId": self.told("trace_id").map_or_else(|| own_id.clone(), hexadecimal::<16>),
            "spanId": span_id,
            "name": self.told("generation_name").unwrap_or("chat"),
            "kind": KIND,
            "startTimeUnixNano": nanos(start),
            "endTimeUnixNano": nanos(start.saturating_add(took)),
            "attributes": self.attributes(extent),
            "status": { "code": if failed { FAILED } else { OK } },
        });
        if let Some(parent) = self.told("parent_span_id") {
            json["parentSpanId"] = hexadecimal::<8>(parent).into();
        }
        let at = DateTime::from_timestamp_millis(record.received_at_ms).unwrap_or_default();
        Span { name: own_id, at, key_name: self.key_name.clone(), json }
    }

    /// What the request calls something of its trace.
    fn told(&self, key: &str) -> Option<&str> {
        self.trace.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// What the request says of its trace beside its ids and the span's name.
    fn told_attributes(&self) -> Vec<Value> {
        let named = [("trace_name", "trace.name"), ("span_name", "span.name")];
        let names = named.iter().filter_map(|(key, name)| Some(text(name, self.told(key)?)));
        let others = self.trace.iter().filter(|(key, value)| {
            !KNOWN.contains(&key.as_str()) && !key.starts_with(RESERVED) && !value.is_null()
        });
        names.chain(others.map(|(key, value)| told(&format!("trace.metadata.{key}"), value))).collect()
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
        all.extend(self.told_attributes());
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
        all.extend(self.told("trace_name").map(|name| text("langfuse.trace.name", name)));
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

/// An id of so many bytes: as it was told where it is one, else made of what was told, always the same.
fn hexadecimal<const BYTES: usize>(told: &str) -> String {
    let told = told.to_ascii_lowercase();
    let compact: String = told.chars().filter(|symbol| *symbol != '-').collect();
    match hex::decode(&compact) {
        Ok(bytes) if bytes.len() == BYTES && bytes.iter().any(|byte| *byte != 0) => compact,
        _ => hex::encode(&Sha256::digest(told)[..BYTES]),
    }
}

/// An attribute of whatever kind it was told as; what is neither text nor number nor yes or no is JSON.
fn told(key: &str, value: &Value) -> Value {
    match value {
        Value::String(value) => text(key, value),
        Value::Bool(value) => flag(key, *value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => json!({ "key": key, "value": { "intValue": value.to_string() } }),
            None => json!({ "key": key, "value": { "doubleValue": number } }),
        },
        other => text(key, &other.to_string()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn span(trace: Value, kind: Kind) -> Value {
        let record =
            UsageRecord { session_id: "s".to_owned(), end_user: "u".to_owned(), ..UsageRecord::default() };
        let Value::Object(trace) = trace else { panic!("no object") };
        let id = Uuid::from_u128(7);
        let generation = Generation { id, record, key_name: String::new(), content: None, trace };
        let extent = Extent { kind, content: true, cost: false, identity: false, request_context: false };
        generation.span(extent).json
    }

    fn attribute(span: &Value, key: &str) -> Option<Value> {
        let all = span["attributes"].as_array().unwrap();
        all.iter().find(|one| one["key"] == key).map(|one| one["value"].clone())
    }

    #[test]
    fn a_span_is_placed_and_named_as_the_request_says() {
        let plain = span(json!({}), Kind::Webhook);
        assert_eq!(
            (plain["traceId"].as_str().unwrap(), &plain["name"]),
            (Uuid::from_u128(7).simple().to_string().as_str(), &json!("chat"))
        );
        assert!(plain.get("parentSpanId").is_none());
        let ids = json!({ "trace_id": "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736", "parent_span_id": "00f067aa0ba902b7",
                          "generation_name": "answer" });
        let placed = span(ids, Kind::Webhook);
        assert_eq!(placed["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(
            (&placed["parentSpanId"], &placed["name"]),
            (&json!("00f067aa0ba902b7"), &json!("answer"))
        );
        let (one, same) =
            (span(json!({ "trace_id": "job-1" }), Kind::S3), span(json!({ "trace_id": "job-1" }), Kind::S3));
        assert_eq!(one["traceId"], same["traceId"]);
        assert_eq!(one["traceId"].as_str().unwrap().len(), 32);
        assert_ne!(one["traceId"], plain["traceId"]);
    }

    #[test]
    fn whatever_else_a_request_says_of_its_trace_is_an_attribute() {
        let said = json!({ "trace_name": "nightly", "span_name": "step", "env": "prod", "run": 3, "share": 0.5,
                           "dry": true, "tags": ["a"], "none": null, "openrouter.api_key_name": "forged" });
        let span = span(said, Kind::Langfuse);
        for (key, value) in [
            ("trace.name", json!({ "stringValue": "nightly" })),
            ("langfuse.trace.name", json!({ "stringValue": "nightly" })),
            ("span.name", json!({ "stringValue": "step" })),
            ("trace.metadata.env", json!({ "stringValue": "prod" })),
            ("trace.metadata.run", json!({ "intValue": "3" })),
            ("trace.metadata.share", json!({ "doubleValue": 0.5 })),
            ("trace.metadata.dry", json!({ "boolValue": true })),
            ("trace.metadata.tags", json!({ "stringValue": "[\"a\"]" })),
            ("session.id", json!({ "stringValue": "s" })),
            ("user.id", json!({ "stringValue": "u" })),
        ] {
            assert_eq!(attribute(&span, key), Some(value), "{key}");
        }
        for key in
            ["trace.metadata.trace_name", "trace.metadata.none", "trace.metadata.openrouter.api_key_name"]
        {
            assert_eq!(attribute(&span, key), None, "{key}");
        }
    }
}
