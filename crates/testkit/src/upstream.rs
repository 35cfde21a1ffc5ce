//! Providers of a test's own, played by the platform's simulator.

mod payments;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::{DevFile, http};
pub use payments::{GOOD_CARD, event_signature};

/// A provider dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    OpenAi,
    Anthropic,
    Gemini,
}

impl Dialect {
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }
}

/// A provider with faults and a log of its own.
#[derive(Debug, Clone)]
pub struct Provider {
    pub slug: String,
    /// Display name, as answers carry it.
    pub name: String,
    pub dialect: Dialect,
}

/// What the simulator generated for one request: the oracle.
#[derive(Debug, Clone)]
pub struct Sent {
    /// When the request came, in Unix milliseconds.
    pub at_ms: u64,
    /// The HTTP status, 0 when none was sent.
    pub status: u16,
    pub response_id: String,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Tokens that left before a cut or before the client went away.
    pub sent_tokens: u64,
    pub disconnected: bool,
    pub outcome: String,
}

#[derive(Deserialize)]
struct Entry {
    at: u64,
    status: u16,
    response_id: String,
    usage: Usage,
    tokens_sent: u64,
    client_disconnected: bool,
    outcome: String,
}

#[derive(Deserialize)]
struct Usage {
    prompt: u64,
    completion: u64,
}

/// The platform's simulator.
#[derive(Debug, Clone)]
pub struct Simulator {
    http: reqwest::Client,
    base: String,
}

impl Simulator {
    pub(crate) fn new(dev: &DevFile) -> Self {
        Self { http: http::client(), base: dev.simulator_base.trim_end_matches('/').to_owned() }
    }

    /// Makes every answer of a provider suffer what the script says.
    ///
    /// # Errors
    /// When the simulator refuses the script.
    pub async fn fault(&self, provider: &Provider, script: &Value) -> anyhow::Result<()> {
        self.fault_model(provider, "*", script).await
    }

    /// Makes every answer of a provider for one of its models suffer what the script says.
    ///
    /// # Errors
    /// When the simulator refuses the script.
    pub async fn fault_model(&self, provider: &Provider, model: &str, script: &Value) -> anyhow::Result<()> {
        let url = format!("{}/_admin/faults/{model}?provider={}", self.base, provider.slug);
        let response = self.http.put(url).json(script).send().await?;
        ensure!(response.status().is_success(), "{script}: {}", response.text().await?);
        Ok(())
    }

    /// What a provider generated in answers that began well, oldest first.
    ///
    /// # Errors
    /// When the simulator cannot be asked.
    pub async fn sent(&self, provider: &Provider) -> anyhow::Result<Vec<Sent>> {
        Ok(self.log(provider).await?.into_iter().filter(|sent| sent.outcome != "failed").collect())
    }

    /// How often a provider was called.
    ///
    /// # Errors
    /// When the simulator cannot be asked.
    pub async fn calls(&self, provider: &Provider) -> anyhow::Result<usize> {
        Ok(self.log(provider).await?.len())
    }

    /// The only request that a provider got, once it has ended.
    ///
    /// # Errors
    /// When there is not exactly one, or it does not end.
    pub async fn ended(&self, provider: &Provider) -> anyhow::Result<Sent> {
        for _ in 0..200 {
            if let [sent] = &self.log(provider).await?[..]
                && sent.outcome != "open"
            {
                return Ok(sent.clone());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        anyhow::bail!("no one request that ended: {:?}", self.log(provider).await?)
    }

    /// Every request that a provider got for one of its models, oldest first.
    ///
    /// # Errors
    /// When the simulator cannot be asked.
    pub async fn asked(&self, provider: &Provider, model: &str) -> anyhow::Result<Vec<Sent>> {
        self.entries(&format!("provider={}&model={model}", provider.slug)).await
    }

    async fn log(&self, provider: &Provider) -> anyhow::Result<Vec<Sent>> {
        self.entries(&format!("provider={}", provider.slug)).await
    }

    async fn entries(&self, wanted: &str) -> anyhow::Result<Vec<Sent>> {
        let url = format!("{}/_admin/log?limit=100000&{wanted}", self.base);
        let entries: Vec<Entry> = self
            .http
            .get(url)
            .send()
            .await?
            .json()
            .await
            .context("the simulator's log is not as expected")?;
        Ok(entries
            .into_iter()
            .map(|entry| Sent {
                at_ms: entry.at,
                status: entry.status,
                response_id: entry.response_id,
                prompt_tokens: entry.usage.prompt,
                completion_tokens: entry.usage.completion,
                sent_tokens: entry.tokens_sent,
                disconnected: entry.client_disconnected,
                outcome: entry.outcome,
            })
            .collect())
    }
}
