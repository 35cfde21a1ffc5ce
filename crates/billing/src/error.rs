//! What can go wrong in billing, and what the caller is told.

use rpc::Fault;
use rpc::convert::Malformed;

use crate::processor::ProcessorError;
use crate::processor::signature::Forged;

/// What whoever wants to pay is told where nobody set up that one can.
const NOT_CONFIGURED: &str = "Payments are not configured on this platform. Ask its operator to add credit.";

const TOO_LONG: &str =
    "The query took too long. Ask for a shorter time, or for metrics and dimensions that are summed by hour.";
const BUSY: &str = "Too many analytics queries are running. Try again shortly.";

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
    /// What is asked breaks a rule of the thing that it is asked of, or cannot be read; says which or where.
    #[error("{0}")]
    Refused(String),
    /// The configuration names something that cannot be used.
    #[error("{0}")]
    Setting(String),
    #[error("payments are not configured")]
    NotConfigured,
    #[error("an event of the payment processor is not to be trusted")]
    Forged(#[from] Forged),
    #[error("the payment processor did not do as asked")]
    Processor(#[from] ProcessorError),
    #[error("a document cannot be rendered")]
    Unprintable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a task of this call was stopped")]
    Stopped,
    /// What is asked is more than a statement may work for.
    #[error("a report took too long")]
    TooLong,
    /// Others are being answered already, as many as may be at once.
    #[error("too many reports are asked for at once")]
    Busy,
}

impl Error {
    /// Whether the same call may succeed later without anything being mended.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => matches!(pg::class(error), pg::Class::Unavailable | pg::Class::Retry),
            Self::Stopped | Self::Busy => true,
            Self::Processor(error) => matches!(error, ProcessorError::Unreachable(_)),
            Self::Malformed(_)
            | Self::OutOfRange(_)
            | Self::Unknown(_)
            | Self::Conflict(_)
            | Self::Refused(_)
            | Self::Setting(_)
            | Self::NotConfigured
            | Self::Forged(_)
            | Self::Unprintable(_)
            | Self::TooLong => false,
        }
    }

    /// Whether another transaction was in the way, so that the same is worth doing again at once.
    pub(crate) fn was_in_the_way(&self) -> bool {
        matches!(self, Self::Database(error) if pg::class(error) == pg::Class::Retry)
    }
}

impl From<invoice::Malformed> for Error {
    fn from(error: invoice::Malformed) -> Self {
        Self::Unprintable(error.into())
    }
}

impl From<invoice::Unprintable> for Error {
    fn from(error: invoice::Unprintable) -> Self {
        Self::Unprintable(error.into())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let raised = error.as_database_error().and_then(|error| Some((error.code()?, error.message())));
        match raised {
            Some((code, "unknown bill")) if code == "PB404" => Self::Unknown("bill"),
            Some((code, message)) if code == "PB404" => Self::Unknown(match message {
                "unknown invoice" => "invoice",
                "unknown period" => "period",
                _ => "tenant",
            }),
            Some((code, message)) if code == "PB409" => Self::Conflict(message.to_owned()),
            Some((code, message)) if code == "PB400" => Self::Refused(message.to_owned()),
            _ => Self::Database(error),
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Malformed(malformed) => malformed.clone().into(),
            Error::OutOfRange(_) | Error::Refused(_) => Fault::invalid(error.to_string()).into(),
            Error::Unknown(what) => Fault::not_found(format!("The {what} was not found.")).into(),
            Error::Conflict(_) => Fault::new("conflict", 409, error.to_string()).into(),
            Error::NotConfigured => Fault::new("server", 501, NOT_CONFIGURED).into(),
            Error::Forged(why) => Fault::invalid(format!("The event was refused: {why}.")).into(),
            Error::Processor(error) => processor_fault(error).into(),
            Error::Database(source) => {
                tracing::warn!(error = source as &dyn std::error::Error, "a billing call failed");
                if error.is_transient() {
                    Fault::unavailable("Billing is not reachable. Try again shortly.").into()
                } else {
                    Fault::internal().into()
                }
            }
            Error::Setting(_) => Fault::internal().into(),
            Error::Unprintable(source) => {
                tracing::error!(error = &**source as &dyn std::error::Error, "a document cannot be rendered");
                Fault::internal().into()
            }
            Error::TooLong => Fault::new("request_timeout", 408, TOO_LONG).into(),
            Error::Busy => {
                Fault { retry_after_seconds: Some(1), ..Fault::new("rate_limit_exceeded", 429, BUSY) }.into()
            }
            Error::Stopped => Fault::unavailable("Billing is stopping. Try again shortly.").into(),
        }
    }
}

fn processor_fault(error: &ProcessorError) -> Fault {
    match error {
        ProcessorError::Declined { message, .. } => Fault::new("payment_required", 402, message.clone()),
        ProcessorError::Contradiction(_) => {
            Fault::new("conflict", 409, "This was asked for before with other parameters.")
        }
        ProcessorError::Refused(_) => {
            tracing::warn!(error = error as &dyn std::error::Error, "the payment processor refused");
            Fault::new("conflict", 409, "The payment processor refused this. It has been recorded.")
        }
        ProcessorError::Unreachable(_) => {
            tracing::warn!(error = error as &dyn std::error::Error, "the payment processor is away");
            Fault::unavailable("The payment processor cannot be reached. Try again shortly.")
        }
    }
}
