//! Which upstream providers are real: those whose credential the environment holds, and local servers that
//! answer. The simulator stands in for the rest.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use router::ProviderOverride;
use tokio::net::TcpStream;

/// Where Ollama listens unless told otherwise.
const OLLAMA: &str = "127.0.0.1:11434";
const PATIENCE: Duration = Duration::from_millis(300);

/// Where each provider's answers come from.
pub(crate) struct Sources {
    pub(crate) overrides: Vec<ProviderOverride>,
    /// Names of the real ones, with what made them so.
    pub(crate) real: Vec<String>,
    /// How many the simulator serves.
    pub(crate) simulated: usize,
}

/// Looks at the environment and at local servers. `simulator` is the base URL of what serves the rest;
/// `None` = nothing does.
pub(crate) async fn sources(simulator: Option<&str>) -> anyhow::Result<Sources> {
    let mut sources = Sources { overrides: Vec::new(), real: Vec::new(), simulated: 0 };
    for provider in router::known_providers()? {
        let credential = lifecycle::foreign_variable(&provider.credential_env);
        let mut chosen = ProviderOverride {
            provider: provider.slug.clone(),
            base_url: None,
            credential: credential.clone(),
            simulated: false,
        };
        if credential.is_some() {
            sources.real.push(format!("{} ({})", provider.name, provider.credential_env));
        } else if let Some(address) = local_server(&provider.slug).await {
            sources.real.push(format!("{} ({address})", provider.name));
            chosen.base_url = Some(address);
        } else if let Some(simulator) = simulator {
            sources.simulated += 1;
            chosen.base_url = Some(format!("{simulator}/{}", provider.dialect));
            chosen.simulated = true;
        } else {
            continue;
        }
        sources.overrides.push(chosen);
    }
    Ok(sources)
}

/// The base URL of a server on this machine that stands for a provider, if it answers.
async fn local_server(provider: &str) -> Option<String> {
    if provider != "ollama" {
        return None;
    }
    let configured = lifecycle::foreign_variable("OLLAMA_HOST");
    let host = configured.as_ref().map_or(OLLAMA, |host| secrecy::ExposeSecret::expose_secret(host));
    let address = host.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let address = if address.contains(':') { address } else { format!("{address}:11434") };
    // A server that listens everywhere is reached here.
    let address = address.replace("0.0.0.0:", "127.0.0.1:");
    let resolved = tokio::task::spawn_blocking({
        let address = address.clone();
        move || address.to_socket_addrs().ok()?.next()
    });
    let target = resolved.await.ok()??;
    let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(target)).await;
    connected.is_ok_and(|outcome| outcome.is_ok()).then(|| format!("http://{address}/v1"))
}
