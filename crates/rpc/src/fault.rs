//! A failure that a client may see, on its way through gRPC.

use prost::Message as _;
use tonic::{Code, Status};

use crate::errors;

/// Bytes of a message that travel. It goes through headers, of which a connection takes 16 KiB with everything else in
/// them; a longer one, such as one that repeats what a client called something, would be no answer at all.
const LONGEST: usize = 3 * 1024;
/// Bytes of it that go beside the details, for whoever reads nothing else. Escaping makes three of one.
const GIST: usize = 512;

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
            message: cut(&fault.message, LONGEST),
            availability_json: fault.availability.unwrap_or_default(),
            retry_after_seconds: fault.retry_after_seconds,
        };
        Self::with_details(code, cut(&fault.message, GIST), details.encode_to_vec().into())
    }
}

/// At most so many bytes of a text, and a sign where something is left out.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().map(|(at, _)| at).take_while(|at| *at <= most).last() {
        Some(at) if text.len() > most => format!("{}...", text.get(..at).unwrap_or_default()),
        _ => text.to_owned(),
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
        let long = Fault::not_found("\u{1f4a5}".repeat(20_000));
        let status = Status::from(long);
        let headers = status.details().len() * 4 / 3 + status.message().len() * 3;
        assert!(headers < 8 * 1024, "{headers} bytes of headers");
        let told = Fault::from_status(&status);
        assert!(told.status == 404 && told.message.ends_with("\u{1f4a5}..."), "{}", told.message);
        let foreign = Status::internal("row 7 of tenant x");
        assert_eq!(Fault::from_status(&foreign), Fault::internal());
    }
}
