//! Media that a client names by URL: checked, and fetched here for the providers that want bytes.
//!
//! A client must not reach a private network through this process, so nothing is connected to but an address of
//! the public internet that was checked a moment before:
//!
//! - [`egress`]: what a URL may be, and connections to where it leads.
//! - [`fetch`]: one download, its redirects included.
//! - [`sniff`]: what the bytes are.
//! - [`inline`]: URLs replaced by bytes.
//! - [`task`]: where URLs stand in each kind of request.

mod fetch;
mod inline;
mod sniff;
mod task;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use dialect::error::{ErrorType, ProviderError, Retry};
use tokio::sync::Semaphore;

use crate::config::Media as Config;
use egress::resolve::{Resolve, System};
use egress::{MalformedOrigin, Refusal, Rules};
pub(crate) use task::{links_files, urls};

/// Characters of a client's URL that an error repeats.
const SHOWN: usize = 120;

/// What keeps media from being fetched at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("worker.media.allowed_origins: `{0}` is no origin such as `http://127.0.0.1:9000`")]
    Origin(String),
    #[error("the TLS client cannot start")]
    Tls(#[source] rustls::Error),
}

/// Fetches media, within the rules.
pub(crate) struct Fetcher {
    rules: Rules,
    resolver: Arc<dyn Resolve>,
    tls: rustls::ClientConfig,
    /// One permit per download.
    slots: Semaphore,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Bytes of one file.
    file: usize,
    /// Bytes of all files of a request.
    request: usize,
    /// Files of a request.
    count: usize,
    /// All of one download: waiting for a slot, names, redirects and body.
    time: Duration,
}

/// A URL whose bytes cannot be had.
#[derive(Debug)]
pub(crate) struct Error {
    /// As the client wrote it, without its query.
    url: String,
    cause: Cause,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Cause {
    #[error("{0}")]
    Refused(Refusal),
    #[error("it redirects to a place that is not allowed")]
    RefusedRedirect,
    #[error("it redirects too often")]
    Redirects,
    /// One word for a name that does not resolve, that resolves to a private address, and for a connection that
    /// fails: a client must not explore a network by the difference.
    #[error("its server cannot be reached from the internet")]
    Unreachable(Hidden),
    #[error("its server answers with status {0}")]
    Status(u16),
    #[error("it does not arrive in time")]
    Late,
    #[error("it is compressed")]
    Compressed,
    #[error("it is over {0} bytes")]
    TooLong(usize),
    #[error("the files of the request come to over {0} bytes")]
    AllTooLong(usize),
    #[error("it is {0}")]
    WrongType(String),
    #[error("a request may name {0} files by URL")]
    TooMany(usize),
}

/// What lies behind [`Cause::Unreachable`]; for logs and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    Unresolved,
    Private,
    Connection,
}

impl Fetcher {
    /// # Errors
    /// [`StartError`] when a setting makes no sense or TLS does not start.
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        let rules =
            Rules::new(&config.allowed_origins).map_err(|MalformedOrigin(text)| StartError::Origin(text))?;
        Self::with(config, rules, Arc::new(System::default()))
    }

    fn with(config: &Config, rules: Rules, resolver: Arc<dyn Resolve>) -> Result<Self, StartError> {
        let tls = egress::tls().map_err(StartError::Tls)?;
        let limits = Limits {
            file: config.max_bytes,
            request: config.max_request_bytes,
            count: config.max_files,
            time: Duration::from_millis(config.timeout_ms),
        };
        Ok(Self { rules, resolver, tls, slots: Semaphore::new(config.max_fetches), limits })
    }

    /// Whether a URL may be named at all; says nothing of where its host is.
    ///
    /// # Errors
    /// [`Error`] with what the client can do.
    pub(crate) fn check(&self, url: &str) -> Result<(), Error> {
        match self.rules.check(url) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(Error::of(url, Cause::Refused(refusal))),
        }
    }
}

impl Error {
    fn of(url: &str, cause: Cause) -> Self {
        let bare = url.split(['?', '#']).next().unwrap_or_default();
        let bare = match bare.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                format!("{scheme}://{}{path}", authority.rsplit('@').next().unwrap_or_default())
            }
            None => bare.to_owned(),
        };
        let printable = bare.chars().filter(|c| !c.is_control());
        let mut url: String = printable.take(SHOWN + 1).collect();
        if let Some((at, _)) = url.char_indices().nth(SHOWN) {
            url.truncate(at);
            url.push('…');
        }
        Self { url, cause }
    }
}

/// The request is the reason: whatever we cannot have, no provider could be handed.
impl From<Error> for ProviderError {
    fn from(Error { url, cause }: Error) -> Self {
        tracing::info!(url, ?cause, "media cannot be had");
        let inline = "Send the bytes as a data URL instead.";
        let (error_type, message) = match &cause {
            Cause::TooMany(_) => (ErrorType::InvalidRequest, format!("Too many files: {cause}. {inline}")),
            Cause::TooLong(_) | Cause::AllTooLong(_) => {
                (ErrorType::ImageTooLarge, format!("{url} cannot be used: {cause}. Send a smaller file."))
            }
            Cause::WrongType(_) => {
                let message = format!(
                    "{url} cannot be used: {cause}. Give a URL that answers with the file itself, in a format that \
                     the model takes."
                );
                (ErrorType::InvalidImage, message)
            }
            _ => {
                let message = format!("{url} could not be downloaded: {cause}. {inline}");
                (ErrorType::ImageDownloadFailed, message)
            }
        };
        Self { error_type, message, retry: Retry::Never, is_fault: false, ..Self::broken("") }
    }
}
