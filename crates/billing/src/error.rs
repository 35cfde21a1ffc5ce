//! What can go wrong in billing, and what the caller is told.

use rpc::Fault;
use rpc::convert::Malformed;

/// Why a call of billing failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database refused or could not be reached")]
    Database(#[source] sqlx::Error),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("an amount is out of range")]
    OutOfRange(#[from] pricing::OutOfRange),
    #[error("unknown {0}")]
    Unknown(&'static str),
    /// What is asked contradicts what is known: a later life of an edge, a reused source, another price.
    #[error("{0}")]
    Conflict(String),
    /// What was sent cannot be read; says where.
    #[error("{0}")]
    Unreadable(String),
    #[error("a task of this call was stopped")]
    Stopped,
}

impl Error {
    /// Whether the same call may succeed later without anything being mended.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => matches!(pg::class(error), pg::Class::Unavailable | pg::Class::Retry),
            Self::Stopped => true,
            Self::Malformed(_)
            | Self::OutOfRange(_)
            | Self::Unknown(_)
            | Self::Conflict(_)
            | Self::Unreadable(_) => false,
        }
    }

    /// Whether another transaction was in the way, so that the same is worth doing again at once.
    pub(crate) fn was_in_the_way(&self) -> bool {
        matches!(self, Self::Database(error) if pg::class(error) == pg::Class::Retry)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let raised = error.as_database_error().and_then(|error| Some((error.code()?, error.message())));
        match raised {
            Some((code, "unknown bill")) if code == "PB404" => Self::Unknown("bill"),
            Some((code, _)) if code == "PB404" => Self::Unknown("tenant"),
            Some((code, message)) if code == "PB409" => Self::Conflict(message.to_owned()),
            _ => Self::Database(error),
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Malformed(malformed) => malformed.clone().into(),
            Error::OutOfRange(_) | Error::Unreadable(_) => Fault::invalid(error.to_string()).into(),
            Error::Unknown(what) => Fault::not_found(format!("The {what} was not found.")).into(),
            Error::Conflict(_) => Fault::new("conflict", 409, error.to_string()).into(),
            Error::Database(source) => {
                tracing::warn!(error = source as &dyn std::error::Error, "a billing call failed");
                if error.is_transient() {
                    Fault::unavailable("Billing is not reachable. Try again shortly.").into()
                } else {
                    Fault::internal().into()
                }
            }
            Error::Stopped => Fault::unavailable("Billing is stopping. Try again shortly.").into(),
        }
    }
}
