//! Claude where others sell it: the dialect of its maker in another envelope.

use bytes::Bytes;
use serde_json::Value;

use crate::anthropic::Anthropic;
use crate::canonical::Task;
use crate::codec::{Adapter as _, Encoded, Target};
use crate::error::BadRequest;
use crate::members::Members;

/// What a reseller wants of the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope {
    /// The value of `anthropic_version`.
    pub(crate) version: &'static str,
    /// Members that do not go out: they stand elsewhere, or only the maker takes them.
    pub(crate) without: &'static [&'static str],
}

/// Writes the body of a conversation with Claude. Features that the maker takes in a header are a member here;
/// the quirk `betas` lists those that go out, when some are refused. Caching without marks goes out only under
/// the quirk `automatic_caching`.
///
/// # Errors
/// [`BadRequest`] where the maker's dialect cannot express the task.
pub(crate) fn body(task: &Task, target: &Target<'_>, envelope: Envelope) -> Result<Bytes, BadRequest> {
    let encoded = Anthropic.encode(task, target)?;
    let mut members: Members<'_> = serde_json::from_slice(&encoded.body).map_err(BadRequest::unwritable)?;
    let caches = target.quirk("automatic_caching") == Some(true);
    members.0.retain(|(name, _)| !envelope.without.contains(&name.as_ref()));
    members.0.retain(|(name, _)| caches || name != "cache_control");
    // They come last.
    members.remove("anthropic_version");
    members.make("anthropic_version", envelope.version);
    let betas = betas(&encoded, target);
    if !betas.is_empty() {
        members.remove("anthropic_beta");
        members.make("anthropic_beta", betas);
    }
    let mut body = Vec::with_capacity(encoded.body.len() + 128);
    serde_json::to_writer(&mut body, &members).map_err(BadRequest::unwritable)?;
    Ok(Bytes::from(body))
}

/// The features that a request of the maker's dialect names in its header.
pub(crate) fn betas<'a>(encoded: &'a Encoded, target: &Target<'_>) -> Vec<&'a str> {
    let known = target.quirks.get("betas").and_then(Value::as_array);
    let named = encoded.headers.iter().filter(|(name, _)| name == "anthropic-beta");
    let named = named.filter_map(|(_, value)| value.to_str().ok()).flat_map(|value| value.split(','));
    named
        .map(str::trim)
        .filter(|beta| !beta.is_empty())
        .filter(|beta| known.is_none_or(|known| known.iter().any(|known| known == beta)))
        .collect()
}
