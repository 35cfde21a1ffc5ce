//! What keeps a worker from starting.

use std::path::PathBuf;

/// The worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the spool cannot be opened")]
    Spool(#[source] crate::spool::Error),
    #[error("the worker's name in {path} cannot be kept")]
    Id {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("worker.id `{0}` is no name for the bus: use letters, digits, `-` and `_`")]
    MalformedId(String),
    #[error("media cannot be fetched")]
    Media(#[source] crate::media::StartError),
    #[error("worker.{0} must not be 0")]
    Zero(&'static str),
    #[error("the start was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}
