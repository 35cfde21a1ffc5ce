//! The operator's side of Patchbay: providers, models, prices, an organisation with credit.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::http;
use crate::scenario::Shape;

/// USD per token; cheap, so that no round runs out of credit, but every request is held, charged and booked.
const INPUT: &str = "0.00000001";
const OUTPUT: &str = "0.00000004";
const CREDIT: &str = "1000";

/// A caller of the operator API.
pub(crate) struct Operator {
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Operator {
    /// Offers the upstream's provider of a shape as the model `bench/{shape}`.
    ///
    /// # Errors
    /// When the platform refuses.
    pub(crate) async fn offer(&self, shape: Shape, base_url: &str) -> anyhow::Result<()> {
        let (provider, model) = (format!("bench-{}", shape.name()), format!("bench/{}", shape.name()));
        let body = json!({
            "slug": provider,
            "name": provider,
            "dialect": "openai",
            "base_url": base_url,
            "credential": "bench",
            "cancel_stops_billing": true,
        });
        self.post("/providers", &body).await?;
        let body = json!({
            "slug": model,
            "name": model,
            "context_length": 128_000,
            "max_output": 16_000,
            "supported_parameters": ["max_tokens", "temperature", "stop"],
        });
        self.post("/models", &body).await?;
        let body = json!({
            "model": model,
            "provider": provider,
            "provider_model": shape.name(),
            "context_length": 128_000,
            "max_output": 16_000,
            "price": {"base": {"input": INPUT, "output": OUTPUT}},
        });
        self.post("/endpoints", &body).await?;
        Ok(())
    }

    /// # Errors
    /// When the platform refuses.
    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base.trim_end_matches('/'));
        let headers = [("authorization", format!("Bearer {}", self.token))];
        let reply = http::call("POST", &url, &headers, Some(body)).await?;
        ensure!((200..300).contains(&reply.status), "POST {path}: {} {}", reply.status, reply.body);
        Ok(reply.body)
    }
}

/// An inference key of a new organisation with credit.
///
/// # Errors
/// When the platform refuses.
pub(crate) async fn key(operator: &Operator) -> anyhow::Result<String> {
    let tenant = operator.post("/tenants", &json!({"name": "Benchmark", "slug": "benchmark"})).await?;
    let id = tenant["id"].as_str().context("the new organisation has no id")?.to_owned();
    let grant = json!({"amount": CREDIT, "kind": "purchase", "reason": "benchmark"});
    operator.post(&format!("/tenants/{id}/credits"), &grant).await?;
    let made = operator
        .post(&format!("/tenants/{id}/keys"), &json!({"name": "benchmark", "kind": "inference"}))
        .await?;
    Ok(made["key"].as_str().context("the new key is not shown")?.to_owned())
}
