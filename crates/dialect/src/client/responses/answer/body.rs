//! The response itself.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::echo::Echo;
use super::items::Item;
use crate::client::{Bill, Envelope, tier};
use crate::error::ErrorType;
use pricing::{Class, OutOfRange};

/// How an answer stands.
#[derive(Clone, Copy)]
pub(super) enum Outcome<'a> {
    InProgress,
    Completed,
    /// Cut short, for this reason.
    Incomplete(&'static str),
    Failed {
        error_type: ErrorType,
        message: &'a str,
    },
}

/// A response as it goes on the wire.
pub(super) struct Response<'a> {
    pub(super) envelope: &'a Envelope,
    pub(super) echo: &'a Echo,
    pub(super) items: &'a [Item],
    pub(super) outcome: Outcome<'a>,
    pub(super) service_tier: Option<&'a str>,
    pub(super) bill: Option<&'a Bill>,
}

impl Outcome<'_> {
    /// The event that ends a stream so.
    pub(super) const fn event(self) -> &'static str {
        match self {
            Self::InProgress => "response.in_progress",
            Self::Completed => "response.completed",
            Self::Incomplete(_) => "response.incomplete",
            Self::Failed { .. } => "response.failed",
        }
    }

    const fn status(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed { .. } => "failed",
        }
    }

    fn error(self) -> Value {
        match self {
            // Some clients demand the members of other errors, too.
            Self::Failed { error_type, message } => {
                json!({"code": code(error_type), "message": message, "type": error_type.as_str(), "param": null})
            }
            _ => Value::Null,
        }
    }

    fn incomplete_details(self) -> Value {
        match self {
            Self::Incomplete(reason) => json!({ "reason": reason }),
            _ => Value::Null,
        }
    }
}

/// The error in this dialect's own words, of which there are few.
const fn code(error_type: ErrorType) -> &'static str {
    match error_type {
        ErrorType::RateLimitExceeded => "rate_limit_exceeded",
        ErrorType::InvalidRequest | ErrorType::InvalidPrompt | ErrorType::ContextLengthExceeded => {
            "invalid_prompt"
        }
        ErrorType::ContentPolicyViolation => "image_content_policy_violation",
        _ => "server_error",
    }
}

impl Response<'_> {
    fn is_going_on(&self) -> bool {
        matches!(self.outcome, Outcome::InProgress)
    }

    /// The tier that serves; until that is known, the one asked for.
    fn service_tier(&self) -> Option<&str> {
        let asked = self.echo.service_tier.as_deref().map_or("auto", tier::public);
        self.service_tier.or(self.is_going_on().then_some(asked))
    }
}

impl Serialize for Response<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.envelope.id)?;
        map.serialize_entry("object", "response")?;
        map.serialize_entry("created_at", &self.envelope.created)?;
        map.serialize_entry("completed_at", &None::<u64>)?;
        map.serialize_entry("status", self.outcome.status())?;
        map.serialize_entry("background", &false)?;
        map.serialize_entry("error", &self.outcome.error())?;
        if let Outcome::Failed { error_type, .. } = self.outcome {
            map.serialize_entry("error_type", error_type.as_str())?;
        }
        map.serialize_entry("incomplete_details", &self.outcome.incomplete_details())?;
        map.serialize_entry("model", &self.envelope.model)?;
        map.serialize_entry("provider", &self.envelope.provider)?;
        if self.envelope.simulated {
            map.serialize_entry("simulated", &true)?;
        }
        map.serialize_entry("output", self.items)?;
        let text: String = self.items.iter().flat_map(Item::texts).collect();
        map.serialize_entry("output_text", &text)?;
        for (name, value) in &self.echo.members {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("previous_response_id", &None::<&str>)?;
        map.serialize_entry("service_tier", &self.service_tier())?;
        map.serialize_entry("store", &false)?;
        if let Some(bill) = self.bill {
            map.serialize_entry("usage", &usage(bill))?;
        }
        if let Some(routing) = self.envelope.routing.as_ref().filter(|_| !self.is_going_on()) {
            map.serialize_entry("openrouter_metadata", routing)?;
        }
        map.end()
    }
}

fn usage(bill: &Bill) -> Value {
    let usage = &bill.usage;
    let sum = |tokens: Result<u64, OutOfRange>| tokens.unwrap_or(u64::MAX);
    let (input, output) = (sum(usage.prompt_tokens()), sum(usage.completion_tokens()));
    let written = usage.get(Class::CacheWrite5m).saturating_add(usage.get(Class::CacheWrite1h));
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": usage.get(Class::CacheRead), "cache_write_tokens": written},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.get(Class::Reasoning)},
        "total_tokens": input.saturating_add(output),
        "cost": bill.cost.to_json_number(),
        "is_byok": bill.is_byok,
        "cost_details": {
            "upstream_inference_cost": bill.upstream.to_json_number(),
            "upstream_inference_input_cost": bill.upstream_prompt.to_json_number(),
            "upstream_inference_output_cost": bill.upstream_completion.to_json_number(),
        },
    })
}
