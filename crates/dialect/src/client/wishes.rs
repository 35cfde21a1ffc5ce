//! What a request says of where it is to be served, beside models and preferences.

use serde_json::Value;
use serde_json::value::RawValue;

use super::Peek;
use super::path::{Members, Path};
use crate::error::BadRequest;

/// Words of `service_tier`, with what each is to routing: `fast` is another name for `priority`, and the last
/// two are Anthropic's for the usual tier.
const TIERS: [(&str, &str); 8] = [
    ("auto", "auto"),
    ("default", "default"),
    ("flex", "flex"),
    ("priority", "priority"),
    ("fast", "priority"),
    ("scale", "scale"),
    ("standard", "default"),
    ("standard_only", "default"),
];
/// Of those, what every dialect knows.
const SHARED: usize = 6;
/// Kinds of output that a request may name at most.
const KINDS: usize = 16;
/// Bytes of a member that is a word or a few; a longer one is none.
const SHORT: usize = 1_024;

/// The members as they stand in a body.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wishes<'a> {
    pub(super) service_tier: Option<&'a RawValue>,
    /// Of Messages alone.
    pub(super) speed: Option<&'a RawValue>,
    pub(super) prompt_cache_key: Option<&'a RawValue>,
    pub(super) plugins: Option<&'a RawValue>,
    pub(super) modalities: Option<&'a RawValue>,
    pub(super) route: Option<&'a RawValue>,
    pub(super) preset: Option<&'a RawValue>,
}

/// Words that a dialect may say for tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tiers {
    Usual,
    /// With Anthropic's own, and with `speed`.
    Anthropic,
}

impl Wishes<'_> {
    /// Adds what admission needs of them.
    ///
    /// # Errors
    /// [`BadRequest`] naming the member that is wrong.
    pub(super) fn add_to(self, peek: Peek, tiers: Tiers) -> Result<Peek, BadRequest> {
        let value = |raw: Option<&RawValue>| raw.map(short);
        let tier = tier(value(self.service_tier).as_ref(), tiers)?;
        let speed = match tiers {
            Tiers::Usual => None,
            Tiers::Anthropic => speed(value(self.speed).as_ref())?,
        };
        Ok(Peek {
            service_tier: tier.or(speed),
            // What is no text is for a provider to refuse.
            prompt_cache_key: self.prompt_cache_key.and_then(|key| serde_json::from_str(key.get()).ok()),
            plugins: self.plugins.map(ToOwned::to_owned),
            output_modalities: kinds(value(self.modalities).as_ref())?,
            partition: self.route.and_then(|route| partition(route.get())),
            preset: preset(value(self.preset).as_ref())?,
            ..peek
        })
    }
}

/// What [`Wishes::add_to`] refuses, for a reader of whole requests.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn check(members: &Members<'_>, tiers: Tiers) -> Result<(), BadRequest> {
    tier(members.look_at("service_tier"), tiers)?;
    if tiers == Tiers::Anthropic {
        speed(members.look_at("speed"))?;
    }
    preset(members.look_at("preset"))?;
    kinds(members.look_at("modalities")).map(drop)
}

/// A member that is a word or a few. What is longer is read no further: as nothing that could be one.
fn short(raw: &RawValue) -> Value {
    let text = raw.get();
    if text.len() > SHORT { Value::Bool(false) } else { serde_json::from_str(text).unwrap_or_default() }
}

fn tier(value: Option<&Value>, tiers: Tiers) -> Result<Option<&'static str>, BadRequest> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let known = match tiers {
        Tiers::Usual => &TIERS[..SHARED],
        Tiers::Anthropic => &TIERS[..],
    };
    let meant = value.as_str().and_then(|word| known.iter().find(|(name, _)| *name == word));
    match meant {
        Some((_, tier)) => Ok(Some(tier)),
        None => {
            let words: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            Err(Path::Root.member("service_tier").must(&format!("be one of {}", words.join(", "))))
        }
    }
}

/// `fast` is the tier `priority`; a tier that is named wins.
fn speed(value: Option<&Value>) -> Result<Option<&'static str>, BadRequest> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(word)) if word == "fast" => Ok(Some("priority")),
        Some(Value::String(word)) if word == "standard" => Ok(None),
        Some(_) => Err(Path::Root.member("speed").must("be fast or standard")),
    }
}

fn kinds(value: Option<&Value>) -> Result<Vec<String>, BadRequest> {
    let wrong = || {
        let most = format!("be a list of at most {KINDS} words, such as text, image and audio");
        Path::Root.member("modalities").must(&most)
    };
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= KINDS => {
            list.iter().map(|kind| kind.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

fn preset(value: Option<&Value>) -> Result<Option<String>, BadRequest> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(slug)) if !slug.is_empty() => Ok(Some(slug.clone())),
        Some(_) => Err(Path::Root.member("preset").must("be the slug of a preset")),
    }
}

/// What the deprecated `route` stands for. Old clients send all kinds of things, and nothing was ever
/// refused.
fn partition(route: &str) -> Option<&'static str> {
    match route {
        "\"fallback\"" => Some("model"),
        "\"sort\"" => Some("none"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
