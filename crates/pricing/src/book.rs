//! Price lists: the rates of one immutable price version.

use serde::{Deserialize, Serialize};

use crate::{Class, Rate};

/// Rates by class; a class without one falls back as [`Class::fallback`] says, else it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rates {
    rates: [Option<Rate>; Class::ALL.len()],
}

impl Rates {
    #[must_use]
    pub fn with(mut self, class: Class, rate: Rate) -> Self {
        self.rates[class.index()] = Some(rate);
        self
    }

    /// The rate that is written down for this very class.
    #[must_use]
    pub fn listed(&self, class: Class) -> Option<Rate> {
        self.rates[class.index()]
    }

    /// The rate that a unit of this class is charged at.
    #[must_use]
    pub fn rate(&self, class: Class) -> Rate {
        match (self.listed(class), class.fallback()) {
            (Some(rate), _) => rate,
            (None, Some(other)) => self.rate(other),
            (None, None) => Rate::ZERO,
        }
    }
}

/// Rates that replace the base ones once the prompt is longer than a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Applies when the prompt has strictly more tokens than this.
    pub above_prompt_tokens: u64,
    /// Listed classes replace the base rate; the others inherit it.
    pub rates: Rates,
}

/// The rates of one price version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PriceBook {
    pub base: Rates,
    /// In any order; of those that apply, the highest threshold wins for each class it lists.
    #[serde(default)]
    pub tiers: Vec<Tier>,
}

impl PriceBook {
    /// The rates for a prompt of this many tokens.
    #[must_use]
    pub fn rates_for(&self, prompt_tokens: u64) -> Rates {
        let mut tiers: Vec<&Tier> =
            self.tiers.iter().filter(|tier| prompt_tokens > tier.above_prompt_tokens).collect();
        tiers.sort_by_key(|tier| tier.above_prompt_tokens);
        let mut rates = self.base;
        for tier in tiers {
            for class in Class::ALL {
                if let Some(rate) = tier.rates.listed(class) {
                    rates = rates.with(class, rate);
                }
            }
        }
        rates
    }

    /// The dearest that a unit of this class can be, whatever the prompt's length.
    #[must_use]
    pub(crate) fn dearest(&self, class: Class) -> Rate {
        self.tiers
            .iter()
            .map(|tier| self.rates_for(tier.above_prompt_tokens.saturating_add(1)).rate(class))
            .chain([self.base.rate(class)])
            .max()
            .unwrap_or_default()
    }

    /// Whether nothing in this book costs anything.
    #[must_use]
    pub fn is_free(&self) -> bool {
        Class::ALL.into_iter().all(|class| self.dearest(class) == Rate::ZERO)
    }
}
