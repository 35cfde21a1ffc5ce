//! The whole configuration: every crate's section, and the parts that services share.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use identity::{MasterKey, Role};
use lifecycle::{ConfigError, TelemetryConfig};
use rpc::{Replicas, ServiceKeys};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::cli::Shared;

/// The defaults, which are also the manual.
pub(crate) const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// The whole configuration. Every key is explained in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) telemetry: TelemetryConfig,
    pub(crate) database: pg::Config,
    pub(crate) nats: ServerUrl,
    pub(crate) redis: ServerUrl,
    pub(crate) services: Services,
    pub(crate) edge: edge::Config,
    pub(crate) router: router::Config,
    pub(crate) worker: provider_worker::Config,
    pub(crate) billing: billing::Config,
    pub(crate) simulator: simulator::Config,
}

/// A server that may be absent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerUrl {
    pub(crate) url: SecretString,
}

impl ServerUrl {
    /// The URL, unless it is empty.
    pub(crate) fn get(&self) -> Option<&str> {
        Some(self.url.expose_secret()).filter(|url| !url.is_empty())
    }
}

/// How services find and trust each other.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Services {
    pub(crate) signing_key: SecretString,
    pub(crate) master_key: SecretString,
    pub(crate) master_key_previous: SecretString,
    pub(crate) drain_seconds: u64,
    pub(crate) billing: Service,
    pub(crate) router: Service,
    pub(crate) provider_worker: Service,
    pub(crate) edge: Edge,
}

/// One service that others call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) addresses: Replicas,
    pub(crate) grpc_listen: SocketAddr,
    pub(crate) probe_listen: SocketAddr,
}

/// The service that clients call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edge {
    pub(crate) probe_listen: SocketAddr,
}

impl Services {
    /// The section of a service that others call; the edge has none.
    pub(crate) const fn called(&self, role: Role) -> Option<&Service> {
        match role {
            Role::Billing => Some(&self.billing),
            Role::Router => Some(&self.router),
            Role::ProviderWorker => Some(&self.provider_worker),
            Role::Edge => None,
        }
    }

    pub(crate) fn probe_listen(&self, role: Role) -> SocketAddr {
        self.called(role).map_or(self.edge.probe_listen, |service| service.probe_listen)
    }
}

impl Config {
    /// The configuration that the command line, the file and the environment make.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key.
    pub(crate) fn load(shared: &Shared) -> Result<Self, ConfigError> {
        Self::load_with(shared, "")
    }

    /// The same over defaults of the command's own, in TOML, which the environment overrides.
    pub(crate) fn load_with(shared: &Shared, inline: &str) -> Result<Self, ConfigError> {
        let mut config: Self = lifecycle::load(DEFAULTS, shared.config.as_deref(), inline)?;
        if let Some(data_dir) = &shared.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        if let Some(listen) = shared.listen {
            config.edge.listen = listen;
            config.simulator.listen = listen;
        }
        Ok(config)
    }

    /// The keys for calls between services.
    ///
    /// # Errors
    /// [`ConfigError`] when there are none.
    pub(crate) fn service_keys(&self) -> Result<ServiceKeys, ConfigError> {
        ServiceKeys::parse(&self.services.signing_key).map_err(|error| {
            ConfigError::of("services.signing_key", format_args!("{error}; `patchbay config keys` makes one"))
        })
    }

    /// The key that seals credentials, secrets of webhooks and kept answers.
    ///
    /// # Errors
    /// [`ConfigError`] when there is none.
    pub(crate) fn master_key(&self) -> Result<Arc<MasterKey>, ConfigError> {
        let key = MasterKey::from_hex(self.services.master_key.expose_secret()).map_err(|error| {
            ConfigError::of("services.master_key", format_args!("{error}; `patchbay config keys` makes one"))
        })?;
        let key = match self.services.master_key_previous.expose_secret() {
            "" => key,
            previous => key
                .with_previous(previous)
                .map_err(|error| ConfigError::of("services.master_key_previous", error))?,
        };
        Ok(Arc::new(key))
    }

    /// The database that must be there.
    ///
    /// # Errors
    /// [`ConfigError`] when none is configured.
    pub(crate) fn database_url(&self) -> Result<&SecretString, ConfigError> {
        if self.database.url.expose_secret().is_empty() {
            return Err(ConfigError::of("database.url", "a database is required"));
        }
        Ok(&self.database.url)
    }

    /// Checks what `roles` need beyond what their types say.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key.
    pub(crate) fn check(&self, roles: &[Role]) -> Result<(), ConfigError> {
        self.service_keys()?;
        if !roles.is_empty() {
            self.master_key()?;
        }
        if roles.iter().any(|role| *role != Role::ProviderWorker) {
            let url = self.database_url()?.expose_secret();
            // The client reads any scheme.
            let scheme = url.starts_with("postgres://") || url.starts_with("postgresql://");
            if !scheme || url.parse::<sqlx::postgres::PgConnectOptions>().is_err() {
                return Err(ConfigError::of("database.url", "this is no URL of a PostgreSQL database"));
            }
        }
        if roles.contains(&Role::Billing) {
            self.check_grace()?;
        }
        Ok(())
    }

    /// What a killed billing had taken from the bus comes back while its generations still wait for it. Later, the
    /// edge's word alone would have been charged.
    fn check_grace(&self) -> Result<(), ConfigError> {
        let redelivered_ms = self.billing.bus.ack_wait_seconds.saturating_mul(1_000);
        if self.billing.grace_ms < redelivered_ms.saturating_mul(2) {
            return Err(ConfigError::of(
                "billing.grace_ms",
                "at least twice `billing.bus.ack_wait_seconds` is required",
            ));
        }
        // The ledger takes long pauses for an outage, in which no grace ends.
        if self.billing.sweep_every_ms > 2_000 {
            return Err(ConfigError::of("billing.sweep_every_ms", "at most 2000 is allowed"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
