//! llama.cpp's own server with a tiny model of random weights, in a process of its own.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use testkit::Api;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::root;

/// A running server. It ends when this is dropped, and when the test is killed: its input ends then.
pub(super) struct Server {
    child: Child,
    /// What an OpenAI client would be given.
    pub(super) base_url: String,
    pub(super) key: String,
    /// The server's own name for its model.
    pub(super) model: String,
}

/// What a server counted of all requests so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// Of prompts, whether read or found in its cache.
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
}

impl Counted {
    /// What came after `before`.
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens - before.prompt_tokens,
            completion_tokens: self.completion_tokens - before.completion_tokens,
        }
    }
}

impl Server {
    /// Starts a server whose requests may be `context` tokens long, prompt and answer together.
    pub(super) async fn start(context: u32) -> anyhow::Result<Self> {
        let mut child = Command::new(root().join("target/inference-server/bin/python"))
            .arg(root().join("tests/inference-server/serve.py"))
            .args(["--context", &context.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the inference server is not installed: run `cargo xtask test`")?;
        let output = child.stdout.take().context("no output")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let said: Value = serde_json::from_str(&line.context("the inference server did not start")?)?;
        let text = |name: &str| said[name].as_str().map(str::to_owned).context("no address");
        Ok(Self { child, base_url: text("base_url")?, key: text("key")?, model: text("model")? })
    }

    /// What it counted, once it has nothing left to do.
    pub(super) async fn counted(&self) -> anyhow::Result<Counted> {
        let api = Api::new(self.base_url.trim_end_matches("/v1"), &self.key);
        for _ in 0..600 {
            let reply = api.get("/metrics").await?;
            let text = reply.body.as_str().with_context(|| format!("{reply:?}"))?;
            if metric(text, "requests_processing")? == 0 {
                return Ok(Counted {
                    prompt_tokens: metric(text, "prompt_tokens_total")?
                        + metric(text, "prompt_tokens_cached_total")?,
                    completion_tokens: metric(text, "tokens_predicted_total")?,
                });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::bail!("the inference server does not come to rest")
    }

    /// Kills it, whatever it does.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Ends its input, and waits for its end.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await??;
        ensure!(status.success(), "the inference server ended with {status}");
        Ok(())
    }
}

/// One of its metrics, in Prometheus' text.
fn metric(text: &str, name: &str) -> anyhow::Result<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("llamacpp:{name} ")));
    Ok(value.with_context(|| format!("no metric {name} in {text}"))?.trim().parse()?)
}
