//! What a choice knows of a request.

use dialect::canonical::Operation;
use serde::Deserialize;

use super::{Plugins, Task};
use crate::catalogue::{Modalities, ParameterSet, Tier};

/// One request as routing sees it. Borrowed; never its content.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// As the client asked, in order of preference, variants included.
    pub models: &'a [String],
    pub preferences: Preferences<'a>,
    pub profile: Profile,
    pub tier: TierWish,
    /// The data region that the request must stay in.
    pub region: Option<&'a str>,
    /// The settings of router models.
    pub plugins: Plugins,
    /// What the conversation is about: what a router model goes by.
    pub task: Task,
    /// The model that wrote the last turn, where the client says so.
    pub last_model: Option<&'a str>,
}

/// Which class of service the request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TierWish {
    /// The usual one, and what a variant of the model's name admits.
    #[default]
    Auto,
    /// The usual one and nothing else.
    Usual,
    /// This one before the usual one.
    Only(Tier),
}

/// The request's `provider` member.
#[derive(Debug, Clone, Default)]
pub struct Preferences<'a> {
    pub order: &'a [String],
    pub only: &'a [String],
    pub ignore: &'a [String],
    pub allow_fallbacks: bool,
    pub sort: Option<Sort>,
    pub require_parameters: bool,
    pub quantizations: &'a [String],
    pub data_collection: DataCollection,
    pub zero_data_retention: bool,
    pub max_price: MaxPrice,
    /// Whether the endpoints of all models are sorted together, instead of model after model.
    pub sorts_across_models: bool,
}

/// Caps on what an endpoint may cost, in pico-USD per unit with the caller's markup taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MaxPrice {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub request: Option<u64>,
    pub image: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataCollection {
    #[default]
    Allow,
    /// Only endpoints that are known not to collect.
    Deny,
}

/// What to sort endpoints by instead of drawing the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    Price,
    Throughput,
    Latency,
    /// The default order, until something ranks tool use.
    Exacto,
}

/// A preference has a value that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`provider.{field}` must be {expected}")]
pub struct BadPreference {
    pub field: &'static str,
    pub expected: &'static str,
}

impl Sort {
    /// Reads `provider.sort`.
    ///
    /// # Errors
    /// [`BadPreference`] for an unknown word.
    pub fn parse(text: &str) -> Result<Option<Self>, BadPreference> {
        match text {
            "" => Ok(None),
            "exacto" => Ok(Some(Self::Exacto)),
            "price" => Ok(Some(Self::Price)),
            "throughput" => Ok(Some(Self::Throughput)),
            "latency" => Ok(Some(Self::Latency)),
            _ => Err(BadPreference { field: "sort", expected: "price, throughput, latency or exacto" }),
        }
    }
}

impl DataCollection {
    /// Reads `provider.data_collection`.
    ///
    /// # Errors
    /// [`BadPreference`] for an unknown word.
    pub fn parse(text: &str) -> Result<Self, BadPreference> {
        match text {
            "" | "allow" => Ok(Self::Allow),
            "deny" => Ok(Self::Deny),
            _ => Err(BadPreference { field: "data_collection", expected: "allow or deny" }),
        }
    }
}

/// Size and kind of a request.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Bytes of the whole body.
    pub body_bytes: u64,
    pub messages: u32,
    pub inputs: Modalities,
    /// Kinds of output that it asks for; none = whatever the model answers.
    pub outputs: Modalities,
    /// What it sets, of what the catalogue knows.
    pub parameters: ParameterSet,
    pub max_tokens: Option<u64>,
    pub operation: Operation,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            body_bytes: 0,
            messages: 0,
            inputs: Modalities::default(),
            outputs: Modalities::default(),
            parameters: ParameterSet::default(),
            max_tokens: None,
            operation: Operation::Chat,
        }
    }
}

/// No text is known to hold more bytes per token than this on the whole: the longest tokens are runs of
/// blanks or marks, and ordinary prose has four bytes to the token.
const BYTES_PER_TOKEN_AT_MOST: u64 = 16;
/// Usual for prose; only ever compared, never a bound.
const BYTES_PER_TOKEN_USUALLY: u64 = 4;

impl Profile {
    /// Prompt tokens that there are at the very least. An endpoint is excluded only when even these do not
    /// fit, because a request that might fit is the provider's to judge. With media inside, the body's
    /// bytes say nothing of its text, and each message counts as one token. What is not a conversation may
    /// hold many inputs, of which each has the context to itself.
    #[must_use]
    pub fn least_prompt_tokens(&self) -> u64 {
        if self.operation != Operation::Chat {
            return 0;
        }
        let messages = u64::from(self.messages);
        if self.inputs.is_text_only() {
            messages.max(self.body_bytes / BYTES_PER_TOKEN_AT_MOST)
        } else {
            messages
        }
    }

    /// About how many prompt tokens there are: decides which tier of a price is compared.
    #[must_use]
    pub fn likely_prompt_tokens(&self) -> u64 {
        if self.inputs.is_text_only() { self.body_bytes / BYTES_PER_TOKEN_USUALLY } else { 0 }
    }
}
