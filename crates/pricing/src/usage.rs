//! What one generation used, in classes that never overlap.

use serde::{Deserialize, Serialize};

use crate::OutOfRange;

/// A kind of unit that is priced on its own. Classes are disjoint: a token counts in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Prompt tokens neither read from nor written to a cache.
    Input,
    CacheRead,
    /// Written with the short (five-minute or only) lifetime.
    CacheWrite5m,
    CacheWrite1h,
    /// Visible completion tokens; includes reasoning where a provider does not report it apart.
    Output,
    Reasoning,
    /// Prompt tokens of audio.
    AudioInput,
    AudioOutput,
    /// Images in the prompt, counted as images (only where a provider prices them so).
    Image,
    /// The request itself.
    Request,
    /// Prompt tokens of images, where they are priced apart from text.
    ImageInput,
    /// Completion tokens of generated images.
    ImageOutput,
    /// Generated images, counted as images (only where a provider prices them so).
    Picture,
    /// Characters of text to speak.
    Character,
    /// Seconds of audio in the prompt, begun ones whole.
    Second,
    /// Searches of a rerank request.
    SearchUnit,
}

impl Class {
    pub const ALL: [Self; 16] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::Output,
        Self::Reasoning,
        Self::AudioInput,
        Self::AudioOutput,
        Self::Image,
        Self::Request,
        Self::ImageInput,
        Self::ImageOutput,
        Self::Picture,
        Self::Character,
        Self::Second,
        Self::SearchUnit,
    ];

    /// The classes that count prompt tokens.
    pub const PROMPT: [Self; 6] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::AudioInput,
        Self::ImageInput,
    ];

    /// The classes that count completion tokens.
    pub const COMPLETION: [Self; 4] = [Self::Output, Self::Reasoning, Self::AudioOutput, Self::ImageOutput];

    /// The class whose rate serves when a price list has none for this one.
    #[must_use]
    pub const fn fallback(self) -> Option<Self> {
        match self {
            Self::CacheRead | Self::CacheWrite5m | Self::AudioInput | Self::ImageInput => Some(Self::Input),
            Self::CacheWrite1h => Some(Self::CacheWrite5m),
            Self::Reasoning | Self::AudioOutput | Self::ImageOutput => Some(Self::Output),
            Self::Input
            | Self::Output
            | Self::Image
            | Self::Request
            | Self::Picture
            | Self::Character
            | Self::Second
            | Self::SearchUnit => None,
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// Where a usage count comes from; kept with every charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The provider's own numbers.
    #[default]
    Provider,
    /// Counted here with the model's tokenizer.
    Counted,
    /// Counted here with a stand-in tokenizer, or from deltas.
    Estimated,
}

/// Units used, by class. The units of [`Class::PROMPT`] and [`Class::COMPLETION`] are tokens; those of the
/// other classes are what the class is named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    units: [u64; Class::ALL.len()],
}

impl Usage {
    #[must_use]
    pub fn with(mut self, class: Class, units: u64) -> Self {
        self.set(class, units);
        self
    }

    pub fn set(&mut self, class: Class, units: u64) {
        self.units[class.index()] = units;
    }

    #[must_use]
    pub fn get(&self, class: Class) -> u64 {
        self.units[class.index()]
    }

    /// Every class that was used, with its units.
    pub fn iter(&self) -> impl Iterator<Item = (Class, u64)> + '_ {
        Class::ALL.into_iter().map(|class| (class, self.get(class))).filter(|(_, units)| *units > 0)
    }

    /// All prompt tokens: uncached, cached, written, audio and images.
    ///
    /// # Errors
    /// [`OutOfRange`] when the sum does not fit.
    pub fn prompt_tokens(&self) -> Result<u64, OutOfRange> {
        self.sum(&Class::PROMPT)
    }

    /// All completion tokens: visible, reasoning, audio and images.
    ///
    /// # Errors
    /// [`OutOfRange`] when the sum does not fit.
    pub fn completion_tokens(&self) -> Result<u64, OutOfRange> {
        self.sum(&Class::COMPLETION)
    }

    fn sum(&self, classes: &[Class]) -> Result<u64, OutOfRange> {
        classes.iter().try_fold(0_u64, |sum, class| sum.checked_add(self.get(*class))).ok_or(OutOfRange)
    }
}
