//! The operator's calls about money.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{Admin, Organisation, text};
use crate::api::Download;

/// How often something that comes by itself is looked for, ten times a second.
const LOOKS: usize = 600;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Admin {
    /// What is there.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let reply = self.call("GET", path, None).await?;
        ensure!(reply.status == 200, "GET {path}: {reply:?}");
        Ok(reply.body)
    }

    /// # Errors
    /// When the platform refuses.
    pub async fn put(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let reply = self.call("PUT", path, Some(&body)).await?;
        ensure!((200..300).contains(&reply.status), "PUT {path} {body}: {reply:?}");
        Ok(reply.body)
    }

    /// # Errors
    /// When no answer comes.
    pub async fn download(&self, path: &str) -> anyhow::Result<Download> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        Download::read(request.send().await?).await
    }

    /// Asks until `is_there` says so.
    ///
    /// # Errors
    /// When it never does; the message has the last answer.
    pub async fn wait_for(&self, path: &str, is_there: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let mut last = String::new();
        for _ in 0..LOOKS {
            let reply = self.call("GET", path, None).await?;
            if reply.status == 200 && is_there(&reply.body) {
                return Ok(reply.body);
            }
            last = format!("{reply:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        anyhow::bail!("{path} never is as expected: {last}")
    }

    /// Every usage row of an organisation, as the operator's API lists them.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn usage_rows(&self, organisation: &Organisation) -> anyhow::Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut after = String::new();
        loop {
            let page =
                self.get(&format!("/usage?tenant={}&limit=1000&after={after}", organisation.id)).await?;
            rows.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return Ok(rows),
            }
        }
    }

    /// Closes the open period and answers its id.
    ///
    /// # Errors
    /// When there is none or the platform refuses.
    pub async fn close_period(&self) -> anyhow::Result<String> {
        let periods = self.get("/periods").await?;
        let open = periods["data"].as_array().into_iter().flatten().find(|period| period["state"] == "open");
        let id = text(open.with_context(|| format!("no open period in {periods}"))?, "id")?;
        self.post("/periods/close", json!({"period_id": id})).await?;
        Ok(id)
    }

    /// An organisation's invoice or statement of a closed period, once it is drafted.
    ///
    /// # Errors
    /// When it is never drafted.
    pub async fn draft(&self, organisation: &Organisation, period: &str) -> anyhow::Result<Value> {
        let path = format!("/invoices?tenant_id={}&period_id={period}", organisation.id);
        let found = self.wait_for(&path, |body| body["data"].as_array().is_some_and(|rows| !rows.is_empty()));
        Ok(found.await?["data"][0].clone())
    }

    /// The invariants that the last checks found broken.
    ///
    /// # Errors
    /// When the platform cannot say.
    pub async fn kept_breaches(&self) -> anyhow::Result<Vec<Value>> {
        let body = self.get("/invariants?kept=true").await?;
        body["breaches"].as_array().cloned().with_context(|| body.to_string())
    }
}
