//! The one forward-only stream of migrations, embedded in the binary.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// The schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("the database cannot be reached")]
    Connect(#[source] sqlx::Error),
    #[error("a migration failed")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

/// Brings the schema up to date as the user in `url`, who must own the database. Safe to run by several at
/// once: one works, the others wait.
///
/// # Errors
/// [`MigrateError`] when the database is away or a migration fails; nothing is half done.
pub async fn migrate(url: &SecretString) -> Result<(), MigrateError> {
    let mut connection = PgConnection::connect(url.expose_secret()).await.map_err(MigrateError::Connect)?;
    MIGRATIONS.run(&mut connection).await.map_err(MigrateError::Migrate)?;
    let _ = connection.close().await;
    Ok(())
}
