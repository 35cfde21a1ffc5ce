//! What a guardrail says of content, in the public API's words.

use serde::{Deserialize, Deserializer, Serialize};

/// What becomes of a request in which a filter finds something; later ones are stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It goes on as it is, and is counted.
    Flag,
    /// It goes on with a mark in the place of what was found.
    Redact,
    /// It is refused.
    Block,
}

/// The filters that there are without a pattern of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slug {
    Email,
    Phone,
    Ssn,
    CreditCard,
    IpAddress,
    PersonName,
    Address,
    RegexPromptInjection,
}

impl Slug {
    /// What stands in the place of what was found, and names the filter in errors.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Email => "[EMAIL]",
            Self::Phone => "[PHONE]",
            Self::Ssn => "[SSN]",
            Self::CreditCard => "[CREDIT_CARD]",
            Self::IpAddress => "[IP_ADDRESS]",
            Self::PersonName => "[PERSON_NAME]",
            Self::Address => "[ADDRESS]",
            Self::RegexPromptInjection => "[PROMPT_INJECTION]",
        }
    }
}

/// Whose words are searched for injected instructions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanScope {
    /// Everybody's: system prompts and the results of tools, too.
    #[default]
    AllMessages,
    /// The user's only.
    UserOnly,
}

/// One of the filters that there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltinFilter {
    pub slug: Slug,
    pub action: Action,
    /// What clients of old send; [`Slug::label`] is what counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Of the filter for injected instructions alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_scope: Option<ScanScope>,
}

/// A pattern of the tenant's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomFilter {
    pub pattern: String,
    pub action: Action,
    /// The mark and the name in errors; `[REDACTED]` when there is none.
    #[serde(default)]
    pub label: Option<String>,
}

/// The content filters of one guardrail, also under the names that the public API gives them. `null` is an empty
/// list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterConfig {
    #[serde(alias = "content_filter_builtins", default, deserialize_with = "or_nothing")]
    pub builtin: Vec<BuiltinFilter>,
    #[serde(alias = "content_filters", default, deserialize_with = "or_nothing")]
    pub custom: Vec<CustomFilter>,
    /// Phrases that are no injection, whatever they look like.
    #[serde(alias = "prompt_injection_allowlist", default, deserialize_with = "or_nothing")]
    pub allowlist: Vec<String>,
}

fn or_nothing<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
