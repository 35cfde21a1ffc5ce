//! The members of a body that was written before: what is not touched goes out as it came.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// One member of the body: as the client sent it, or made here.
pub(crate) enum Member<'a> {
    Raw(&'a RawValue),
    Made(Value),
    List(Vec<Member<'a>>),
}

impl Member<'_> {
    pub(crate) fn is_null(&self) -> bool {
        match self {
            Self::Raw(raw) => raw.get() == "null",
            Self::Made(value) => value.is_null(),
            Self::List(_) => false,
        }
    }

    pub(crate) fn is_empty_list(&self) -> bool {
        match self {
            Self::Raw(raw) => raw.get().strip_prefix('[').is_some_and(|rest| rest.trim_start() == "]"),
            Self::Made(value) => value.as_array().is_some_and(Vec::is_empty),
            Self::List(members) => members.is_empty(),
        }
    }

    /// The member as a value; a copy when it is the client's.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Raw(raw) => serde_json::from_str(raw.get()).unwrap_or_default(),
            Self::Made(value) => value.clone(),
            Self::List(members) => members.iter().map(Self::value).collect(),
        }
    }
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Raw(raw) => raw.serialize(serializer),
            Self::Made(value) => value.serialize(serializer),
            Self::List(members) => members.serialize(serializer),
        }
    }
}

/// The members of a body in order, each name once.
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, Member<'a>)>);

impl<'a> Members<'a> {
    /// Puts a member where one of that name stands, or at the end.
    pub(crate) fn set(&mut self, name: impl Into<Cow<'a, str>>, member: Member<'a>) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = member,
            None => self.0.push((name, member)),
        }
    }

    pub(crate) fn make(&mut self, name: &'a str, value: impl Into<Value>) {
        self.set(name, Member::Made(value.into()));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Member<'a>> {
        self.0.iter().find_map(|(known, member)| (*known == name).then_some(member))
    }

    /// Gives a member another name; one that has it already stays.
    pub(crate) fn rename(&mut self, name: &str, other: &'a str) {
        if self.get(other).is_some() {
            return self.remove(name);
        }
        if let Some((known, _)) = self.0.iter_mut().find(|(known, _)| *known == name) {
            *known = Cow::Borrowed(other);
        }
    }

    /// [`Self::make`], or takes the member away.
    pub(crate) fn make_or_remove(&mut self, name: &'a str, value: Option<impl Into<Value>>) {
        match value {
            Some(value) => self.make(name, value),
            None => self.remove(name),
        }
    }

    /// A member's value; a copy when it is the client's.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        self.get(name).map(Member::value)
    }

    /// Takes away what is null and what is not to be kept.
    pub(crate) fn retain(&mut self, mut keeps: impl FnMut(&str) -> bool) {
        self.0.retain(|(name, member)| !member.is_null() && keeps(name));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| *known != name);
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

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut body = Members(Vec::new());
                while let Some((name, raw)) = map.next_entry::<String, &'de RawValue>()? {
                    body.set(name, Member::Raw(raw));
                }
                Ok(body)
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
