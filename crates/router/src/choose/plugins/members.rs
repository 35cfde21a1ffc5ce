//! The members of one plugin entry, read one by one so that a mistake is named.

use pricing::Rate;
use serde_json::{Map, Value};

use super::super::paid::Cap;
use super::super::pattern::Patterns;
use super::super::task::millionths;
use super::{BadPlugin, MinScore, ScoreKind};
use crate::catalogue::Capability;

const PATTERNS_AT_MOST: usize = 1_024;
const PATTERN_LENGTH_AT_MOST: usize = 1_024;
const PATTERN_CHARACTERS_AT_MOST: usize = 16_384;

/// What a client may require of `patchbay/cheapest`.
const REQUIRABLE: [Capability; 7] = [
    Capability::Tools,
    Capability::StructuredOutputs,
    Capability::Reasoning,
    Capability::ImageInput,
    Capability::AudioInput,
    Capability::FileInput,
    Capability::VideoInput,
];

pub(super) struct Members<'a> {
    pub(super) plugin: &'a str,
    pub(super) entry: &'a Map<String, Value>,
}

impl Members<'_> {
    /// Reads the settings into `place`, unless the entry says that it is not enabled: then they are checked and
    /// left out.
    pub(super) fn enabled<T>(
        &self,
        place: &mut T,
        read: impl FnOnce(&Self) -> Result<T, BadPlugin>,
    ) -> Result<(), BadPlugin> {
        let settings = read(self)?;
        if self.boolean("enabled")?.unwrap_or(true) {
            *place = settings;
        }
        Ok(())
    }

    pub(super) fn only(&self, known: &[&str]) -> Result<(), BadPlugin> {
        let is_known = |name: &str| matches!(name, "id" | "enabled") || known.contains(&name);
        match self.entry.keys().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(member) => {
                Err(BadPlugin::Unknown { plugin: self.plugin.to_owned(), member: member.clone() })
            }
        }
    }

    /// A member; `null` is as good as none.
    fn get(&self, member: &str) -> Option<&Value> {
        self.entry.get(member).filter(|value| !value.is_null())
    }

    fn bad(&self, member: &'static str, expected: impl Into<String>) -> BadPlugin {
        BadPlugin::Value { plugin: self.plugin.to_owned(), member, expected: expected.into() }
    }

    pub(super) fn boolean(&self, member: &'static str) -> Result<Option<bool>, BadPlugin> {
        let read = |value: &Value| value.as_bool().ok_or_else(|| self.bad(member, "true or false"));
        self.get(member).map(read).transpose()
    }

    /// The position of a word among `known`.
    pub(super) fn word(&self, member: &'static str, known: &[&str]) -> Result<Option<usize>, BadPlugin> {
        let Some(value) = self.get(member) else { return Ok(None) };
        let at = value.as_str().and_then(|word| known.iter().position(|known| *known == word));
        at.map(Some).ok_or_else(|| self.bad(member, format!("one of {}", known.join(", "))))
    }

    pub(super) fn whole(&self, member: &'static str, at_most: u64) -> Result<Option<u64>, BadPlugin> {
        let Some(value) = self.get(member) else { return Ok(None) };
        let expected = || match at_most {
            u64::MAX => "a whole number".to_owned(),
            _ => format!("a whole number from 0 to {at_most}"),
        };
        let number = value.as_u64().filter(|number| *number <= at_most);
        number.map(Some).ok_or_else(|| self.bad(member, expected()))
    }

    /// A number from 0 to 1, in millionths.
    pub(super) fn share(&self, member: &'static str) -> Result<Option<u32>, BadPlugin> {
        let Some(value) = self.get(member) else { return Ok(None) };
        let number = value.as_f64().filter(|number| (0.0..=1.0).contains(number));
        number.map(|number| Some(millionths(number))).ok_or_else(|| self.bad(member, "a number from 0 to 1"))
    }

    /// USD per million tokens as the caller pays them.
    pub(super) fn price_per_million(&self, member: &'static str) -> Result<Option<Cap>, BadPlugin> {
        let Some(value) = self.get(member) else { return Ok(None) };
        let text = match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let rate: Option<Rate> = text.and_then(|text| text.parse().ok());
        let rate = rate.ok_or_else(|| self.bad(member, "a price in USD per million tokens"))?;
        Ok(Some(Cap::of_a_million(rate)))
    }

    /// `allowed_models` and `excluded_models`.
    pub(super) fn patterns(&self) -> Result<(Patterns, Patterns), BadPlugin> {
        Ok((self.pattern_list("allowed_models")?, self.pattern_list("excluded_models")?))
    }

    fn pattern_list(&self, member: &'static str) -> Result<Patterns, BadPlugin> {
        let Some(value) = self.get(member) else { return Ok(Patterns::default()) };
        let texts: Option<Vec<&str>> =
            value.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
        let texts = texts.ok_or_else(|| self.bad(member, "a list of patterns"))?;
        let is_small = texts.len() <= PATTERNS_AT_MOST
            && texts.iter().all(|text| text.chars().count() <= PATTERN_LENGTH_AT_MOST)
            && texts.iter().map(|text| text.chars().count()).sum::<usize>() <= PATTERN_CHARACTERS_AT_MOST;
        if !is_small {
            let expected = "at most 1024 patterns of at most 1024 characters, and 16384 characters together";
            return Err(self.bad(member, expected));
        }
        Ok(texts.into_iter().collect())
    }

    pub(super) fn capabilities(&self, member: &'static str) -> Result<Vec<Capability>, BadPlugin> {
        let Some(value) = self.get(member) else { return Ok(Vec::new()) };
        let expected =
            || self.bad(member, format!("a list of {}", REQUIRABLE.map(Capability::name).join(", ")));
        let named = |word: &Value| {
            let word = word.as_str()?;
            REQUIRABLE.into_iter().find(|capability| capability.name() == word)
        };
        let words = value.as_array().ok_or_else(expected)?;
        words.iter().map(named).collect::<Option<_>>().ok_or_else(expected)
    }

    pub(super) fn min_score(&self, member: &'static str) -> Result<Option<MinScore>, BadPlugin> {
        let Some(value) = self.get(member) else { return Ok(None) };
        let bad = || {
            self.bad(member, "{\"kind\": intelligence, coding or agentic, \"value\": a number from 0 to 1}")
        };
        let members = value.as_object().filter(|members| members.len() == 2).ok_or_else(bad)?;
        let kinds = [ScoreKind::Intelligence, ScoreKind::Coding, ScoreKind::Agentic];
        let word = members.get("kind").and_then(Value::as_str).ok_or_else(bad)?;
        let kind = kinds.into_iter().find(|kind| kind.name() == word).ok_or_else(bad)?;
        let number = members.get("value").and_then(Value::as_f64).ok_or_else(bad)?;
        if !(0.0..=1.0).contains(&number) {
            return Err(bad());
        }
        Ok(Some(MinScore { kind, value: millionths(number) }))
    }
}
