//! What a choice knows of a request.

use dialect::canonical::Operation;
use uuid::Uuid;

use super::{AccountPolicy, Plugins, Preferences, Task};
use crate::catalogue::{Catalogue, Modalities, ParameterSet, Tier};
use rpc::Markups;

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
    /// What the tenant's own rules allow.
    pub policy: AccountPolicy<'a>,
    /// What the tenant pays on top of list prices.
    pub markups: Markups<'a>,
    /// The tenant's own credentials, in the order in which they are to be tried.
    pub own: Vec<Own<'a>>,
    /// What the conversation was served by last.
    pub held: Option<Held>,
    /// Whether somebody wants to know of everything that was considered.
    pub explain: bool,
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

impl TierWish {
    /// Reads `service_tier`. What no endpoint is distinguished by, such as `scale`, is the upstream's to
    /// understand.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "default" => Self::Usual,
            "flex" => Self::Only(Tier::Flex),
            "priority" | "fast" => Self::Only(Tier::Priority),
            _ => Self::Auto,
        }
    }
}

/// A tenant's own credential for a provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct Own<'a> {
    pub credential: Uuid,
    /// Slug.
    pub provider: &'a str,
    /// Tried after the platform's own endpoints instead of before.
    pub is_fallback: bool,
    /// The platform's own endpoints of this provider are not used for the models that it serves.
    pub is_exclusive: bool,
    /// They are not used for any model.
    pub is_provider_exclusive: bool,
    /// What the tenant says of the account: whether it keeps nothing. `None` = as the endpoint.
    pub declared_zero_data_retention: Option<bool>,
    /// The data region that the account stays in, where its endpoint has none.
    pub declared_region: Option<&'a str>,
    /// Slugs or canonical slugs of the models it serves; empty = all.
    pub models: &'a [String],
}

/// The endpoint that holds a conversation's prompt in its cache, as reached with one credential; the nil UUID
/// for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub endpoint: Uuid,
    pub credential: Uuid,
}

impl Held {
    /// The model that served the conversation, as an index in the catalogue; `None` when it is gone. A router
    /// model keeps it while it is a candidate.
    #[must_use]
    pub fn model(&self, catalogue: &Catalogue) -> Option<usize> {
        catalogue.place(self.endpoint).map(|place| place.model)
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
