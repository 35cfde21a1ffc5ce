//! What is done to the database before services run on it.

use std::time::{Duration, Instant};

use edge::{Bootstrapped, Demo};
use identity::{MasterKey, OpaqueToken, Role};
use pg::Owner;
use rpc::Channel;
use sqlx::PgPool;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::local_servers::{self, LocalServer};
use crate::manifest::ADMIN_EMAIL;
use crate::providers::{self, Sources};
use crate::secrets::Secrets;
use crate::{connect, say};

/// How long a start waits for what answers late on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

/// `patchbay migrate`.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    pg::migrate(config.database_url()?).await?;
    say::line("the schema is up to date");
    Ok(())
}

/// `patchbay seed`: the catalogue, with the credentials that the environment holds, and the demo
/// organisations. Billing must be reachable.
pub(crate) async fn seed(config: &Config, simulator: Option<&str>) -> anyhow::Result<()> {
    config.check(&[Role::Edge, Role::Router])?;
    let data_dir = DataDir::open(&config.data_dir)?;
    let secrets = Secrets::load_or_make(&data_dir.secrets())?;
    let sources = providers::sources(simulator, &[])?;
    let master_key = config.master_key()?;
    catalogue(&connect::pool(config, Owner::Catalog)?, &master_key, &sources).await?;
    let addresses = &config.services.billing.addresses;
    let billing = Channel::remote(addresses, Role::Edge, Role::Billing, config.service_keys()?)?;
    demo(&connect::pool(config, Owner::Identity)?, &billing, &secrets).await?;
    say::line("the catalogue, the demo organisations and the first administrator are in the database");
    say::line(format_args!("API key         {}", secrets.api_key));
    say::line(format_args!("management key  {}", secrets.management_key));
    say::line(format_args!("admin token     {}", secrets.admin_token));
    say::line(format_args!("administrator   {ADMIN_EMAIL}"));
    say::line(format_args!("their password  {}", secrets.admin_password));
    say::line(format_args!("they are kept in {}", data_dir.secrets().display()));
    Ok(())
}

/// Writes the catalogue; what operators edited stays.
pub(crate) async fn catalogue(
    pool: &PgPool,
    master_key: &MasterKey,
    sources: &Sources,
) -> anyhow::Result<()> {
    let report = router::seed(pool, master_key, &sources.overrides).await?;
    tracing::info!(?report, "catalogue written");
    Ok(())
}

/// Creates the demo organisations with their keys, unless they exist. Waits for a database and a billing that
/// everybody wants to talk to at once.
pub(crate) async fn demo(
    pool: &PgPool,
    billing: &Channel,
    secrets: &Secrets,
) -> anyhow::Result<Bootstrapped> {
    let demo = Demo {
        api_key: secrets.api_key()?,
        management_key: secrets.management_key()?,
        markup_api_key: secrets.markup_api_key()?,
        admin_token: OpaqueToken::kept(secrets.admin_token.clone()),
        admin_email: ADMIN_EMAIL.to_owned(),
        admin_password: secrets.admin_password.clone().into(),
    };
    let until = Instant::now() + PATIENCE;
    loop {
        match edge::bootstrap(pool, billing, &demo).await {
            Err(error) if is_away(&error) && Instant::now() < until => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the demo organisations wait");
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return Ok(outcome?),
        }
    }
}

fn is_away(error: &edge::Error) -> bool {
    match error {
        edge::Error::Database(error) => pg::class(error) == pg::Class::Unavailable,
        edge::Error::Billing(status) => status.code() == tonic::Code::Unavailable,
        edge::Error::Redis(_)
        | edge::Error::Listener(_)
        | edge::Error::Accounts(_)
        | edge::Error::Destinations(_)
        | edge::Error::Seal(_) => false,
    }
}

/// Puts servers of this machine into the catalogue. One that cannot be is no reason not to start.
pub(crate) async fn local_servers(router: &Channel, servers: &[LocalServer]) {
    for server in servers {
        match local_servers::register(router, server).await {
            Ok(()) => say::step(format_args!("real provider: {}", server.describe())),
            Err(status) => say::step(format_args!("{} is left out: {}", server.describe(), status.message())),
        }
    }
}
