//! The members of a client's body: what is not touched goes out as it came.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// One member: as the client sent it, or made here.
pub(super) enum Member<'a> {
    Raw(&'a RawValue),
    Made(Value),
}

/// The members of a body in order, each name once.
pub(super) struct Members<'a>(Vec<(String, Member<'a>)>);

impl<'a> Members<'a> {
    pub(super) fn retain(&mut self, mut keeps: impl FnMut(&str) -> bool) {
        self.0.retain(|(name, member)| !member.is_null() && keeps(name));
    }

    pub(super) fn get(&self, name: &str) -> Option<&Member<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, member)| member)
    }

    /// A member's value; a copy when it is the client's.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        match self.get(name)? {
            Member::Raw(raw) => serde_json::from_str(raw.get()).ok(),
            Member::Made(value) => Some(value.clone()),
        }
    }

    /// Puts a member where one of that name stands, or at the end.
    pub(super) fn make(&mut self, name: &str, value: impl Into<Value>) {
        self.set(name.to_owned(), Member::Made(value.into()));
    }

    /// [`Self::make`], or takes the member away.
    pub(super) fn make_or_remove(&mut self, name: &str, value: Option<impl Into<Value>>) {
        match value {
            Some(value) => self.make(name, value),
            None => self.remove(name),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    fn set(&mut self, name: String, member: Member<'a>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = member,
            None => self.0.push((name, member)),
        }
    }
}

impl Member<'_> {
    fn is_null(&self) -> bool {
        match self {
            Self::Raw(raw) => raw.get() == "null",
            Self::Made(value) => value.is_null(),
        }
    }
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Raw(raw) => raw.serialize(serializer),
            Self::Made(value) => value.serialize(serializer),
        }
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, member) in &self.0 {
            map.serialize_entry(name, member)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members(Vec::new());
        while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
            members.set(name, Member::Raw(raw));
        }
        Ok(members)
    }
}
