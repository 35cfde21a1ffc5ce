//! A cluster for tests, gone when they are.

use std::path::PathBuf;

use nix::sys::signal::Signal;

use super::{Postgres, PostgresOptions};
use crate::{Error, Progress, random_text};

/// A running cluster that keeps nothing: fast, not durable, and removed when dropped.
#[derive(Debug)]
pub struct ThrowAway {
    postgres: Postgres,
    directory: PathBuf,
}

impl ThrowAway {
    /// Makes and starts a cluster below the system's folder for temporary files.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub async fn start() -> Result<Self, Error> {
        let directory = std::env::temp_dir().join(format!("patchbay-test-{}", random_text(12)));
        let options = PostgresOptions {
            directory: directory.clone(),
            port: None,
            database: "patchbay".to_owned(),
            durable: false,
            progress: Progress::silent(),
        };
        Ok(Self { postgres: Postgres::start(&options).await?, directory })
    }

    #[must_use]
    pub const fn postgres(&self) -> &Postgres {
        &self.postgres
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        self.postgres.process.stop_blocking(Signal::SIGQUIT);
        // Nobody is left to tell, and the system empties this folder one day.
        let _ = std::fs::remove_dir_all(self.postgres.directory());
        let _ = std::fs::remove_dir_all(&self.directory);
        let _ = std::fs::remove_file(&self.directory);
    }
}
