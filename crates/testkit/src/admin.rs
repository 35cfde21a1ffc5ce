//! The operator's API: organisations, keys, providers and models of a test's own.

mod money;

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::api::{Reply, read};
use crate::catalogue::unique;
use crate::{DevFile, Dialect, Provider, http};

/// How often what cannot be done right now is tried again.
const PATIENCE: usize = 20;

/// A tenant of a test's own.
#[derive(Debug, Clone)]
pub struct Organisation {
    pub id: String,
    /// The workspace of its keys.
    pub workspace: String,
    pub api_key: String,
    pub api_key_hash: String,
    pub management_key: String,
}

/// A client of the operator's API.
#[derive(Debug, Clone)]
pub struct Admin {
    http: reqwest::Client,
    base: String,
    token: String,
    simulator: String,
    /// Held by whoever changes the catalogue.
    pub(crate) changing: Arc<Mutex<()>>,
}

impl Admin {
    pub(crate) fn new(dev: &DevFile) -> Self {
        Self {
            http: http::client(),
            base: dev.admin_base.trim_end_matches('/').to_owned(),
            token: dev.admin_token.clone(),
            simulator: dev.simulator_base.trim_end_matches('/').to_owned(),
            changing: Arc::default(),
        }
    }

    pub(crate) fn simulator(&self) -> &str {
        &self.simulator
    }

    /// # Errors
    /// When no answer comes.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Reply> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request.send().await?).await
    }

    /// Sends what must be taken, again where it cannot be right now: changes of the catalogue wait for each
    /// other, and many tests make some.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let mut reply = self.call("POST", path, Some(&body)).await?;
        for _ in 0..PATIENCE {
            if reply.status != 503 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            reply = self.call("POST", path, Some(&body)).await?;
        }
        ensure!((200..300).contains(&reply.status), "POST {path} {body}: {reply:?}");
        Ok(reply.body)
    }

    /// An organisation with so many dollars of credit, an inference key and a management key.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn organisation(&self, dollars: &str) -> anyhow::Result<Organisation> {
        let tenant = self
            .post("/tenants", json!({"slug": format!("test-{}", Uuid::now_v7().simple()), "name": "Test"}))
            .await?;
        let id = text(&tenant, "id")?;
        if dollars != "0" {
            self.credit(&id, dollars).await?;
        }
        let inference = self.key(&id, json!({"name": "test", "kind": "inference"})).await?;
        let management = self.key(&id, json!({"name": "test", "kind": "management"})).await?;
        Ok(Organisation {
            id,
            workspace: text(&inference["data"], "workspace_id")?,
            api_key: text(&inference, "key")?,
            api_key_hash: text(&inference["data"], "hash")?,
            management_key: text(&management, "key")?,
        })
    }

    async fn credit(&self, tenant: &str, dollars: &str) -> anyhow::Result<()> {
        let body = json!({"amount": dollars, "kind": "purchase", "reason": "test",
                          "source_id": Uuid::now_v7().to_string()});
        self.post(&format!("/tenants/{tenant}/credits"), body).await?;
        Ok(())
    }

    /// More dollars for the demo organisation.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn credit_demo(&self, dollars: &str) -> anyhow::Result<()> {
        let reply = self.call("GET", "/tenants", None).await?;
        let tenants = reply.body["data"].as_array().with_context(|| format!("{reply:?}"))?;
        let demo = tenants.iter().find(|tenant| tenant["slug"] == "demo").context("no demo organisation")?;
        self.credit(&text(demo, "id")?, dollars).await
    }

    async fn key(&self, tenant: &str, body: Value) -> anyhow::Result<Value> {
        self.post(&format!("/tenants/{tenant}/keys"), body).await
    }

    /// An inference key that may spend so many dollars.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn limited_key(&self, organisation: &Organisation, dollars: &str) -> anyhow::Result<String> {
        let body = json!({"name": "limited", "kind": "inference", "limit": dollars});
        text(&self.key(&organisation.id, body).await?, "key")
    }

    /// An inference key that may spend so many dollars `daily`, `weekly` or `monthly`.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn key_limited_each(
        &self,
        organisation: &Organisation,
        dollars: &str,
        interval: &str,
    ) -> anyhow::Result<String> {
        let body = json!({"name": "limited", "kind": "inference", "limit": dollars, "limit_reset": interval});
        text(&self.key(&organisation.id, body).await?, "key")
    }

    /// An inference key that may ask so often a minute.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn rate_limited_key(&self, organisation: &Organisation, rpm: u32) -> anyhow::Result<String> {
        let body = json!({"name": "rate limited", "kind": "inference", "rate_limit_rpm": rpm});
        text(&self.key(&organisation.id, body).await?, "key")
    }

    /// # Errors
    /// When the platform refuses.
    pub async fn revoke(&self, hash: &str) -> anyhow::Result<()> {
        let reply = self.call("PATCH", &format!("/keys/{hash}"), Some(&json!({"disabled": true}))).await?;
        ensure!(reply.status == 200, "{reply:?}");
        Ok(())
    }

    /// A provider that the simulator plays, with faults and a log of its own.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn provider(&self, dialect: Dialect) -> anyhow::Result<Provider> {
        self.provider_with(dialect, &json!({})).await
    }

    /// The same, given as long for its answers as a real one: under load they come late.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn patient_provider(&self, dialect: Dialect) -> anyhow::Result<Provider> {
        let timeouts =
            json!({"connect_ms": 20_000, "first_token_ms": 30_000, "stall_ms": 20_000, "total_ms": 60_000});
        self.provider_with(dialect, &json!({"timeouts": timeouts})).await
    }

    /// A model that these providers offer at so many dollars per million prompt and completion tokens.
    ///
    /// # Errors
    /// When the platform refuses, or the model does not become routable.
    pub async fn model(&self, offers: &[(&Provider, &str, &str)]) -> anyhow::Result<String> {
        let model = unique("test/m");
        let endpoints = offers.iter().map(|(provider, prompt, completion)| {
            let base = json!({"input": per_token(prompt), "output": per_token(completion)});
            Self::new_endpoint(&model, provider, "0", &json!({"price": {"base": base}}))
        });
        let changes = std::iter::once(Self::new_model(&model, &json!({}))).chain(endpoints);
        self.import(changes.collect()).await?;
        self.routable(&model, offers.len()).await?;
        Ok(model)
    }

    /// A model that costs so many dollars a request and nothing per token.
    ///
    /// # Errors
    /// When the platform refuses, or the model does not become routable.
    pub async fn model_per_request(&self, provider: &Provider, dollars: &str) -> anyhow::Result<String> {
        let model = unique("test/m");
        let base = json!({"input": "0", "output": "0", "request": dollars});
        let endpoint = Self::new_endpoint(&model, provider, "0", &json!({"price": {"base": base}}));
        self.import(vec![Self::new_model(&model, &json!({})), endpoint]).await?;
        self.routable(&model, 1).await?;
        Ok(model)
    }

    /// Another price for an endpoint.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn price(
        &self,
        model: &str,
        provider: &Provider,
        prompt: &str,
        completion: &str,
    ) -> anyhow::Result<()> {
        let known = self.endpoints(model).await?;
        let endpoint = known.iter().find(|endpoint| endpoint["provider"] == json!(provider.slug));
        let endpoint = text(endpoint.context("no such endpoint")?, "id")?;
        let base = json!({"input": per_token(prompt), "output": per_token(completion)});
        self.post("/prices", json!({"endpoint_id": endpoint, "price": {"base": base}})).await?;
        Ok(())
    }

    /// The endpoints of a model, as one of the routers knows them.
    async fn endpoints(&self, model: &str) -> anyhow::Result<Vec<Value>> {
        let reply = self.call("GET", &format!("/catalogue?model={model}"), None).await?;
        let endpoints = reply.body["models"][0]["endpoints"].as_array().cloned();
        endpoints.with_context(|| format!("{model} is not known: {reply:?}"))
    }

    /// Waits until every router knows all of a model's endpoints: asked often enough, each is asked.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn routable(&self, model: &str, endpoints: usize) -> anyhow::Result<()> {
        let mut good = 0;
        for _ in 0..400 {
            let known = self.endpoints(model).await.map_or(0, |known| known.len());
            good = if known == endpoints { good + 1 } else { 0 };
            if good == 12 {
                return Ok(());
            }
            if known != endpoints {
                tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            }
        }
        anyhow::bail!("{model} does not become routable")
    }

    /// The invariants that are broken now.
    ///
    /// # Errors
    /// When the platform cannot say.
    pub async fn invariants(&self) -> anyhow::Result<Vec<Value>> {
        let reply = self.call("GET", "/invariants", None).await?;
        ensure!(reply.status == 200, "{reply:?}");
        reply.body["breaches"].as_array().cloned().with_context(|| format!("{:?}", reply.body))
    }
}

fn text(value: &Value, member: &str) -> anyhow::Result<String> {
    Ok(value[member].as_str().with_context(|| format!("no `{member}` in {value}"))?.to_owned())
}

/// Dollars per million tokens as dollars per token, exactly.
pub(crate) fn per_token(per_million: &str) -> String {
    let (whole, fraction) = per_million.split_once('.').unwrap_or((per_million, ""));
    let digits = format!("{whole}{fraction}");
    format!("{digits}e-{}", 6 + fraction.len())
}
