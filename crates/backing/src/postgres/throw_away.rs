//! A cluster for tests, gone when they are.

use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use super::{Postgres, PostgresOptions, postmaster};
use crate::{Error, Progress, is_alive, random_text};

/// Folders of such clusters: this, the pid of the process that made them, and something random.
const PREFIX: &str = "patchbay-throw-away-";

/// A running cluster that keeps nothing: fast, not durable, and removed when dropped. What a killed process
/// left behind is removed by the next one that starts such a cluster.
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
        let folder = std::env::temp_dir();
        sweep(&folder);
        let directory = folder.join(format!("{PREFIX}{}-{}", std::process::id(), random_text(8)));
        let options = PostgresOptions {
            directory: directory.clone(),
            port: None,
            database: "patchbay".to_owned(),
            durable: false,
            progress: Progress::silent(),
        };
        match Postgres::start(&options).await {
            Ok(postgres) => Ok(Self { postgres, directory }),
            Err(error) => {
                remove(&directory);
                Err(error)
            }
        }
    }

    #[must_use]
    pub const fn postgres(&self) -> &Postgres {
        &self.postgres
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        self.postgres.process.stop_blocking(Signal::SIGQUIT);
        remove(&self.directory);
    }
}

/// Removes the clusters of processes that are gone, and stops their servers.
pub(super) fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((maker, _)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')) else {
            continue;
        };
        if maker.parse().is_ok_and(|pid| !is_alive(pid)) {
            if let Some(mut server) = postmaster::running(&entry.path().join("cluster")) {
                server.stop_blocking(Signal::SIGQUIT);
            }
            remove(&entry.path());
        }
    }
}

/// Removes a folder, and where it leads when it is a link. Nobody is left to tell of a failure, and the system
/// empties the folder above one day.
fn remove(directory: &Path) {
    if let Ok(home) = directory.canonicalize() {
        let _ = std::fs::remove_dir_all(home);
    }
    let _ = std::fs::remove_file(directory);
}
