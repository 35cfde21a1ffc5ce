//! The pool of one service: every session acts as the owner of one schema and nothing more.

use std::str::FromStr as _;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// The `database` section of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `postgres://user:password@host:port/database`. The user must be a member of the `patchbay_*` roles.
    pub url: SecretString,
    /// Sessions that one service of one process holds at most.
    pub max_connections: u32,
}

/// Whose schema a pool works on. Each has a database role that sees no other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Schema `identity`, owned by the edge.
    Identity,
    /// Schema `catalog`, owned by the router.
    Catalog,
    /// Schema `billing`, owned by billing.
    Billing,
}

impl Owner {
    const fn set_role(self) -> &'static str {
        match self {
            Self::Identity => "set role patchbay_identity",
            Self::Catalog => "set role patchbay_catalog",
            Self::Billing => "set role patchbay_billing",
        }
    }
}

/// Opens a pool without waiting for the database: the first use connects.
///
/// # Errors
/// When `config.url` is no database URL.
pub fn connect(config: &Config, owner: Owner) -> Result<PgPool, sqlx::Error> {
    let options =
        PgConnectOptions::from_str(config.url.expose_secret())?.application_name("patchbay").options([
            ("statement_timeout", "10s"),
            ("lock_timeout", "5s"),
            // A session left inside a transaction by a dropped future is closed, never handed on.
            ("idle_in_transaction_session_timeout", "5s"),
        ]);
    Ok(PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(Duration::from_secs(2))
        .after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::Executor::execute(connection, owner.set_role()).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options))
}
