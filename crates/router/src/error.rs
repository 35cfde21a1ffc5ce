//! What can go wrong in the router, and what callers are told of it.

use rpc::Fault;

use crate::catalogue::Invalid;
use crate::decide::Unreadable;

/// A failure of the router.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The values themselves are wrong; the text says which.
    #[error("{0}")]
    Refused(String),
    #[error("there is no {kind} `{name}`")]
    NotFound { kind: &'static str, name: String },
    /// A price that differs more than tenfold from the one it replaces, without force.
    #[error(
        "the price of `{class}` would jump more than tenfold, from {from} to {to}; set force to allow it"
    )]
    PriceJump { class: String, from: String, to: String },
    /// One of several changes, counted from 0, is why none of them was made.
    #[error("changes[{at}] cannot be made")]
    Change { at: usize, source: Box<Self> },
    #[error("the catalogue would be invalid")]
    Invalid(#[from] Invalid),
    #[error("the catalogue shipped with this program is malformed")]
    Shipped(#[source] serde_json::Error),
    #[error("a credential could not be sealed")]
    Seal(#[from] identity::SealError),
    #[error("the catalogue's database failed")]
    Database(#[from] sqlx::Error),
    #[error("a task was lost")]
    Lost,
    #[error("a decision cannot be read")]
    Decision(#[from] Unreadable),
}

impl Error {
    /// Says which of several changes it is about.
    pub(crate) fn of_change(self, at: usize) -> Self {
        Self::Change { at, source: Box::new(self) }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        if let Error::Change { at, source } = error {
            return of_change(at, Self::from(*source));
        }
        match &error {
            Error::Refused(_) | Error::PriceJump { .. } => Self::invalid(error.to_string()),
            Error::Invalid(invalid) => Self::invalid(invalid.to_string()),
            Error::NotFound { .. } => Self::not_found(error.to_string()),
            Error::Database(source) => match pg::class(source) {
                pg::Class::Unavailable | pg::Class::Retry => {
                    Self::unavailable("The catalogue cannot be changed right now. Try again shortly.")
                }
                pg::Class::Conflict | pg::Class::Refused => {
                    Self::invalid("The values break a rule of the catalogue.")
                }
                pg::Class::Other => log_internal(&error),
            },
            Error::Change { .. } | Error::Shipped(_) | Error::Seal(_) | Error::Lost | Error::Decision(_) => {
                log_internal(&error)
            }
        }
    }
}

/// What a caller is told of one of several changes, counted from 0.
pub(crate) fn of_change(at: usize, fault: Fault) -> Fault {
    Fault { message: format!("changes[{at}]: {}", fault.message), ..fault }
}

fn log_internal(error: &Error) -> Fault {
    tracing::error!(error = error as &dyn std::error::Error, "a catalogue call failed");
    Fault::internal()
}
