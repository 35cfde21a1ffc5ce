//! Who calls: bearer keys, refused by their checksum before any look-up, known from a cache that outlives
//! the database.

mod changes;
mod context;
mod keys;
mod markups;

use chrono::Utc;
use dialect::error::ErrorType;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use identity::{ApiKey, KeyKind};
use std::sync::Arc;

pub(crate) use changes::{Announcer, follow};
pub(crate) use context::{Context, Governance, LookupError, Source};
pub(crate) use keys::Keys;
pub(crate) use markups::Markups;

use crate::http::reply::{Refusal, UserFacing};

/// Why a caller is turned away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no key was sent")]
    Missing,
    /// Malformed, unknown, revoked, disabled and expired keys: the caller cannot tell them apart.
    #[error("the key is not in force")]
    Unknown,
    #[error("the key is not for this operation")]
    WrongKind(KeyKind),
    /// A fault of ours is never the caller's 401.
    #[error("the key cannot be looked up")]
    Unavailable(#[source] Arc<LookupError>),
}

impl UserFacing for Error {
    fn refusal(self) -> Refusal {
        match self {
            Self::Missing => Refusal::new(ErrorType::Authentication, "Missing Authentication header"),
            Self::Unknown => Refusal::new(ErrorType::Authentication, "User not found."),
            Self::WrongKind(KeyKind::Management) => Refusal::new(
                ErrorType::PermissionDenied,
                "Management keys cannot be used for inference. Use an inference key.",
            ),
            Self::WrongKind(KeyKind::Inference) => {
                Refusal::new(ErrorType::PermissionDenied, "Only management keys can perform this operation")
            }
            Self::Unavailable(_) => Refusal::unavailable(),
        }
    }
}

/// The key of a request: the bearer secret, or what Anthropic's clients send in its place.
fn key(headers: &HeaderMap) -> Option<&str> {
    let named = || headers.get("x-api-key")?.to_str().ok().map(str::trim).filter(|key| !key.is_empty());
    bearer(headers).or_else(named)
}

/// Whether a request shows a key at all, in force or not.
pub(crate) fn has_key(headers: &HeaderMap) -> bool {
    key(headers).is_some()
}

/// The bearer secret of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = text.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !secret.trim().is_empty()).then(|| secret.trim())
}

/// The caller behind a request's key, whatever the key is for.
///
/// # Errors
/// [`Error`] when there is no key in force, or it cannot be told.
pub(crate) async fn authenticate(keys: &Keys, headers: &HeaderMap) -> Result<Arc<Context>, Error> {
    let key = ApiKey::parse(key(headers).ok_or(Error::Missing)?).map_err(|_| Error::Unknown)?;
    let context = keys.get(key.hash()).await.map_err(Error::Unavailable)?.ok_or(Error::Unknown)?;
    let now = Utc::now();
    if context.key.disabled || context.key.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::Unknown);
    }
    context.used(now);
    Ok(context)
}

/// The same, for one kind of key.
///
/// # Errors
/// [`Error`], also when the key is of the other kind.
pub(crate) async fn authenticate_as(
    keys: &Keys,
    headers: &HeaderMap,
    kind: KeyKind,
) -> Result<Arc<Context>, Error> {
    let context = authenticate(keys, headers).await?;
    if context.key.kind == kind { Ok(context) } else { Err(Error::WrongKind(context.key.kind)) }
}
