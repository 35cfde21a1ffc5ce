//! Answers with a bad status: typed, sane and without secrets.

use dialect::canonical::Operation;
use dialect::client::Dialect;
use dialect::error::{ErrorType, ProviderError, Retry};

use crate::clients;
use crate::fixtures::Case;
use crate::problems::Problems;
use crate::received;
use crate::routes::Endpoint;
use crate::schemas::Schemas;

pub(crate) fn check(
    case: &Case,
    endpoint: &Endpoint,
    schemas: Option<&Schemas>,
    problems: &mut Problems,
) -> Vec<Dialect> {
    problems.at("error");
    let error = endpoint.adapter().classify(case.status, &case.headers, &case.response);
    check_class(case, &error, problems);
    check_text(&error, problems);
    let dialects = served(endpoint.operation);
    for dialect in &dialects {
        problems.at(&format!("{}, error", dialect.as_str()));
        let public = clients::public(&error);
        let body = dialect.error(&public);
        problems.check(clients::tells_routing(&public, &body), || "the routing is not told".to_owned());
        received::check_error(*dialect, public.error_type.status(), &body, schemas, problems);
    }
    dialects
}

fn served(operation: Operation) -> Vec<Dialect> {
    clients::dialects(operation).iter().copied().filter(|dialect| crate::known::is_served(*dialect)).collect()
}

/// What the situation and the status leave to choose from.
fn check_class(case: &Case, error: &ProviderError, problems: &mut Problems) {
    use ErrorType as Type;
    let told = |wrong: &str| format!("{wrong}: {error:?}");
    problems.check(error.status == case.status, || told("another status"));
    let types: &[ErrorType] = match case.status {
        _ if case.shows("context_length_exceeded") => &[Type::ContextLengthExceeded],
        _ if case.shows("content_filter") => &[Type::ContentPolicyViolation],
        _ if case.shows("insufficient_quota") => &[Type::ProviderUnavailable],
        _ if case.shows("capacity") => &[Type::ProviderOverloaded, Type::RateLimitExceeded],
        _ if case.shows("unknown_model") => &[Type::NotFound, Type::InvalidRequest],
        // The model failed to write a call, whatever the status says.
        _ if case.shows("failed_generation") => &[Type::ProviderUnavailable],
        400 | 422 => &[
            Type::InvalidRequest,
            Type::InvalidPrompt,
            Type::Unprocessable,
            Type::ImageDownloadFailed,
            Type::InvalidImage,
            Type::UnsupportedImageFormat,
            // A key that is no good, which two providers call a bad request.
            Type::ProviderUnavailable,
            Type::MaxTokensExceeded,
            Type::ContextLengthExceeded,
        ],
        401..=403 => &[Type::ProviderUnavailable, Type::PermissionDenied, Type::ContentPolicyViolation],
        404 => &[Type::NotFound],
        429 => &[
            Type::RateLimitExceeded,
            Type::ProviderUnavailable,
            Type::TokenLimitExceeded,
            Type::InvalidRequest,
        ],
        _ => &[
            Type::ProviderOverloaded,
            Type::ProviderUnavailable,
            Type::Server,
            Type::InvalidRequest,
            Type::Timeout,
        ],
    };
    problems.check(types.contains(&error.error_type), || told(&format!("not one of {types:?}")));
    let is_ours =
        matches!(case.status, 401..=404) || case.shows("unknown_model") || case.shows("insufficient_quota");
    let wrong_retry = match error.retry {
        Retry::Anywhere => {
            is_ours || case.shows("non_retryable_429") || case.shows("context_length_exceeded")
        }
        Retry::Never => is_ours && error.error_type != Type::ContentPolicyViolation || case.shows("capacity"),
        Retry::Elsewhere => false,
    };
    problems.check(!wrong_retry, || told("a retry that cannot help, or none that could"));
    let is_the_clients = error.retry == Retry::Never && error.is_fault;
    problems.check(!is_the_clients, || told("the request's own fault counts against the endpoint"));
}

/// How secrets of the known providers begin.
const SECRETS: [&str; 12] =
    ["sk-", "sk_", "gsk_", "xai-", "AIza", "ya29.", "hf_", "fw_", "AKIA", "ASIA", "org-", "proj_"];

fn check_text(error: &ProviderError, problems: &mut Problems) {
    let text = format!("{} {:?} {:?}", error.message, error.provider_code, error.metadata);
    problems.check(!error.message.trim().is_empty(), || "no message".to_owned());
    problems.check(error.message.chars().count() <= 1_001, || "a message without end".to_owned());
    let words = || text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*')));
    let secret = words().find(|word| word.len() > 8 && SECRETS.iter().any(|secret| word.starts_with(secret)));
    problems.check(secret.is_none(), || format!("a secret shows: {secret:?}"));
    problems.check(!text.contains("Bearer "), || "a credential shows".to_owned());
}
