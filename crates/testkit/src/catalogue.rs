//! Rows of the catalogue with members of a test's own choice.

use anyhow::Context as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::admin::per_token;
use crate::{Admin, Dialect, Provider};

impl Admin {
    /// A provider that the simulator plays, with faults and a log of its own. `members` are laid over the usual
    /// ones: `headquarters`, `timeouts` and so on.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn provider_with(&self, dialect: Dialect, members: &Value) -> anyhow::Result<Provider> {
        let (provider, change) = self.new_provider(dialect, members);
        self.import(vec![change]).await?;
        Ok(provider)
    }

    /// The same as a change yet to be made.
    #[must_use]
    pub fn new_provider(&self, dialect: Dialect, members: &Value) -> (Provider, Value) {
        let slug = unique("sim");
        let name = format!("Simulated {slug}");
        let base_url = format!("{}/p/{slug}/{}", self.simulator(), dialect.name());
        let usual = json!({
            "slug": slug,
            "name": name,
            "dialect": dialect.name(),
            "base_url": base_url,
            "credential": "test-credential",
            "cancel_stops_billing": true,
            "timeouts": {"connect_ms": 2000, "first_token_ms": 3000, "stall_ms": 3000, "total_ms": 60000},
        });
        (Provider { slug, name, dialect }, json!({"provider": overlaid(usual, members)}))
    }

    /// A model of this slug, as a change yet to be made. `members` are laid over the usual ones: `aliases`, `family`,
    /// `scores` and so on.
    #[must_use]
    pub fn new_model(slug: &str, members: &Value) -> Value {
        let usual = json!({
            "slug": slug,
            "name": "A test model",
            "context_length": 128_000,
            "max_output": 16_000,
            "input_modalities": ["text", "image"],
            "output_modalities": ["text"],
            "supported_parameters": ["tools", "tool_choice", "response_format", "structured_outputs",
                                     "max_tokens", "temperature", "top_p", "stop", "seed", "reasoning"],
        });
        json!({"model": overlaid(usual, members)})
    }

    /// An endpoint at so many dollars per million tokens, prompt and completion alike, as a change yet to be made.
    /// `members` are laid over the usual ones: `tag`, `price`, `quantization`, `region` and so on.
    #[must_use]
    pub fn new_endpoint(model: &str, provider: &Provider, dollars: &str, members: &Value) -> Value {
        let price = per_token(dollars);
        let usual = json!({
            "model": model,
            "provider": provider.slug,
            "provider_model": provider_model(model),
            "context_length": 128_000,
            "max_output": 16_000,
            "price": {"base": {"input": price, "output": price}},
        });
        json!({"endpoint": overlaid(usual, members)})
    }

    /// Makes changes at once; answers with the version of the catalogue that has them. One call at a time, in the
    /// order of asking: each reads and checks the whole catalogue.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn import(&self, changes: Vec<Value>) -> anyhow::Result<u64> {
        let _changing = self.changing.lock().await;
        let changed = self.post("/catalogue", json!({"changes": changes})).await?;
        changed["catalogue_version"].as_u64().with_context(|| format!("no version: {changed}"))
    }

    /// Waits until every router has this version of the catalogue in use: asked often enough, each is asked.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn in_use(&self, version: u64) -> anyhow::Result<()> {
        let mut good = 0;
        for _ in 0..2_000 {
            let reply = self.call("GET", "/providers?limit=1", None).await?;
            let is_new = reply.body["version"].as_u64().is_some_and(|known| known >= version);
            good = if is_new { good + 1 } else { 0 };
            if good == 20 {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        anyhow::bail!("version {version} does not come into use")
    }
}

/// A name nobody else has.
#[must_use]
pub fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", Uuid::now_v7().simple())
}

/// What providers call a test's model.
#[must_use]
pub fn provider_model(slug: &str) -> String {
    slug.trim_start_matches("test/").replace(['/', ':'], "-")
}

fn overlaid(mut usual: Value, members: &Value) -> Value {
    if let (Value::Object(usual), Value::Object(members)) = (&mut usual, members) {
        usual.extend(members.clone());
    }
    usual
}
