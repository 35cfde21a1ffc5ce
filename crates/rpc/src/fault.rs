//! A failure that a client may see, on its way through gRPC.

use prost::Message as _;
use tonic::{Code, Status};

use crate::errors;

/// What went wrong, in the public vocabulary. The one thing that crosses a service boundary beside data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A word of the public error vocabulary, such as `payment_required`.
    pub error_type: String,
    /// The HTTP status of the public answer.
    pub status: u16,
    /// For the client: says what to do; no other tenant, no secret, no stack.
    pub message: String,
    /// The JSON object of the public `availability` member.
    pub availability: Option<String>,
    pub retry_after_seconds: Option<u32>,
}

impl Fault {
    #[must_use]
    pub fn new(error_type: &str, status: u16, message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.to_owned(),
            status,
            message: message.into(),
            availability: None,
            retry_after_seconds: None,
        }
    }

    /// Something of ours is down; the caller may come back.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { retry_after_seconds: Some(1), ..Self::new("provider_overloaded", 503, message) }
    }

    /// A bug or an unforeseen state: the client learns nothing but that.
    #[must_use]
    pub fn internal() -> Self {
        Self::new("server", 500, "Internal error. It has been recorded; try again.")
    }

    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid_request", 400, message)
    }

    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("not_found", 404, message)
    }

    /// Reads the fault that a call failed with; an error without one tells the client nothing of itself.
    #[must_use]
    pub fn from_status(status: &Status) -> Self {
        if !status.details().is_empty()
            && let Ok(fault) = errors::Fault::decode(status.details())
        {
            return Self {
                error_type: fault.error_type,
                status: u16::try_from(fault.status).unwrap_or(500),
                message: fault.message,
                availability: Some(fault.availability_json).filter(|json| !json.is_empty()),
                retry_after_seconds: fault.retry_after_seconds,
            };
        }
        match status.code() {
            Code::Unavailable | Code::Cancelled | Code::ResourceExhausted => {
                Self::unavailable("A part of the platform is not reachable. Try again shortly.")
            }
            Code::DeadlineExceeded => Self::new("timeout", 504, "The request took too long."),
            _ => Self::internal(),
        }
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let code = match fault.status {
            400 | 413 | 422 => Code::InvalidArgument,
            401 => Code::Unauthenticated,
            402 | 409 | 412 => Code::FailedPrecondition,
            403 => Code::PermissionDenied,
            404 => Code::NotFound,
            429 => Code::ResourceExhausted,
            502 | 503 | 529 => Code::Unavailable,
            504 => Code::DeadlineExceeded,
            _ => Code::Internal,
        };
        let details = errors::Fault {
            error_type: fault.error_type,
            status: u32::from(fault.status),
            message: fault.message.clone(),
            availability_json: fault.availability.unwrap_or_default(),
            retry_after_seconds: fault.retry_after_seconds,
        };
        Self::with_details(code, fault.message, details.encode_to_vec().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_the_wire_and_a_foreign_error_says_nothing() {
        let fault = Fault {
            availability: Some(r#"{"code":"no_endpoints"}"#.to_owned()),
            retry_after_seconds: Some(7),
            ..Fault::not_found("no such model")
        };
        assert_eq!(Fault::from_status(&Status::from(fault.clone())), fault);
        let foreign = Status::internal("row 7 of tenant x");
        assert_eq!(Fault::from_status(&foreign), Fault::internal());
    }
}
