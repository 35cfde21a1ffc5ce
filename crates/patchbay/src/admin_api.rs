//! The operators' API of a platform that runs, as commands ask it.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::cli::Shared;
use crate::config::Config;

/// Where the API is, for a shell that does not run beside the platform.
const URL: &str = "PATCHBAY_ADMIN_URL";
/// Holds an operator's token, where the command line should not.
const TOKEN: &str = "PATCHBAY_ADMIN_TOKEN";
/// How often a request is sent that is done once however often it arrives.
const TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// Longer than the platform takes for any answer.
const TIMEOUT: Duration = Duration::from_secs(120);

/// What came instead of an answer. Exit codes are those of sysexits.h.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the admin API at {url} cannot be reached")]
    Away {
        url: Url,
        #[source]
        cause: reqwest::Error,
    },
    #[error("the admin API answered {status}: {message}")]
    Refused { status: StatusCode, message: String },
}

impl Error {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { status, .. } if status.is_client_error() => match status.as_u16() {
                401 | 403 => 77,
                404 => 66,
                408 | 429 => 75,
                _ => 65,
            },
            Self::Away { .. } | Self::Refused { .. } => 69,
        }
    }

    /// Whether the same request may fare better a moment later.
    fn passes(&self) -> bool {
        match self {
            Self::Away { .. } => true,
            Self::Refused { status, message: _ } => {
                matches!(*status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }
}

pub(crate) struct AdminApi {
    base: Url,
    token: SecretString,
    client: reqwest::Client,
}

/// What `dev.json` says of the admin API.
#[derive(Deserialize)]
struct Known {
    admin_base: String,
    admin_token: SecretString,
}

impl AdminApi {
    /// The one that is named by flags, else by the environment, else the one of the data directory.
    pub(crate) fn of(shared: &Shared, url: Option<String>, token: Option<String>) -> anyhow::Result<Self> {
        let url = url.or_else(|| lifecycle::foreign_variable(URL).map(|url| url.expose_secret().to_owned()));
        let token = token.map(SecretString::from).or_else(|| lifecycle::foreign_variable(TOKEN));
        let known = match (url, token) {
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
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { base, token: known.admin_token, client })
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        let url = self.url(path, query)?;
        self.answer(self.client.get(url)).await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        query: &[(&str, String)],
        body: &Value,
    ) -> anyhow::Result<Value> {
        let url = self.url(path, query)?;
        self.answer(self.client.post(url).json(body)).await
    }

    /// Does something once: the request carries a key, so that it may be sent again when no answer comes.
    pub(crate) async fn post_once(
        &self,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let url = self.url(path, &[])?;
        let key = key.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
        let mut tries = 1;
        loop {
            let request = self.client.post(url.clone()).header("idempotency-key", &key).json(body);
            match self.sent(request).await {
                Err(error) if error.passes() && tries < TRIES => tokio::time::sleep(TRY_AGAIN).await,
                Err(error) if error.passes() => {
                    let again =
                        format!("it may be done or not; `--idempotency-key {key}` sends the same again");
                    return Err(anyhow::Error::new(error).context(again));
                }
                outcome => return Ok(outcome?),
            }
            tries += 1;
        }
    }

    /// Sets members to what is sent, which may be sent again when no answer comes.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = self.url(path, &[])?;
        let mut tries = 1;
        loop {
            let request = self.client.request(Method::PATCH, url.clone()).json(body);
            match self.sent(request).await {
                Err(error) if error.passes() && tries < TRIES => tokio::time::sleep(TRY_AGAIN).await,
                outcome => return Ok(outcome?),
            }
            tries += 1;
        }
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        let url = self.url(path, &[])?;
        self.answer(self.client.delete(url)).await
    }

    /// Every row of a list, page by page.
    pub(crate) async fn all(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut query = query.to_vec();
        loop {
            let mut page = self.get(path, &query).await?;
            let next = page["next"].as_str().map(str::to_owned);
            match page["data"].take() {
                Value::Array(data) => rows.extend(data),
                _ => anyhow::bail!("the admin API lists nothing at `{path}`: is {} its base?", self.base),
            }
            let Some(next) = next else { return Ok(rows) };
            query.retain(|(name, _)| *name != "after");
            query.push(("after", next));
        }
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Url> {
        let mut url = self.base.join(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn answer(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        Ok(self.sent(request).await?)
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Value, Error> {
        let away = |cause| Error::Away { url: self.base.clone(), cause };
        let answer = request.bearer_auth(self.token.expose_secret()).send().await.map_err(away)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(away)?;
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !status.is_success() {
            let message = json["error"]["message"].as_str().unwrap_or("it does not say why").to_owned();
            return Err(Error::Refused { status, message });
        }
        Ok(json)
    }
}

fn known(shared: &Shared) -> anyhow::Result<Known> {
    let path = Config::load(shared)?.data_dir.join("dev.json");
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "no platform runs on {}: name one with --url and --token, or another folder with --data-dir",
            path.parent().unwrap_or(&path).display()
        )
    })?;
    serde_json::from_str(&text).with_context(|| format!("{} is malformed", path.display()))
}
