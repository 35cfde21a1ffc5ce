//! The members of a body in their order, each as it stands: what nobody asks for is not parsed.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use dialect::error::BadRequest;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

pub(super) struct Members<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Members<'a> {
    /// # Errors
    /// [`BadRequest`] when the body is no JSON object.
    pub(super) fn of(body: &'a [u8]) -> Result<Self, BadRequest> {
        serde_json::from_slice(body)
            .map_err(|error| BadRequest::new(format!("the request body must be a JSON object: {error}")))
    }

    /// A member that is there; `null` counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.as_ref()).filter(|value| value.get() != "null")
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A member that is there and is of this kind.
    pub(super) fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// The members for which `is_wanted`, parsed, without nulls.
    ///
    /// # Errors
    /// [`BadRequest`] when one of them cannot be parsed.
    pub(super) fn values(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Map<String, Value>, BadRequest> {
        let wanted = self.0.iter().filter(|(name, value)| is_wanted(name) && value.get() != "null");
        wanted
            .map(|(name, value)| {
                let parsed = serde_json::from_str(value.get());
                parsed
                    .map(|value| (name.clone().into_owned(), value))
                    .map_err(|error| BadRequest::new(format!("`{name}` cannot be read: {error}")))
            })
            .collect()
    }

    /// Puts a member in the place of one of the same name, or last.
    pub(super) fn put(&mut self, name: impl Into<Cow<'a, str>>, value: Box<RawValue>) {
        let (name, value) = (name.into(), Cow::Owned(value));
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    /// The same with a value that is to be written first.
    ///
    /// # Errors
    /// [`BadRequest`] when it cannot be written.
    pub(super) fn put_value(
        &mut self,
        name: impl Into<Cow<'a, str>>,
        value: &impl Serialize,
    ) -> Result<(), BadRequest> {
        self.put(name, raw(value)?);
        Ok(())
    }

    /// The others.
    pub(super) fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| !names.contains(&name.as_ref())).cloned().collect())
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// # Errors
    /// [`BadRequest`] when it cannot be written.
    pub(super) fn write(&self) -> Result<Bytes, BadRequest> {
        serde_json::to_vec(self).map(Bytes::from).map_err(|error| unwritable(&error))
    }
}

fn unwritable(error: &serde_json::Error) -> BadRequest {
    BadRequest::new(format!("the request cannot be written: {error}"))
}

/// A value as JSON.
///
/// # Errors
/// [`BadRequest`] when it cannot be written.
pub(super) fn raw(value: &impl Serialize) -> Result<Box<RawValue>, BadRequest> {
    serde_json::value::to_raw_value(value).map_err(|error| unwritable(&error))
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A name that is borrowed where it can be.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(name), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((name, Cow::Borrowed(value)));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
