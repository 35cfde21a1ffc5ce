//! The clients of the servers behind the services. None waits for its server.

use lifecycle::ConfigError;
use pg::Owner;
use sqlx::PgPool;

use crate::config::Config;

/// A pool that acts as the owner of one schema.
///
/// # Errors
/// [`ConfigError`] when no database is configured, or not by a URL.
pub(crate) fn pool(config: &Config, owner: Owner) -> Result<PgPool, ConfigError> {
    config.database_url()?;
    pg::connect(&config.database, owner)
        .map_err(|_| ConfigError::of("database.url", "this is no URL of a PostgreSQL database"))
}

/// The bus, when one is configured. Connects in the background, and again whenever it is lost.
///
/// # Errors
/// [`ConfigError`] when the URL is none.
pub(crate) async fn bus(config: &Config) -> Result<Option<async_nats::Client>, ConfigError> {
    let Some(text) = config.nats.get() else { return Ok(None) };
    let refused = || ConfigError::of("nats.url", "this is no URL of a NATS server");
    let url = url::Url::parse(text).map_err(|_| refused())?;
    let mut options = async_nats::ConnectOptions::new().name("patchbay").retry_on_initial_connect();
    // The client does not take them from the URL.
    if !url.username().is_empty() {
        let password = url.password().unwrap_or_default().to_owned();
        options = options.user_and_password(url.username().to_owned(), password);
    }
    options.connect(text).await.map(Some).map_err(|_| refused())
}

/// Redis, when one is configured.
///
/// # Errors
/// [`ConfigError`] when the URL is none.
pub(crate) fn redis(config: &Config) -> Result<Option<redis::Client>, ConfigError> {
    let Some(url) = config.redis.get() else { return Ok(None) };
    let client = redis::Client::open(url);
    client.map(Some).map_err(|_| ConfigError::of("redis.url", "this is no URL of a Redis server"))
}
