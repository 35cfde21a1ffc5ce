//! Calling one endpoint.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dialect::canonical::{Operation, Task};
use dialect::codec::Encoded;
use dialect::error::{BadRequest, ErrorType, ProviderError, Retry};
use http::header::{AUTHORIZATION, HeaderValue};
use identity::{Envelope, SealError};
use rpc::router::Attempt;
use secrecy::SecretString;
use serde_json::Value;

use super::App;
use super::answer::{Answer, Limits, broken, late};
use super::job::Planned;
use crate::credential::place::Places;
use crate::credential::{self, Credential};
use crate::shares::Crowded;
use crate::{media, upstream};

/// The longest body of an error that is read.
const ERROR_BODY: usize = 64 * 1024;
/// When whoever finds no place at an endpoint is to come back.
const COME_BACK: Duration = Duration::from_secs(1);
/// How long the body of an error may take.
const ERROR_WAIT: Duration = Duration::from_secs(2);

/// Calls an endpoint and waits for the head of its answer.
///
/// # Errors
/// [`ProviderError`] when the request cannot be sent, is refused, or nothing comes in time.
pub(crate) async fn call(app: &App, planned: &Arc<Planned>, limits: Limits) -> Result<Answer, ProviderError> {
    let credential = credential(app, planned).await?;
    let began = Instant::now();
    let encoded = encode(app, planned).await?;
    // What a client's files take is no delay of the provider's.
    let limits = limits.later(began.elapsed());
    planned.job.echoes().keep(&encoded.body);
    let call = send(app, planned, encoded, credential.as_ref());
    let (mut answer, shown) = match tokio::time::timeout_at(limits.first, call).await {
        Ok(answer) => answer?,
        Err(_) => return Err(late(planned.attempt())),
    };
    if answer.status.is_success() {
        return Ok(Answer::new(answer, planned, limits, app.config.max_answer_bytes));
    }
    let body = tokio::time::timeout(ERROR_WAIT, answer.whole(ERROR_BODY)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let error = planned.adapter.classify(answer.status.as_u16(), &answer.headers, &body);
    let error = redacted(error, credential.as_ref(), shown.as_ref());
    let attempt = planned.attempt();
    Err(if attempt.is_byok {
        plain(error, &attempt.provider_name)
    } else {
        discreet(error, &attempt.provider_name)
    })
}

/// Sends a request with the credential. Returns the token that stood in it beside the answer.
async fn send(
    app: &App,
    planned: &Planned,
    encoded: Encoded,
    credential: Option<&Credential>,
) -> Result<(upstream::Answer, Option<HeaderValue>), ProviderError> {
    let attempt = planned.attempt();
    let places = Places { quirks: planned.target().quirks, credential, simulated: attempt.simulated };
    let fill = |template: &str| {
        let filled = places.fill(template).map(Cow::into_owned);
        filled.map_err(|error| unusable(planned, &error))
    };
    let (base_url, path, style) = (fill(&attempt.base_url)?, fill(&encoded.path)?, encoded.auth);
    let mut request = upstream::request(&base_url, Encoded { path, ..encoded }).map_err(broken)?;
    if let Some(credential) = credential {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let region = places.region(&host).map_err(|error| unusable(planned, &error))?;
        credential::show(&mut request, style, credential, region, &app.tokens, &app.upstream)
            .await
            .map_err(|error| unusable(planned, &error))?;
    } else if attempt.simulated {
        credential::pretend(&mut request, style);
    }
    let shown = request.headers().get(AUTHORIZATION).cloned();
    let connect_ms = match attempt.timeouts.unwrap_or_default().connect_ms {
        0 => app.config.connect_ms,
        own => own,
    };
    let answer = app.upstream.send(request, connect_ms).await.map_err(broken)?;
    Ok((answer, shown))
}

/// An error without our credential, or the token that was got with it.
fn redacted(
    error: ProviderError,
    credential: Option<&Credential>,
    shown: Option<&HeaderValue>,
) -> ProviderError {
    let Some(credential) = credential else { return error };
    let shown = shown.and_then(|value| value.to_str().ok());
    let token = shown.and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
    let message = credential::without(credential.redact(error.message), token);
    ProviderError { message, ..error }
}

/// What a client may know: nothing of our own account with the provider.
fn discreet(error: ProviderError, provider: &str) -> ProviderError {
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
    error
}

/// What the owner of a credential should know of it.
fn plain(error: ProviderError, provider: &str) -> ProviderError {
    if error.error_type == ErrorType::ProviderUnavailable && error.retry == Retry::Elsewhere {
        return ProviderError {
            message: format!("{provider} refuses your own key: {}", error.message),
            ..error
        };
    }
    error
}

/// Writes the task for the endpoint, with the bytes of its media where the endpoint fetches none.
async fn encode(app: &App, planned: &Arc<Planned>) -> Result<Encoded, ProviderError> {
    app.media.check_task(&planned.job.task)?;
    let mut inlined = None;
    if inlines_media(planned) {
        let mut task = planned.job.task_for(planned.attempt()).into_owned();
        app.media.inline_task(&mut task).await?;
        inlined = Some(task);
    }
    let encoded = if planned.job.is_large() || inlined.is_some() {
        let planned = Arc::clone(planned);
        tokio::task::spawn_blocking(move || encode_now(&planned, inlined.as_ref()))
            .await
            .map_err(|_| ProviderError::broken("the request could not be translated"))?
    } else {
        encode_now(planned, None)
    };
    encoded.map_err(inexpressible)
}

/// Whether the endpoint wants the bytes of what the client named by URL.
fn inlines_media(planned: &Planned) -> bool {
    let inlines = match planned.target().quirks.get("media_urls").and_then(Value::as_str) {
        Some(way) => way == "inline",
        // Images to start from go into forms.
        None if planned.job.task.operation() == Operation::Images => true,
        None => match planned.attempt().dialect.as_str() {
            "ollama" | "bedrock" => true,
            // Chat Completions has no word for a file's address.
            "openai" => media::links_files(&planned.job.task),
            _ => false,
        },
    };
    inlines && !media::urls(&planned.job.task).is_empty()
}

fn encode_now(planned: &Planned, inlined: Option<&Task>) -> Result<Encoded, BadRequest> {
    match inlined {
        Some(task) => planned.adapter.encode(task, &planned.target()),
        None => planned.adapter.encode(&planned.job.task_for(planned.attempt()), &planned.target()),
    }
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

async fn credential(app: &App, planned: &Planned) -> Result<Option<Credential>, ProviderError> {
    let attempt = planned.attempt();
    if attempt.sealed_credential.is_empty() {
        return Ok(None);
    }
    let opened = open(app, planned).await.map_err(|error| {
        tracing::error!(%error, provider = attempt.provider, credential.id = attempt.credential_id, "a credential cannot be opened");
        ours(&format!("{} cannot be used at present", attempt.provider_name))
    })?;
    Credential::read(opened).map(Some).map_err(|error| unusable(planned, &error))
}

/// Opens the platform's own credential with the master key, and a tenant's for that tenant and provider alone: one that
/// was put into another's place does not open.
async fn open(app: &App, planned: &Planned) -> Result<SecretString, SealError> {
    let attempt = planned.attempt();
    if !attempt.is_byok {
        return app.master_key.open(&attempt.sealed_credential, &attempt.credential_id);
    }
    let tenant = planned.job.start.tenant_id.parse().map_err(|_| SealError::Open)?;
    let record = attempt.credential_id.parse().map_err(|_| SealError::Open)?;
    let envelope = Envelope::from_bytes(&attempt.sealed_credential)?;
    envelope.open(app.master_key.as_ref(), tenant, &attempt.provider, record).await
}

/// What is missing is for the operator's eyes; a token endpoint that is down is the provider's outage.
fn unusable(planned: &Planned, error: &credential::Error) -> ProviderError {
    let attempt = planned.attempt();
    tracing::error!(
        %error,
        provider = attempt.provider,
        endpoint.id = attempt.endpoint_id,
        credential.id = attempt.credential_id,
        "an endpoint cannot be called with its credential"
    );
    let message = format!("{} cannot be used at present", attempt.provider_name);
    if error.is_outage() { ProviderError::broken(&message) } else { ours(&message) }
}

/// An endpoint that is short has no place for this tenant.
pub(crate) fn crowded(attempt: &Attempt, crowded: Crowded) -> ProviderError {
    let name = &attempt.provider_name;
    let message = match crowded {
        Crowded::Above => format!("{name} is short of capacity, and your organization has its share of it."),
        Crowded::Full => format!("{name} is short of capacity."),
    };
    ProviderError {
        error_type: ErrorType::RateLimitExceeded,
        retry: Retry::Elsewhere,
        retry_after: Some(COME_BACK),
        is_fault: false,
        ..ProviderError::broken(&message)
    }
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
