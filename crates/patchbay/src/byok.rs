//! The keys that the tenants' own provider credentials are sealed under, as operators exchange them.

use std::sync::Arc;

use anyhow::bail;
use clap::Subcommand;
use identity::{KeyWrapper, TenantId};
use pg::Owner;

use crate::cli::Shared;
use crate::config::Config;
use crate::{connect, say};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Wraps the data keys of all tenants under `services.master_key`; what `services.master_key_previous` wrapped opens
    Rewrap,
    /// Gives a tenant a new data key and seals its credentials under it
    RotateKey {
        /// The tenant's id
        #[arg(long, value_name = "UUID")]
        tenant: TenantId,
    },
    /// Deletes a tenant's data keys: its credentials can never be read again
    ForgetKeys {
        /// The tenant's id
        #[arg(long, value_name = "UUID")]
        tenant: TenantId,
    },
}

pub(crate) async fn run(shared: &Shared, command: Command) -> anyhow::Result<()> {
    let config = Config::load(shared)?;
    let pool = connect::pool(&config, Owner::Identity)?;
    match command {
        Command::Rewrap => {
            let done = edge::rewrap_tenant_keys(&pool, wrapper(&config)?).await?;
            say::line(format_args!("{} data keys are wrapped anew", done.keys));
            if done.unreadable > 0 {
                bail!("{} data keys open with neither master key and stay as they are", done.unreadable);
            }
        }
        Command::RotateKey { tenant } => {
            let sealed = edge::rotate_tenant_key(&pool, wrapper(&config)?, tenant).await?;
            say::line(format_args!("{sealed} credentials are sealed under a new data key"));
        }
        Command::ForgetKeys { tenant } => {
            let keys = edge::forget_tenant_keys(&pool, tenant).await?;
            say::line(format_args!("{keys} data keys are deleted"));
        }
    }
    Ok(())
}

fn wrapper(config: &Config) -> anyhow::Result<Arc<dyn KeyWrapper>> {
    Ok(config.master_key()?)
}
