//! Patterns over model names, with `*` for any run of characters.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::catalogue::Model;

/// A list of patterns, as a request, a tenant or an operator writes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patterns(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// In lower case.
    text: Box<str>,
    /// Bytes that are not `*`: a name that is shorter cannot match.
    literal: usize,
}

impl Patterns {
    /// None.
    pub const EMPTY: Self = Self(Vec::new());

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them matches a model's slug or canonical slug. A pattern without `:` means a model with
    /// all its variants.
    #[must_use]
    pub(super) fn matches(&self, model: &Model) -> bool {
        let (slug, canonical) = (model.slug(), model.row.canonical_slug.as_str());
        self.0.iter().any(|pattern| pattern.matches(slug) || slug != canonical && pattern.matches(canonical))
    }

    /// Whether one that speaks of variants matches a model's slug.
    #[must_use]
    pub(super) fn name_variant(&self, model: &Model) -> bool {
        self.0.iter().any(|pattern| pattern.text.contains(':') && pattern.matches(model.slug()))
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let literal = text.bytes().filter(|byte| *byte != b'*').count();
        Self { text: text.to_ascii_lowercase().into(), literal }
    }

    fn matches(&self, name: &str) -> bool {
        let name = match name.split_once(':') {
            Some((stem, _)) if !self.text.contains(':') => stem,
            _ => name,
        };
        self.literal <= name.len() && matches(&self.text, name)
    }
}

/// Each piece between two `*` is found at the first place where it may stand, which leaves the most room for
/// those that follow.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        match name.find(piece) {
            Some(at) => name = name.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    name.ends_with(tail)
}

impl<S: AsRef<str>> FromIterator<S> for Patterns {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        Self(texts.into_iter().map(|text| Pattern::new(text.as_ref())).collect())
    }
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer).map(|texts| texts.iter().collect())
    }
}

impl Serialize for Patterns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|pattern| &pattern.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, name, expected) in [
            ("anthropic/*", "anthropic/claude-opus-5", true),
            ("anthropic/*", "openai/gpt", false),
            ("*claude*", "anthropic/claude-opus-5", true),
            ("*Claude*", "anthropic/claude", true),
            ("*", "a/b", true),
            ("a/*-mini", "a/b-mini", true),
            ("a/*-mini", "a/b-mini-2", false),
            ("a/*b*c", "a/xbxxbc", true),
            ("a/*b*c", "a/c", false),
            ("ab*ba", "aba", false),
            ("a/b", "a/b", true),
            ("a/b", "a/bc", false),
            ("", "a/b", false),
            ("a/b", "a/b:free", true),
            ("a/*", "a/b:free", true),
            ("*:free", "a/b:free", true),
            ("*:free", "a/b", false),
            ("a/b:free", "a/b:extended", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} on {name}");
        }
    }
}
