//! The members of a request's body, each read when it is asked for: what nobody asks for is not copied.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::RangeInclusive;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Peek;
use super::limits::{MODELS, NAME, check_depth};
use super::path::Path;
use super::platform;
use crate::error::BadRequest;

/// The members of one object in their order, taken out one by one. `null` counts as absent.
pub(super) struct Body<'a> {
    pub(super) path: &'a Path<'a>,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Body<'a> {
    /// The body of a request.
    ///
    /// # Errors
    /// [`BadRequest`] when it is no JSON object, nests too deep or has a member twice.
    pub(super) fn of(body: &'a [u8]) -> Result<Self, BadRequest> {
        check_depth(body)?;
        let path = &Path::Root;
        let whole: &RawValue = serde_json::from_slice(body).map_err(BadRequest::not_json)?;
        if !whole.get().starts_with('{') {
            return Err(BadRequest::new("the request body must be a JSON object"));
        }
        Self::within(whole, path)
    }

    /// An object inside of a body.
    ///
    /// # Errors
    /// [`BadRequest`] when it is no object or has a member twice.
    pub(super) fn within(object: &'a RawValue, path: &'a Path<'a>) -> Result<Self, BadRequest> {
        let members: Listing<'_> =
            serde_json::from_str(object.get()).map_err(|_| path.must("be an object"))?;
        let mut names = HashSet::with_capacity(members.0.len());
        if let Some((name, _)) = members.0.iter().find(|(name, _)| !names.insert(name.as_ref())) {
            return Err(BadRequest::new(format!("`{}` is given twice", path.member(name))));
        }
        Ok(Self { path, members: members.0 })
    }

    /// Takes a member out as it stands.
    pub(super) fn raw(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.members.iter().position(|(known, _)| known == name)?;
        let (_, value) = self.members.remove(at);
        Some(value).filter(|value| value.get() != "null")
    }

    /// A member that stays where it is.
    pub(super) fn look_at(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.members.iter().find(|(known, _)| known == name)?;
        Some(*value).filter(|value| value.get() != "null")
    }

    pub(super) fn string(&mut self, name: &str) -> Result<Option<String>, BadRequest> {
        self.raw(name).map(|value| text(value, &self.path.member(name))).transpose()
    }

    /// # Errors
    /// When the member is absent, no string or empty.
    pub(super) fn required_string(&mut self, name: &str) -> Result<String, BadRequest> {
        match self.string(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.path.member(name).must("be a string that is not empty")),
        }
    }

    /// # Errors
    /// When the member is no string or longer than a name may be.
    pub(super) fn name(&mut self, name: &str) -> Result<Option<String>, BadRequest> {
        match self.string(name)? {
            Some(text) if text.chars().count() > NAME => {
                Err(self.path.member(name).must(&format!("have at most {NAME} characters")))
            }
            text => Ok(text),
        }
    }

    /// # Errors
    /// When the member is none of `words`.
    pub(super) fn word(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, BadRequest> {
        match self.string(name)? {
            Some(word) if !words.contains(&word.as_str()) => {
                Err(self.path.member(name).must(&format!("be one of {}", words.join(", "))))
            }
            word => Ok(word),
        }
    }

    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, BadRequest> {
        self.parsed(name, "be true or false")
    }

    pub(super) fn integer(
        &mut self,
        name: &str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, BadRequest> {
        let (least, most) = (*range.start(), *range.end());
        let wanted = match most {
            u32::MAX => format!("be an integer of at least {least}"),
            most => format!("be an integer from {least} to {most}"),
        };
        match self.parsed(name, &wanted)? {
            Some(number) if !range.contains(&number) => Err(self.path.member(name).must(&wanted)),
            number => Ok(number),
        }
    }

    pub(super) fn signed(&mut self, name: &str) -> Result<Option<i64>, BadRequest> {
        self.parsed(name, "be an integer")
    }

    pub(super) fn number(
        &mut self,
        name: &str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, BadRequest> {
        let wanted = format!("be a number from {} to {}", range.start(), range.end());
        match self.parsed(name, &wanted)? {
            Some(number) if !range.contains(&number) => Err(self.path.member(name).must(&wanted)),
            number => Ok(number),
        }
    }

    /// The items of a list, at most `most` of them.
    pub(super) fn list(&mut self, name: &str, most: usize) -> Result<Option<Vec<&'a RawValue>>, BadRequest> {
        self.raw(name).map(|value| items(value, &self.path.member(name), most)).transpose()
    }

    fn parsed<T: Deserialize<'a>>(&mut self, name: &str, wanted: &str) -> Result<Option<T>, BadRequest> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(value.get()).map(Some).map_err(|_| self.path.member(name).must(wanted))
    }

    /// What has not been taken and is not the platform's own, without nulls.
    pub(super) fn rest(self) -> Map<String, Value> {
        let mut rest = self.values();
        rest.retain(|name, _| !platform::MEMBERS.contains(&name.as_str()));
        rest
    }

    /// What has not been taken, without nulls.
    pub(super) fn values(self) -> Map<String, Value> {
        let members = self.members.into_iter().filter(|(_, value)| value.get() != "null");
        members
            .filter_map(|(name, value)| Some((name.into_owned(), serde_json::from_str(value.get()).ok()?)))
            .collect()
    }
}

/// A string at a place.
pub(super) fn text(value: &RawValue, path: &Path<'_>) -> Result<String, BadRequest> {
    serde_json::from_str(value.get()).map_err(|_| path.must("be a string"))
}

/// The items of a list at a place, at most `most` of them.
pub(super) fn items<'a>(
    value: &'a RawValue,
    path: &Path<'_>,
    most: usize,
) -> Result<Vec<&'a RawValue>, BadRequest> {
    if !value.get().starts_with('[') {
        return Err(path.must("be an array"));
    }
    let reader = &mut serde_json::Deserializer::from_str(value.get());
    Items { most }.deserialize(reader).map_err(|_| path.must(&format!("have at most {most} entries")))
}

/// What every request beside conversations says of whom it is for.
#[derive(Default)]
pub(super) struct Head {
    /// In order of preference, at least one unless a preset is named.
    models: Vec<String>,
    provider: Option<Box<RawValue>>,
    /// `provider.options`: members for one provider each, by its slug.
    pub(super) options: Map<String, Value>,
    pub(super) user: Option<String>,
}

impl Head {
    /// # Errors
    /// [`BadRequest`] naming the member that is wrong.
    pub(super) fn read(body: &mut Body<'_>) -> Result<Self, BadRequest> {
        let models = models(body)?;
        let provider = body.raw("provider");
        let options = match provider {
            Some(provider) => options(provider, &body.path.member("provider"))?,
            None => Map::new(),
        };
        Ok(Self { models, provider: provider.map(ToOwned::to_owned), options, user: body.name("user")? })
    }

    /// The model wanted most.
    pub(super) fn model(&self) -> String {
        self.models.first().cloned().unwrap_or_default()
    }

    /// What admission needs of it: one choice, one turn of text and nothing more.
    pub(super) fn into_peek(self) -> Peek {
        Peek {
            models: self.models,
            provider: self.provider,
            user: self.user,
            choices: 1,
            messages: 1,
            input_modalities: vec!["text"],
            ..Peek::default()
        }
    }
}

/// `model`, then `models`, each once.
fn models(body: &mut Body<'_>) -> Result<Vec<String>, BadRequest> {
    let mut names = Vec::new();
    if let Some(model) = body.raw("model") {
        names.push(not_empty(model, &body.path.member("model"))?);
    }
    let path = body.path.member("models");
    for (index, name) in body.list("models", MODELS)?.unwrap_or_default().into_iter().enumerate() {
        let name = not_empty(name, &path.item(index))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.as_slice() {
        [] if body.look_at("preset").is_none() => {
            Err(BadRequest::new("`model` is required: send `model` or a list of `models`"))
        }
        _ => Ok(names),
    }
}

fn not_empty(value: &RawValue, path: &Path<'_>) -> Result<String, BadRequest> {
    match text(value, path)? {
        name if name.is_empty() => Err(path.must("not be empty")),
        name => Ok(name),
    }
}

/// `{"options": {"<provider>": {…}}}`
fn options(provider: &RawValue, path: &Path<'_>) -> Result<Map<String, Value>, BadRequest> {
    let mut provider = Body::within(provider, path)?;
    let path = path.member("options");
    let Some(options) = provider.raw("options") else { return Ok(Map::new()) };
    let options = Body::within(options, &path)?;
    let mut all = Map::new();
    for (slug, members) in options.members {
        let members = Body::within(members, &path.member(&slug))?.rest();
        all.insert(slug.into_owned(), Value::Object(members));
    }
    Ok(all)
}

/// The names of the parameters that are set.
pub(super) fn set(parameters: &[(&'static str, bool)]) -> Vec<&'static str> {
    parameters.iter().filter_map(|(name, is_set)| is_set.then_some(*name)).collect()
}

struct Listing<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Listing<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListingVisitor;
        impl<'de> Visitor<'de> for ListingVisitor {
            type Value = Listing<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Listing<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Listing(members))
            }
        }
        deserializer.deserialize_map(ListingVisitor)
    }
}

struct Items {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for Items {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            if items.len() == self.most {
                return Err(A::Error::custom("too many"));
            }
            items.push(item);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str, read: impl FnOnce(&mut Body<'_>) -> Result<(), BadRequest>) -> String {
        let result = Body::of(body.as_bytes()).and_then(|mut body| read(&mut body));
        result.unwrap_err().message
    }

    #[test]
    fn members_come_typed_and_the_rest_as_it_is() {
        let text = r#"{"a":"x","b":3,"c":null,"d":[1,{}],"e":0.5,"provider":{},"f":{"z":1,"a":2},"g":true}"#;
        let mut body = Body::of(text.as_bytes()).unwrap();
        assert_eq!(body.string("a").unwrap().as_deref(), Some("x"));
        assert_eq!(body.integer("b", 1..=9).unwrap(), Some(3));
        assert_eq!(body.integer("c", 1..=9).unwrap(), None);
        assert_eq!(body.number("e", 0.0..=1.0).unwrap(), Some(0.5));
        assert_eq!(body.list("d", 2).unwrap().unwrap().len(), 2);
        assert_eq!(Value::Object(body.rest()).to_string(), r#"{"f":{"z":1,"a":2},"g":true}"#);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let of = |body: &str| refused(body, |_| Ok(()));
        assert!(of("[]").contains("must be a JSON object"));
        assert!(of("{\"a\":").contains("not valid JSON"));
        assert!(of("{\"a\":1,\"\\u0061\":2}").contains("`a` is given twice"));
        assert!(of(&format!("{{\"a\":{}{}}}", "[".repeat(70), "]".repeat(70))).contains("nests deeper"));
        let wrong = r#"{"a":1,"n":11,"l":[1,2,3],"w":"x"}"#;
        assert_eq!(refused(wrong, |body| body.string("a").map(drop)), "`a` must be a string");
        let range = "`n` must be an integer from 1 to 10";
        assert_eq!(refused(wrong, |body| body.integer("n", 1..=10).map(drop)), range);
        assert_eq!(refused(wrong, |body| body.list("l", 2).map(drop)), "`l` must have at most 2 entries");
        assert_eq!(refused(wrong, |body| body.word("w", &["y"]).map(drop)), "`w` must be one of y");
        let head = |body: &str| refused(body, |body| Head::read(body).map(drop));
        assert!(head("{}").contains("`model` is required"));
        assert!(head(r#"{"models":["a",""]}"#).contains("`models[1]` must not be empty"));
        assert!(head(r#"{"model":"a","provider":[]}"#).contains("`provider` must be an object"));
        let options = r#"{"model":"a","provider":{"options":{"house":1}}}"#;
        assert!(head(options).contains("`provider.options.house` must be an object"));
    }
}
