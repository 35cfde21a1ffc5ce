//! Why a server cannot be had.

use std::path::{Path, PathBuf};

/// A private server could not be started, used or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{program} is not installed; {hint}")]
    NotInstalled { program: &'static str, hint: &'static str },
    #[error("{path} cannot be used")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{program} cannot be run")]
    Run {
        program: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{program} failed: {said}")]
    Failed { program: String, said: String },
    #[error("{name} did not start; its log {log} ends with:\n{tail}")]
    NotStarted { name: &'static str, log: PathBuf, tail: String },
    #[error("{name} (pid {pid}) did not stop")]
    NotStopped { name: &'static str, pid: u32 },
    #[error("PostgreSQL refuses to run as root, and this machine has none of the users {0} to run it as")]
    NoAccount(String),
    #[error(
        "the database cluster {directory} belongs to user {owner}: run as that user, or choose another data directory"
    )]
    Foreign { directory: PathBuf, owner: u32 },
    #[error(
        "the database cluster {directory} was made by PostgreSQL {made}, which is not installed any more: \
         install it, or choose another data directory"
    )]
    Version { directory: PathBuf, made: u32 },
    #[error("{what} in {path} cannot be read")]
    Malformed { what: &'static str, path: PathBuf },
    #[error("no free port was found")]
    NoPort,
    #[error("`{0}` is no name for a database: use lower-case letters, digits and underscores")]
    DatabaseName(String),
    #[error("the private database refused a command")]
    Database(#[source] sqlx::Error),
}

impl Error {
    /// For `map_err` on what is done to `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
