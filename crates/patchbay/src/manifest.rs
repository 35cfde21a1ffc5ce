//! `dev.json` and `run/pids.json`: what scripts need to know of a platform that runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::data_dir::DataDir;
use crate::secrets::Secrets;

/// The console's and the operators' first account.
pub(crate) const ADMIN_EMAIL: &str = "admin@patchbay.localhost";

/// `dev.json`. Its keys are a promise to scripts.
#[derive(Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Base URL for OpenAI clients.
    pub(crate) api_base: String,
    /// Base URL for Anthropic clients.
    pub(crate) anthropic_base: String,
    pub(crate) admin_base: String,
    pub(crate) console_url: String,
    pub(crate) api_key: String,
    pub(crate) management_key: String,
    /// The key of the second demo organisation, which pays a markup.
    pub(crate) markup_api_key: String,
    pub(crate) admin_token: String,
    pub(crate) admin_email: String,
    pub(crate) admin_password: String,
    pub(crate) database_url: String,
    /// Every process of the platform.
    pub(crate) pids: Vec<u32>,
    /// `dev` or `cluster`.
    pub(crate) topology: String,
    /// Where each edge is reached, without a path.
    pub(crate) edges: Vec<String>,
    /// The simulated upstream providers.
    pub(crate) simulator_base: String,
    /// `/healthz`, `/readyz`, `/metrics` of the first edge.
    pub(crate) probe_base: String,
}

/// What differs between one platform and the next.
pub(crate) struct Facts<'a> {
    pub(crate) topology: &'a str,
    pub(crate) database_url: &'a SecretString,
    pub(crate) pids: Vec<u32>,
    /// At least one.
    pub(crate) edges: Vec<SocketAddr>,
    pub(crate) simulator: String,
    pub(crate) probes: SocketAddr,
}

impl Manifest {
    pub(crate) fn new(secrets: &Secrets, facts: Facts<'_>) -> Self {
        let edges: Vec<String> = facts.edges.iter().map(|edge| base(*edge)).collect();
        let first = edges.first().cloned().unwrap_or_default();
        let secrets = secrets.clone();
        Self {
            api_base: format!("{first}/api/v1"),
            anthropic_base: format!("{first}/api"),
            admin_base: format!("{first}/admin/v1"),
            console_url: format!("{first}/"),
            api_key: secrets.api_key,
            management_key: secrets.management_key,
            markup_api_key: secrets.markup_api_key,
            admin_token: secrets.admin_token,
            admin_email: ADMIN_EMAIL.to_owned(),
            admin_password: secrets.admin_password,
            database_url: facts.database_url.expose_secret().to_owned(),
            pids: facts.pids,
            topology: facts.topology.to_owned(),
            edges,
            simulator_base: facts.simulator,
            probe_base: base(facts.probes),
        }
    }

    pub(crate) fn write(&self, data_dir: &DataDir) -> anyhow::Result<()> {
        Ok(backing::write_secret(&data_dir.manifest(), &serde_json::to_string_pretty(self)?)?)
    }

    /// Removes what an earlier run wrote.
    pub(crate) fn remove(data_dir: &DataDir) -> anyhow::Result<()> {
        match std::fs::remove_file(data_dir.manifest()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// What to try first, for the person at the terminal.
    pub(crate) fn greeting(&self, data_dir: &DataDir, stop: &str) -> String {
        let Self { api_base, anthropic_base, console_url, api_key, admin_email, admin_password, .. } = self;
        let manifest = data_dir.manifest();
        let manifest = manifest.display();
        format!(
            r#"
Patchbay is ready.

  Base URL   {api_base}   (Anthropic clients: {anthropic_base})
  API key    {api_key}   (demo organisation, $10 credit)
  Console    {console_url}
  Sign in    {admin_email}   {admin_password}   (owner of the demo organisation, platform administrator)
  All keys   {manifest}

  curl {api_base}/chat/completions \
    -H "Authorization: Bearer {api_key}" \
    -H "Content-Type: application/json" \
    -d '{{"model": "openai/gpt-4o-mini", "messages": [{{"role": "user", "content": "Hello!"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{api_base}", api_key="{api_key}")
  answer = client.chat.completions.create(
      model="anthropic/claude-3.5-sonnet", messages=[{{"role": "user", "content": "Hello!"}}])
  print(answer.choices[0].message.content)

{stop}
"#
        )
    }
}

/// One process in `run/pids.json`. Its children belong to the listed pid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunningProcess {
    /// What it is, such as `edge` or `postgres`.
    pub(crate) name: String,
    /// Which of its kind, such as `edge-1`.
    pub(crate) instance: String,
    pub(crate) pids: Vec<u32>,
    /// One shell command that starts this instance again, in the background, on the same ports.
    pub(crate) restart_cmd: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) log: PathBuf,
    /// Where it listens, `host:port`.
    pub(crate) address: String,
    /// Where its probes answer; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probe: Option<String>,
}

/// Writes `run/pids.json`.
pub(crate) fn write_pids(data_dir: &DataDir, processes: &[RunningProcess]) -> anyhow::Result<()> {
    Ok(backing::write_secret(&data_dir.pids(), &serde_json::to_string_pretty(processes)?)?)
}

/// This program with `arguments`, as one shell command.
pub(crate) fn shell_command(arguments: &[&str], data_dir: &DataDir) -> anyhow::Result<String> {
    let program = std::env::current_exe()?;
    let mut words = vec![quoted(&program)];
    words.extend(arguments.iter().map(|&argument| argument.to_owned()));
    words.push("--data-dir".to_owned());
    words.push(quoted(data_dir.path()));
    Ok(words.join(" "))
}

/// A path as one word of a shell command.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// How a client on this machine reaches an address that is listened on.
pub(crate) fn base(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        std::net::IpAddr::V4(ip) => ip.to_string(),
    };
    format!("http://{host}:{}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_listened_on_becomes_one_that_can_be_called() {
        let of = |text: &str| base(text.parse().unwrap());
        assert_eq!(of("0.0.0.0:8080"), "http://127.0.0.1:8080");
        assert_eq!(of("[::]:1"), "http://[::1]:1");
        assert_eq!(of("10.0.0.1:2"), "http://10.0.0.1:2");
    }

    #[test]
    fn a_folder_with_a_quote_stays_one_word() {
        assert_eq!(quoted(Path::new("/it's here")), r"'/it'\''s here'");
    }
}
