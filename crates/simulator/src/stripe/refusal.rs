//! How Stripe says no.

use http::StatusCode;
use serde_json::{Value, json};

/// Why a request is not done.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
    details: Value,
}

impl Refusal {
    pub(super) fn invalid(status: u16, message: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, message: message.to_owned(), details: json!({ "type": "invalid_request_error" }) }
    }

    pub(super) fn idempotency() -> Self {
        let message = "Keys for idempotent requests can only be used with the same parameters they were first \
            used with.";
        Self { details: json!({ "type": "idempotency_error" }), ..Self::invalid(400, message) }
    }

    pub(super) fn missing(what: &str, id: &str) -> Self {
        let refusal = Self::invalid(404, &format!("No such {what}: '{id}'"));
        Self { details: json!({ "type": "invalid_request_error", "code": "resource_missing" }), ..refusal }
    }

    pub(super) fn declined(reason: &str, intent: &Value) -> Self {
        let message = match reason {
            "insufficient_funds" => "Your card has insufficient funds.",
            _ => "Your card was declined.",
        };
        let details = json!({
            "type": "card_error", "code": "card_declined", "decline_code": reason, "payment_intent": intent,
            "charge": intent["latest_charge"],
        });
        Self { status: StatusCode::PAYMENT_REQUIRED, message: message.to_owned(), details }
    }

    pub(super) fn body(&self) -> Value {
        let mut error = self.details.clone();
        error["message"] = self.message.clone().into();
        json!({ "error": error })
    }
}
