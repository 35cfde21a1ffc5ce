//! The borrowed pass over a body that admission makes: what the dialects' passes share.

use serde::Deserialize;

use super::limits::{EFFORTS, EXPLAINED, NAME, check_depth};
use super::strict::Strict;
use crate::canonical::Request;
use crate::error::BadRequest;

/// Reads a body in one pass. For one that is not sound, `read`, the full reader, finds the words, unless it is long.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn sound<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    kind: &str,
    is_sound: fn(&T) -> bool,
    read: fn(&[u8]) -> Result<Request, BadRequest>,
) -> Result<T, BadRequest> {
    check_depth(body)?;
    let words = || (body.len() <= EXPLAINED).then(|| read(body).err()).flatten();
    let reason = |otherwise: String| words().unwrap_or_else(|| BadRequest::new(otherwise));
    match serde_json::from_slice::<Strict<T>>(body) {
        Ok(passed) if is_sound(&passed.0) => Ok(passed.0),
        Ok(_) => Err(reason(format!("the request body is not a {kind} request"))),
        Err(error) => Err(reason(format!("the request body cannot be read: {error}"))),
    }
}

/// Whether each number that is given keeps to its range.
pub(super) fn are_in_range<const N: usize>(numbers: [(Option<f64>, (f64, f64)); N]) -> bool {
    let keeps = |(value, (least, most)): (Option<f64>, (f64, f64))| {
        value.is_none_or(|value| (least..=most).contains(&value))
    };
    numbers.into_iter().all(keeps)
}

/// Whether a text is no longer than a name may be.
pub(super) fn is_short(text: Option<&String>) -> bool {
    text.is_none_or(|text| text.len() <= NAME || text.chars().count() <= NAME)
}

pub(super) fn is_effort(word: Option<&String>) -> bool {
    word.is_none_or(|word| EFFORTS.contains(&word.as_str()))
}

/// `reasoning`, of which effort and budget exclude each other.
#[derive(Deserialize)]
pub(super) struct ReasoningHead {
    pub(super) effort: Option<String>,
    max_tokens: Option<u64>,
    #[serde(rename = "exclude")]
    _exclude: Option<bool>,
    #[serde(rename = "enabled")]
    _enabled: Option<bool>,
}

impl ReasoningHead {
    pub(super) fn is_sound(&self) -> bool {
        is_effort(self.effort.as_ref()) && (self.effort.is_none() || self.max_tokens.is_none())
    }
}
