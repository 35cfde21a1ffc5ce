//! What is looked for in the content of requests: built-in filters, patterns of the organisation's own, and phrases
//! that no filter may take offence at.

use serde::{Deserialize, Serialize};

/// The content filters of a key, ready to run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filters {}

/// What one guardrail says of content, in the API's own names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FilterConfig {
    pub(crate) builtin: Vec<BuiltinFilter>,
    pub(crate) custom: Vec<CustomFilter>,
    /// Phrases that count as harmless whatever finds them, upper and lower case alike.
    pub(crate) allowlist: Vec<String>,
}

/// A filter that the platform brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BuiltinFilter {
    /// `email`, `phone`, `ssn`, `credit-card`, `ip-address`, `person-name`, `address`, `regex-prompt-injection`.
    pub(crate) slug: String,
    /// `redact`, `block` or `flag`.
    pub(crate) action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    /// `user_only` or `all_messages`; of `regex-prompt-injection` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scan_scope: Option<String>,
}

/// A pattern of the organisation's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CustomFilter {
    pub(crate) pattern: String,
    /// `redact`, `block` or `flag`.
    pub(crate) action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
}

/// A pattern that cannot be searched for in linear time, or is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern cannot be used: {message}")]
pub(crate) struct BadPattern {
    /// Which of the custom filters, counted from 0 over all configurations.
    pub(crate) index: usize,
    pub(crate) message: String,
}

impl Filters {
    /// All that the configurations say, as one.
    ///
    /// # Errors
    /// [`BadPattern`] for the first pattern that cannot be used.
    #[expect(clippy::unnecessary_wraps, reason = "patterns are compiled here")]
    pub(crate) fn build(_configs: &[FilterConfig]) -> Result<Self, BadPattern> {
        Ok(Self::default())
    }
}
