//! Speaking to a private server as its superuser.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection as _};

use super::USER;
use super::home::Home;
use crate::Error;

/// How to reach the server.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) port: u16,
    pub(super) password: SecretString,
}

impl Access {
    pub(super) fn url(&self, database: &str) -> SecretString {
        let Self { port, password } = self;
        format!("postgres://{USER}:{}@127.0.0.1:{port}/{database}", password.expose_secret()).into()
    }

    /// Whether this very cluster takes connections.
    pub(super) async fn serves(&self, home: &Home) -> bool {
        let asked = async {
            let mut connection = self.connect().await?;
            let directory: String =
                sqlx::query_scalar("show data_directory").fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok::<_, sqlx::Error>(directory)
        };
        asked.await.is_ok_and(|directory| home.cluster().as_os_str() == directory.as_str())
    }

    pub(super) async fn has_database(&self, name: &str) -> Result<bool, Error> {
        let mut connection = self.connect().await.map_err(Error::Database)?;
        let found: bool = sqlx::query_scalar("select exists(select from pg_database where datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await
            .map_err(Error::Database)?;
        let _ = connection.close().await;
        Ok(found)
    }

    pub(super) async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), Error> {
        let name = quoted(name)?;
        let template = quoted(template.unwrap_or("template1"))?;
        self.execute(format!("create database {name} template {template}")).await
    }

    pub(super) async fn drop_database(&self, name: &str) -> Result<(), Error> {
        self.execute(format!("drop database if exists {} with (force)", quoted(name)?)).await
    }

    async fn execute(&self, statement: String) -> Result<(), Error> {
        let mut connection = self.connect().await.map_err(Error::Database)?;
        // Names cannot be bound; `quoted` let through nothing but letters, digits and underscores.
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.map_err(Error::Database)?;
        let _ = connection.close().await;
        Ok(())
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(USER)
            .password(self.password.expose_secret())
            .database("postgres")
            .ssl_mode(PgSslMode::Disable);
        PgConnection::connect_with(&options).await
    }
}

/// A name that needs no escaping, in quotes.
fn quoted(name: &str) -> Result<String, Error> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > 63 || !name.bytes().all(allowed) {
        return Err(Error::DatabaseName(name.to_owned()));
    }
    Ok(format!("\"{name}\""))
}
