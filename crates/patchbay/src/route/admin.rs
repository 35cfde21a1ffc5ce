//! The admin API of a platform that runs.

use anyhow::{Context as _, bail};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Place;
use crate::cli::Shared;
use crate::config::Config;

/// Holds an operator's token, where the command line should not.
const TOKEN: &str = "PATCHBAY_ADMIN_TOKEN";

pub(super) struct Admin {
    base: Url,
    token: String,
    client: reqwest::Client,
}

/// What `dev.json` says of the admin API.
#[derive(Deserialize)]
struct Known {
    admin_base: String,
    admin_token: String,
}

impl Admin {
    /// The one that is named, else the one of the data directory.
    pub(super) fn of(shared: &Shared, place: &Place) -> anyhow::Result<Self> {
        let variable = || lifecycle::foreign_variable(TOKEN).map(|token| token.expose_secret().to_owned());
        let token = place.token.clone().or_else(variable);
        let known = match (place.admin_url.clone(), token) {
            (Some(admin_base), Some(admin_token)) => Known { admin_base, admin_token },
            (url, token) => {
                let known = known(shared)?;
                Known {
                    admin_base: url.unwrap_or(known.admin_base),
                    admin_token: token.unwrap_or(known.admin_token),
                }
            }
        };
        let base = format!("{}/", known.admin_base.trim_end_matches('/'));
        let base = base.parse().with_context(|| format!("`{}` is no URL", known.admin_base))?;
        Ok(Self { base, token: known.admin_token, client: reqwest::Client::builder().build()? })
    }

    pub(super) async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        self.answer(self.client.get(self.url(path, query)?)).await
    }

    pub(super) async fn post(
        &self,
        path: &str,
        query: &[(&str, String)],
        body: &Value,
    ) -> anyhow::Result<Value> {
        self.answer(self.client.post(self.url(path, query)?).json(body)).await
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Url> {
        let mut url = self.base.join(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let away = || format!("the admin API at {} cannot be reached", self.base);
        let answer = request.bearer_auth(&self.token).send().await.with_context(away)?;
        let status = answer.status();
        let body = answer.bytes().await.with_context(away)?;
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !status.is_success() {
            let message = json["error"]["message"].as_str().unwrap_or("it does not say why");
            bail!("the admin API answered {status}: {message}");
        }
        Ok(json)
    }
}

fn known(shared: &Shared) -> anyhow::Result<Known> {
    let path = Config::load(shared)?.data_dir.join("dev.json");
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "no platform runs on {}: name one with --admin-url and --token, or another folder with --data-dir",
            path.parent().unwrap_or(&path).display()
        )
    })?;
    serde_json::from_str(&text).with_context(|| format!("{} is malformed", path.display()))
}
