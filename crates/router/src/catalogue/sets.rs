//! Small sets of names as bits: parameters and modalities.

use std::collections::HashMap;

use dialect::canonical::Operation;

/// Parameters that a request sets or an endpoint takes, as bits of [`Parameters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParameterSet(u128);

impl ParameterSet {
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn with(self, bit: u32) -> Self {
        Self(self.0 | 1 << bit)
    }
}

/// Kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Operations(u8);

impl Operations {
    /// What a model is made for, by what it puts out.
    #[must_use]
    pub fn of(output_modalities: &[String]) -> Self {
        let has = |kind: &str| output_modalities.iter().any(|own| own == kind);
        Operation::ALL
            .into_iter()
            .filter(|operation| match operation {
                Operation::Chat => has("text"),
                Operation::Embeddings => has("embeddings"),
                Operation::Rerank => has("rerank"),
                Operation::Images => has("image"),
                Operation::Speech => has("speech"),
                Operation::Transcription => has("transcription"),
            })
            .collect()
    }

    #[must_use]
    pub const fn contains(self, operation: Operation) -> bool {
        self.0 & Self::bit(operation) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(move |operation| self.contains(*operation))
    }

    const fn bit(operation: Operation) -> u8 {
        1 << operation as u8
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        Self(operations.into_iter().fold(0, |bits, operation| bits | Self::bit(operation)))
    }
}

/// Public parameter names that mean the same to routing: supporting one is supporting the other.
const SAME: [(&str, &str); 3] = [
    ("max_completion_tokens", "max_tokens"),
    ("reasoning_effort", "reasoning"),
    ("include_reasoning", "reasoning"),
];

/// The vocabulary that is known even when no endpoint takes it.
const KNOWN: [&str; 23] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "top_a",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "max_tokens",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "prediction",
    "seed",
    "response_format",
    "structured_outputs",
    "stop",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "web_search_options",
    "verbosity",
];

/// The parameter names of one catalogue. Names it does not know have no say in routing.
#[derive(Debug, Clone)]
pub struct Parameters(HashMap<Box<str>, u32>);

impl Default for Parameters {
    fn default() -> Self {
        let mut names = Self(HashMap::new());
        for name in KNOWN {
            names.learn(name);
        }
        names
    }
}

impl Parameters {
    /// Gives a name its bit. Names beyond the 128th get none.
    pub(crate) fn learn(&mut self, name: &str) {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        if next < u128::BITS && !self.0.contains_key(plain(name)) {
            self.0.insert(plain(name).into(), next);
        }
    }

    #[must_use]
    pub fn set<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> ParameterSet {
        names
            .into_iter()
            .filter_map(|name| self.0.get(plain(name)))
            .fold(ParameterSet::default(), |set, bit| set.with(*bit))
    }
}

fn plain(name: &str) -> &str {
    SAME.into_iter().find(|(from, _)| *from == name).map_or(name, |(_, to)| to)
}

/// Kinds of content: `text`, `image`, `audio`, `file`, `video` and what else a catalogue names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modalities(u8);

const MODALITIES: [&str; 7] = ["text", "image", "audio", "file", "video", "embeddings", "rerank"];
/// Stands for every kind that has no bit of its own, so that an unknown wish is never taken for granted.
const OTHER: u8 = 1 << 7;

impl Modalities {
    pub const TEXT: Self = Self(1);
    pub const AUDIO: Self = Self(1 << 2);

    #[must_use]
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let bit = |name| MODALITIES.iter().position(|known| *known == name).map_or(OTHER, |at| 1 << at);
        Self(names.into_iter().fold(0, |set, name| set | bit(name)))
    }

    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is nothing but text, or nothing at all.
    #[must_use]
    pub const fn is_text_only(self) -> bool {
        self.0 & !Self::TEXT.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_of_one_parameter_are_one() {
        let mut names = Parameters::default();
        names.learn("raw_mode");
        let takes = names.set(["max_tokens", "raw_mode"]);
        assert!(takes.contains(names.set(["max_completion_tokens"])));
        assert!(takes.contains(names.set(["nobody_knows_this"])));
        assert!(!takes.contains(names.set(["top_a"])));
    }

    #[test]
    fn an_unknown_modality_is_not_contained() {
        assert!(Modalities::of(["text", "image"]).contains(Modalities::of(["image"])));
        assert!(!Modalities::of(["text", "image"]).contains(Modalities::of(["smell"])));
        assert_eq!(Modalities::of(["audio"]), Modalities::AUDIO);
        assert!(Modalities::of(["text"]).is_text_only() && !Modalities::of(["file"]).is_text_only());
    }
}
