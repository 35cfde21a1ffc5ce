//! Who calls: bearer keys, refused by their checksum before any look-up, known from a cache that outlives
//! the database.

mod changes;
mod context;
mod keys;
mod markups;

use std::sync::Arc;

use chrono::Utc;
use dialect::error::ErrorType;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap};
use identity::{ApiKey, KeyHash, KeyKind};

pub(crate) use changes::{Announcer, follow};
pub(crate) use context::{Context, Governance, LookupError, Source};
pub(crate) use keys::Keys;
pub(crate) use markups::Markups;

use crate::http::address::ClientAddress;
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
    /// Told to whoever holds the key's secret, and to nobody else.
    #[error("the key is not for this address")]
    WrongAddress,
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
            Self::WrongAddress => {
                Refusal::new(ErrorType::PermissionDenied, "This key cannot be used from your address.")
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

/// A request, or its head, as far as it shows who sent it.
pub(crate) trait Shows {
    fn headers(&self) -> &HeaderMap;
    fn extensions(&self) -> &Extensions;
}

impl<B> Shows for http::Request<B> {
    fn headers(&self) -> &HeaderMap {
        self.headers()
    }

    fn extensions(&self) -> &Extensions {
        self.extensions()
    }
}

impl Shows for http::request::Parts {
    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }
}

/// The hash of a request's key.
fn shown(headers: &HeaderMap) -> Result<KeyHash, Error> {
    let key = ApiKey::parse(key(headers).ok_or(Error::Missing)?).map_err(|_| Error::Unknown)?;
    Ok(key.hash())
}

/// The caller behind a request's key, whatever the key is for. The request itself is looked at before the future that
/// this answers begins.
///
/// # Errors
/// [`Error`] when there is no key in force that may be used from where the request comes from, or it cannot be told.
pub(crate) fn authenticate<'k, S: Shows>(
    keys: &'k Keys,
    request: &S,
) -> impl Future<Output = Result<Arc<Context>, Error>> + use<'k, S> {
    let hash = shown(request.headers());
    let address = request.extensions().get::<ClientAddress>().copied();
    async move {
        let context = keys.get(hash?).await.map_err(Error::Unavailable)?.ok_or(Error::Unknown)?;
        let now = Utc::now();
        if !context.is_in_force(now) {
            return Err(Error::Unknown);
        }
        if !context.admits(address) {
            return Err(Error::WrongAddress);
        }
        context.used(now);
        Ok(context)
    }
}

/// The same, for one kind of key.
///
/// # Errors
/// [`Error`], also when the key is of the other kind.
pub(crate) fn authenticate_as<'k, S: Shows>(
    keys: &'k Keys,
    request: &S,
    kind: KeyKind,
) -> impl Future<Output = Result<Arc<Context>, Error>> + use<'k, S> {
    let authenticated = authenticate(keys, request);
    async move {
        let context = authenticated.await?;
        if context.key.kind == kind { Ok(context) } else { Err(Error::WrongKind(context.key.kind)) }
    }
}
