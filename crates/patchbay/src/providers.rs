//! Which upstream providers are real: those whose credential the environment holds, and servers on this
//! machine. The simulator stands in for the rest.

use router::ProviderOverride;

use crate::local_servers::LocalServer;

/// Where each provider's answers come from.
pub(crate) struct Sources {
    pub(crate) overrides: Vec<ProviderOverride>,
    /// Names of the real ones, with what made them so.
    pub(crate) real: Vec<String>,
    /// How many the simulator serves.
    pub(crate) simulated: usize,
}

/// Looks at the environment and at the local servers that were found. `simulator` is the base URL of what
/// serves the rest; `None` = nothing does.
pub(crate) fn sources(simulator: Option<&str>, local: &[LocalServer]) -> anyhow::Result<Sources> {
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
        } else if let Some(server) = local.iter().find(|server| server.slug == provider.slug) {
            chosen.base_url = Some(server.base_url.clone());
        } else if let Some(simulator) = simulator {
            sources.simulated += 1;
            // Under its own name, so that it has its vendor's habits and faults of its own.
            chosen.base_url = Some(format!("{simulator}/p/{}/{}", provider.slug, provider.dialect));
            chosen.simulated = true;
        } else {
            continue;
        }
        sources.overrides.push(chosen);
    }
    Ok(sources)
}
