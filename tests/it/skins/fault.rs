//! What a provider can be made to suffer, and what a client has to hear of it.

use super::skin::Target;

pub(super) struct Fault {
    /// The simulator's directive.
    pub(super) script: &'static str,
    pub(super) stream: bool,
    pub(super) status: u16,
    pub(super) error_type: &'static str,
    pub(super) retry_after: Option<&'static str>,
}

pub(super) fn all(target: &Target) -> Vec<Fault> {
    let script = "status=429 retry_after=7";
    let retry_after = target.can("retry-after").then_some("7");
    let limited =
        |stream| Fault { script, stream, status: 429, error_type: "rate_limit_exceeded", retry_after };
    let refused =
        |script, status, error_type| Fault { script, stream: false, status, error_type, retry_after: None };
    let begun =
        |script, error_type| Fault { script, stream: true, status: 200, error_type, retry_after: None };
    vec![
        limited(false),
        limited(true),
        refused(too_long(target), 400, "context_length_exceeded"),
        refused("status=400", 400, "invalid_request"),
        refused("status=503", 503, "provider_overloaded"),
        begun("tokens=300 cut_after_tokens=200", "provider_unavailable"),
        begun("tokens=300 end_after_tokens=200", "provider_unavailable"),
        begun("tokens=300 error_after_tokens=200 status=503", overloaded_later(target)),
    ]
}

/// An error inside a stream has no status, and one of Cohere no class either.
fn overloaded_later(target: &Target) -> &'static str {
    match target.dialect.as_str() {
        "cohere" => "provider_unavailable",
        _ => "provider_overloaded",
    }
}

/// How the provider says that a prompt does not fit.
fn too_long(target: &Target) -> &'static str {
    match target.dialect.as_str() {
        "anthropic" | "anthropic, older" | "vertex, claude" | "deepseek" => {
            r#"status=400 message="prompt is too long: 250000 tokens > 200000 maximum""#
        }
        "gemini" | "vertex" => {
            r#"status=400 message="The input token count (9) exceeds the maximum number of tokens allowed (8).""#
        }
        "bedrock" | "bedrock, claude" => r#"status=400 message="Input is too long for requested model.""#,
        "mistral" => {
            r#"status=400 code="3051" message="Prompt contains 9 tokens, too large for model with 8 maximum context length""#
        }
        "cohere" => r#"status=400 message="too many tokens: size limit exceeded by 1 tokens.""#,
        "ollama" => r#"status=400 message="prompt too long; exceeded max context length by 1 tokens""#,
        _ => "status=400 code=context_length_exceeded",
    }
}

/// The provider's word for an answer that its filter ended; some have none.
pub(super) fn word_of_a_filter(target: &Target) -> Option<&'static str> {
    match target.dialect.as_str() {
        "anthropic" | "anthropic, older" | "vertex, claude" => Some("refusal"),
        "gemini" | "vertex" => Some("SAFETY"),
        "bedrock" | "bedrock, claude" => Some("content_filtered"),
        "cohere" | "ollama" => None,
        _ => Some("content_filter"),
    }
}
