//! Presets: settings that a request takes over by naming them.
//!
//! A preset is made from the body of a request, in any of the dialects that conversations are held in, and is
//! kept in the words of chat ([`capture()`]). A request that names one gets what it leaves open, in the words of
//! its own dialect, before anything else looks at it ([`fill_in`]). What it leaves open still, the defaults of its
//! workspace say ([`with_model`]).

mod cache;
mod capture;
mod chat;
mod defaults;
mod members;
mod merge;
mod messages;
mod named;
mod responses;
mod shared;
mod system;
mod tools;

use bytes::Bytes;
use dialect::client::{Dialect, Peek};
use dialect::error::{BadRequest, ErrorType};

pub(crate) use cache::{Name, Presets};
pub(crate) use capture::capture;
pub(crate) use defaults::{check_tools, with_model};

use crate::auth::Context;
use crate::http::reply::{Refusal, UserFacing};
use crate::service::App;
use cache::LookupError;
use named::Named;

/// Bytes of a body above which it is read and written on the blocking pool.
pub(crate) const LONG: usize = 64 * 1024;

/// Whether a text can be the name of a preset: 1 to 64 of `a-z`, `0-9`, `-` and `_`.
pub(crate) fn is_slug(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// A preset cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no preset `{0}`")]
    Unknown(String),
    #[error("the preset `{slug}` is {status}")]
    OutOfForce { slug: String, status: String },
    #[error("a preset cannot be looked up")]
    Unavailable(#[source] std::sync::Arc<LookupError>),
}

impl UserFacing for Error {
    fn refusal(self) -> Refusal {
        match self {
            Self::Unknown(slug) => Refusal::new(
                ErrorType::NotFound,
                format!(
                    "There is no preset `{slug}` in this workspace. GET /api/v1/presets lists those that there are."
                ),
            ),
            Self::OutOfForce { slug, status } => Refusal::new(
                ErrorType::NotFound,
                format!("The preset `{slug}` is {status} and cannot be used."),
            ),
            Self::Unavailable(_) => Refusal::unavailable(),
        }
    }
}

/// A request with what its preset says in it.
pub(crate) struct Filled {
    pub(crate) body: Bytes,
    pub(crate) peek: Peek,
    /// The model as the client wrote it, where it wrote one.
    pub(crate) requested: Option<String>,
    /// Whether answers are to be cached.
    pub(crate) cache_enabled: Option<bool>,
    /// How long answers are cached.
    pub(crate) cache_ttl_seconds: Option<u64>,
}

impl Filled {
    /// A request that names no preset.
    const fn nothing(body: Bytes, peek: Peek) -> Self {
        Self { body, peek, requested: None, cache_enabled: None, cache_ttl_seconds: None }
    }
}

/// Fills in what a request leaves open, when it names a preset.
///
/// # Errors
/// A [`Refusal`]: 404 when there is no such preset or it is not active, 400 when the two do not go together.
pub(crate) async fn fill_in(
    app: &App,
    caller: &Context,
    dialect: Dialect,
    body: Bytes,
    peek: Peek,
) -> Result<Filled, Refusal> {
    match Named::of(dialect, &peek)? {
        None => Ok(Filled::nothing(body, peek)),
        // Boxed, so that those who name none carry nothing of it.
        Some(named) => Box::pin(apply(app, caller, dialect, (named, body, peek))).await,
    }
}

async fn apply(
    app: &App,
    caller: &Context,
    dialect: Dialect,
    (named, body, peek): (Named, Bytes, Peek),
) -> Result<Filled, Refusal> {
    let preset = app.presets.active(caller, &named.slug).await?;
    let (cache_enabled, cache_ttl_seconds) = (preset.cache_enabled(), preset.cache_ttl_seconds());
    let (length, defaults) = (body.len(), caller.governance.defaults.clone());
    let merge = move || -> Result<(Bytes, Peek), BadRequest> {
        let merged = merge::merge(dialect, &named, (&preset, &defaults), &body)?;
        let peek = dialect.peek(&merged).map_err(|refusal| BadRequest {
            message: format!("with the preset `{}`: {}", named.slug, refusal.message),
            ..refusal
        })?;
        Ok((merged, peek))
    };
    let requested = peek.models.into_iter().next();
    let (body, peek) = if length <= LONG {
        merge()?
    } else {
        tokio::task::spawn_blocking(merge).await.map_err(|_| rpc::Fault::internal())??
    };
    Ok(Filled { body, peek, requested, cache_enabled, cache_ttl_seconds })
}

#[cfg(test)]
mod tests;
