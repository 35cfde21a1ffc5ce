//! Calling one endpoint.

use std::sync::Arc;
use std::time::Duration;

use dialect::codec::Encoded;
use dialect::error::{BadRequest, ErrorType, ProviderError, Retry};
use secrecy::{ExposeSecret as _, SecretString};

use super::App;
use super::answer::{Answer, Limits, broken, late};
use super::job::Planned;

/// The longest body of an error that is read.
const ERROR_BODY: usize = 64 * 1024;
/// How long the body of an error may take.
const ERROR_WAIT: Duration = Duration::from_secs(2);

/// Calls an endpoint and waits for the head of its answer.
///
/// # Errors
/// [`ProviderError`] when the request cannot be sent, is refused, or nothing comes in time.
pub(crate) async fn call(app: &App, planned: &Arc<Planned>, limits: Limits) -> Result<Answer, ProviderError> {
    let encoded = encode(planned).await?;
    let credential = credential(app, planned)?;
    let attempt = planned.attempt();
    let connect_ms = match attempt.timeouts.unwrap_or_default().connect_ms {
        0 => app.config.connect_ms,
        own => own,
    };
    let call = app.upstream.post(&attempt.base_url, connect_ms, encoded, credential.as_ref());
    let mut answer = match tokio::time::timeout_at(limits.first, call).await {
        Ok(answer) => answer.map_err(broken)?,
        Err(_) => return Err(late(attempt)),
    };
    if answer.status.is_success() {
        return Ok(Answer::new(answer, planned, limits, app.config.max_answer_bytes));
    }
    let body = tokio::time::timeout(ERROR_WAIT, answer.whole(ERROR_BODY)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let error = planned.adapter.classify(answer.status.as_u16(), &answer.headers, &body);
    Err(discreet(error, &attempt.provider_name, credential.as_ref()))
}

/// What a client may know: nothing of our own account with the provider, and no credential.
fn discreet(error: ProviderError, provider: &str, credential: Option<&SecretString>) -> ProviderError {
    if error.error_type == ErrorType::ProviderUnavailable && error.retry == Retry::Elsewhere {
        tracing::warn!(
            provider,
            status = error.status,
            message = error.message,
            "a provider refuses our account"
        );
        return ProviderError {
            message: format!("{provider} cannot be used at present."),
            provider_code: None,
            ..error
        };
    }
    match credential {
        Some(credential) => ProviderError {
            message: error.message.replace(credential.expose_secret(), "[redacted]"),
            ..error
        },
        None => error,
    }
}

async fn encode(planned: &Arc<Planned>) -> Result<Encoded, ProviderError> {
    let encoded = if planned.job.is_large() {
        let planned = Arc::clone(planned);
        tokio::task::spawn_blocking(move || encode_now(&planned))
            .await
            .map_err(|_| ProviderError::broken("the request could not be translated"))?
    } else {
        encode_now(planned)
    };
    encoded.map_err(inexpressible)
}

fn encode_now(planned: &Planned) -> Result<Encoded, BadRequest> {
    let task = planned.job.task_for(planned.attempt());
    planned.adapter.encode(&task, &planned.target())
}

/// Another endpoint may be able to express what this one cannot.
fn inexpressible(refusal: BadRequest) -> ProviderError {
    ProviderError {
        error_type: refusal.error_type,
        message: refusal.message,
        retry: Retry::Elsewhere,
        is_fault: false,
        ..ProviderError::broken("")
    }
}

fn credential(app: &App, planned: &Planned) -> Result<Option<SecretString>, ProviderError> {
    let attempt = planned.attempt();
    if attempt.sealed_credential.is_empty() {
        return Ok(None);
    }
    let opened = app.master_key.open(&attempt.sealed_credential, &attempt.credential_id);
    opened.map(Some).map_err(|error| {
        tracing::error!(%error, provider = attempt.provider, credential.id = attempt.credential_id, "a credential cannot be opened");
        ours(&format!("{} cannot be used at present", attempt.provider_name))
    })
}

/// A failure of our own that another endpoint may not have and that is not this one's outage.
pub(crate) fn ours(message: &str) -> ProviderError {
    ProviderError {
        error_type: ErrorType::ProviderUnavailable,
        retry: Retry::Elsewhere,
        is_fault: false,
        ..ProviderError::broken(message)
    }
}
