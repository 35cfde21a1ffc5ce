//! Claude where others sell it: the dialect of its maker in another envelope.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::anthropic::Anthropic;
use crate::canonical::Task;
use crate::codec::{Adapter as _, Encoded, Target};
use crate::error::BadRequest;

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
    let unwritable = |error| BadRequest::new(format!("the request cannot be written: {error}"));
    let mut members: Members<'_> = serde_json::from_slice(&encoded.body).map_err(unwritable)?;
    let caches = target.quirk("automatic_caching") == Some(true);
    members.0.retain(|(name, _)| !envelope.without.contains(&name.as_ref()));
    members.0.retain(|(name, _)| caches || name != "cache_control");
    members.set("anthropic_version", to_raw_value(envelope.version).map_err(unwritable)?);
    let betas = betas(&encoded, target);
    if !betas.is_empty() {
        members.set("anthropic_beta", to_raw_value(&betas).map_err(unwritable)?);
    }
    let mut body = Vec::with_capacity(encoded.body.len() + 128);
    serde_json::to_writer(&mut body, &members).map_err(unwritable)?;
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

/// The members of a body, each as it is written.
struct Members<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Members<'a> {
    fn set(&mut self, name: &'a str, value: Box<RawValue>) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.into(), Cow::Owned(value)));
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Members(Vec::new());
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.0.push((name.into(), Cow::Borrowed(value)));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
