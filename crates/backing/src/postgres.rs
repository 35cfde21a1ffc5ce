//! A private PostgreSQL cluster.

mod binaries;
mod cluster;
mod database;
mod fetch;
mod home;
mod postmaster;
mod test_database;
mod throw_away;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use secrecy::SecretString;

use self::database::Access;
pub use self::test_database::TestDatabase;
pub use self::throw_away::ThrowAway;
use crate::{Error, Process, Progress};

/// The superuser of a private cluster.
const USER: &str = "patchbay";
const NAME: &str = "PostgreSQL";

/// What cluster is wanted.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Where the cluster, its password and its log lie. When we are root and the unprivileged user that
    /// runs the server cannot reach it, this becomes a link to a folder below `/var/lib/patchbay`.
    pub directory: PathBuf,
    /// The port; `None` = a free one.
    pub port: Option<u16>,
    /// The database to have, beside the standard ones.
    pub database: String,
    /// Whether commits survive a power cut. `false` only for clusters that are thrown away.
    pub durable: bool,
    pub progress: Progress,
}

/// A running private cluster. Dropping it leaves the server running; the next start adopts it.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    home: home::Home,
    access: Access,
    database: String,
}

impl Postgres {
    /// Starts the cluster, making it first where there is none, or adopts the server that an earlier run
    /// left. Answers when it takes connections.
    ///
    /// # Errors
    /// [`Error::NotInstalled`] when no PostgreSQL can be had, [`Error::NotStarted`] with the end of its log
    /// when it does not come up, and others by name.
    pub async fn start(options: &PostgresOptions) -> Result<Self, Error> {
        let home = home::Home::prepare(&options.directory)?;
        let access = Access { port: 0, password: home.password()? };
        if let Some(postgres) = Self::adopt(options, &home, &access).await? {
            return Ok(postgres);
        }
        let binaries = binaries::find(&home, &options.progress).await?;
        if !home.has_cluster() {
            options.progress.say(&format!("creating a database cluster in {}", options.directory.display()));
            cluster::create(&home, &binaries).await?;
        }
        let (process, access) = cluster::launch(options, &home, &binaries, access).await?;
        let postgres = Self { process, home, access, database: options.database.clone() };
        postgres.have_database(&options.database).await?;
        Ok(postgres)
    }

    async fn adopt(
        options: &PostgresOptions,
        home: &home::Home,
        access: &Access,
    ) -> Result<Option<Self>, Error> {
        let Some((process, access)) = postmaster::find(home, access).await? else { return Ok(None) };
        options
            .progress
            .say(&format!("adopting the {NAME} that an earlier run left (pid {})", process.pid()));
        let postgres = Self { process, home: home.clone(), access, database: options.database.clone() };
        postgres.have_database(&options.database).await?;
        Ok(Some(postgres))
    }

    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.process.pid()
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.access.port
    }

    /// The folder of the cluster, its password and its log, links resolved.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.home.directory
    }

    /// Where the server logs.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// The URL of the database named in the options, password included.
    #[must_use]
    pub fn url(&self) -> SecretString {
        self.access.url(&self.database)
    }

    /// The URL of any database of this cluster, password included.
    #[must_use]
    pub fn url_of(&self, database: &str) -> SecretString {
        self.access.url(database)
    }

    /// Creates an empty database, or a copy of `template`, to which nobody may be connected.
    ///
    /// # Errors
    /// [`Error::DatabaseName`], or [`Error::Database`] when it exists or the template is in use.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), Error> {
        self.access.create_database(name, template).await
    }

    /// Drops a database, ending the sessions on it.
    ///
    /// # Errors
    /// [`Error::DatabaseName`], or [`Error::Database`] when the server refuses.
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        self.access.drop_database(name).await
    }

    async fn have_database(&self, name: &str) -> Result<(), Error> {
        if self.access.has_database(name).await? {
            return Ok(());
        }
        self.access.create_database(name, None).await
    }

    /// Stops the server: sessions are ended, nothing committed is lost. When the server was killed and
    /// somebody started it again, that one is stopped.
    ///
    /// # Errors
    /// [`Error::NotStopped`] when it outlives every signal.
    pub async fn stop(mut self) -> Result<(), Error> {
        if !self.process.is_alive()
            && let Some((process, _)) = postmaster::find(&self.home, &self.access).await?
        {
            self.process = process;
        }
        let steps = [
            // "Fast": end the sessions, write a checkpoint.
            (Signal::SIGINT, Duration::from_secs(30)),
            // "Immediate": the next start recovers from the log.
            (Signal::SIGQUIT, Duration::from_secs(10)),
        ];
        if self.process.stop(&steps).await {
            return Ok(());
        }
        Err(Error::NotStopped { name: NAME, pid: self.process.pid() })
    }
}

#[cfg(test)]
mod tests;
