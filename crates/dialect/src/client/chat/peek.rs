//! Reads of a body what admission needs, in one borrowed pass that keeps none of its content.
//!
//! The pass only says whether a body is sound. For one that is not, [`super::read`] finds the words.

mod parts;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::read;
use crate::client::limits::{self, CHOICES, PENALTY, REPETITION, SHARE, TEMPERATURE};
use crate::client::pass::{self, ReasoningHead};
use crate::client::skim::{Object, Skim, Stop};
use crate::client::strict::Strict;
use crate::client::turns::Turns;
use crate::client::wishes::{Tiers, Wishes};
use crate::client::{Peek, body, models};
use crate::error::BadRequest;
use parts::Turn;

/// Reads what admission needs; see [`crate::client::Dialect::peek`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    pass::sound(body, "chat", Body::is_sound, read::read)?.into_peek(body.len())
}

/// Whether a body has a `prompt` and no messages: it asks for a text completion.
#[must_use]
pub fn has_prompt(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Either {
        prompt: Option<IgnoredAny>,
        messages: Option<IgnoredAny>,
    }
    limits::check_depth(body).is_ok()
        && serde_json::from_slice(body)
            .is_ok_and(|either: Either| either.prompt.is_some() && either.messages.is_none())
}

#[derive(Deserialize)]
struct Body<'a> {
    model: Option<String>,
    models: Option<Vec<String>>,
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
    messages: Option<Turns<Turn>>,
    tools: Option<Vec<Strict<ToolHead>>>,
    tool_choice: Option<ChoiceHead>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<Strict<FormatHead>>,
    structured_outputs: Option<IgnoredAny>,
    reasoning: Option<Strict<ReasoningHead>>,
    reasoning_effort: Option<String>,
    include_reasoning: Option<bool>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    min_p: Option<f64>,
    top_a: Option<IgnoredAny>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    repetition_penalty: Option<f64>,
    seed: Option<i64>,
    stop: Option<Stop>,
    n: Option<u64>,
    stream: Option<bool>,
    logit_bias: Option<IgnoredAny>,
    logprobs: Option<IgnoredAny>,
    top_logprobs: Option<IgnoredAny>,
    prediction: Option<IgnoredAny>,
    verbosity: Option<IgnoredAny>,
    web_search_options: Option<IgnoredAny>,
    user: Option<String>,
    session_id: Option<String>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_cache_key: Option<&'a RawValue>,
    #[serde(borrow)]
    plugins: Option<&'a RawValue>,
    #[serde(borrow)]
    modalities: Option<&'a RawValue>,
    #[serde(borrow)]
    route: Option<&'a RawValue>,
    #[serde(borrow)]
    preset: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ToolHead {
    #[serde(rename = "type")]
    kind: Option<String>,
    function: Option<Strict<FunctionHead>>,
}

#[derive(Deserialize)]
struct FunctionHead {
    name: String,
    #[serde(rename = "description")]
    _description: Option<Skim>,
    #[serde(rename = "parameters")]
    _parameters: Option<Object>,
    #[serde(rename = "strict")]
    _strict: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ChoiceHead {
    Word(String),
    Named(Strict<NamedChoice>),
}

#[derive(Deserialize)]
struct NamedChoice {
    #[serde(rename = "type")]
    kind: String,
    function: Option<Strict<NamedFunction>>,
}

#[derive(Deserialize)]
struct NamedFunction {
    name: String,
}

#[derive(Deserialize)]
struct FormatHead {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<Strict<SchemaHead>>,
}

#[derive(Deserialize)]
struct SchemaHead {
    name: Option<String>,
    #[serde(rename = "schema")]
    _schema: Option<Object>,
    #[serde(rename = "strict")]
    _strict: Option<bool>,
    #[serde(rename = "description")]
    _description: Option<Skim>,
}

impl Body<'_> {
    fn is_sound(&self) -> bool {
        models::are_sound(self.model.as_ref(), self.models.as_deref(), self.preset.is_some())
            && self.has_messages()
            && self.tools_are_sound()
            && self.options_are_sound()
    }

    fn has_messages(&self) -> bool {
        self.messages.as_ref().is_some_and(|turns| turns.count > 0 && turns.count <= limits::MESSAGES)
    }

    fn tools_are_sound(&self) -> bool {
        let tools = self.tools.as_deref().unwrap_or_default();
        let choice = match &self.tool_choice {
            None => true,
            Some(ChoiceHead::Word(word)) => ["none", "auto", "required", "any"].contains(&word.as_str()),
            Some(ChoiceHead::Named(named)) => named.is_sound(),
        };
        choice && tools.len() <= limits::TOOLS && tools.iter().all(|tool| tool.is_sound())
    }

    fn options_are_sound(&self) -> bool {
        let positive = |value: Option<u64>| value != Some(0);
        positive(self.max_tokens)
            && positive(self.max_completion_tokens)
            && self.n.is_none_or(|choices| (1..=CHOICES).contains(&choices))
            && self.numbers_are_in_range()
            && self.reasoning_is_sound()
            && self.response_format.as_ref().is_none_or(|format| format.is_sound())
            && self.provider.is_none_or(|provider| provider.get().starts_with('{'))
            && pass::is_short(self.user.as_ref())
            && pass::is_short(self.session_id.as_ref())
    }

    fn numbers_are_in_range(&self) -> bool {
        pass::are_in_range([
            (self.temperature, TEMPERATURE),
            (self.top_p, SHARE),
            (self.min_p, SHARE),
            (self.frequency_penalty, PENALTY),
            (self.presence_penalty, PENALTY),
            (self.repetition_penalty, REPETITION),
        ])
    }

    fn reasoning_is_sound(&self) -> bool {
        let long = self.reasoning.as_ref();
        let effort = long.and_then(|long| long.effort.as_ref());
        long.is_none_or(|long| long.is_sound())
            && pass::is_effort(self.reasoning_effort.as_ref())
            && effort.zip(self.reasoning_effort.as_ref()).is_none_or(|(long, short)| long == short)
    }

    fn into_peek(self, length: usize) -> Result<Peek, BadRequest> {
        let parameters = self.parameters();
        let turns = self.messages.unwrap_or_default();
        let wishes = Wishes {
            service_tier: self.service_tier,
            speed: None,
            prompt_cache_key: self.prompt_cache_key,
            plugins: self.plugins,
            modalities: self.modalities,
            route: self.route,
            preset: self.preset,
        };
        Ok(Peek {
            models: models::each_once(self.model.into_iter().chain(self.models.unwrap_or_default())),
            provider: self.provider.map(ToOwned::to_owned),
            stream: self.stream.unwrap_or(false),
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            choices: self.n.and_then(|choices| u32::try_from(choices).ok()).unwrap_or(1),
            messages: u32::try_from(turns.count).unwrap_or(u32::MAX),
            parameters,
            user: self.user,
            session_id: self.session_id,
            opening: turns.opening.fingerprint(),
            last_model: turns.last_model,
            ..wishes.add_to(turns.weight.peek(length), Tiers::Usual)?
        })
    }

    /// The parameters set, by the names that catalogues list. `max_completion_tokens` is `max_tokens`,
    /// `reasoning_effort` is `reasoning`, a JSON schema is `structured_outputs` too, plain text is none.
    fn parameters(&self) -> Vec<&'static str> {
        let format = self.response_format.as_ref().map_or("text", |format| &format.kind);
        let has_tools = self.tools.as_ref().is_some_and(|tools| !tools.is_empty());
        body::set(&[
            ("tools", has_tools),
            ("tool_choice", self.tool_choice.is_some()),
            ("parallel_tool_calls", self.parallel_tool_calls.is_some()),
            ("response_format", format != "text"),
            ("structured_outputs", self.structured_outputs.is_some() || format == "json_schema"),
            ("reasoning", self.reasoning.is_some() || self.reasoning_effort.is_some()),
            ("include_reasoning", self.include_reasoning.is_some()),
            ("max_tokens", self.max_tokens.is_some() || self.max_completion_tokens.is_some()),
            ("temperature", self.temperature.is_some()),
            ("top_p", self.top_p.is_some()),
            ("top_k", self.top_k.is_some()),
            ("min_p", self.min_p.is_some()),
            ("top_a", self.top_a.is_some()),
            ("frequency_penalty", self.frequency_penalty.is_some()),
            ("presence_penalty", self.presence_penalty.is_some()),
            ("repetition_penalty", self.repetition_penalty.is_some()),
            ("seed", self.seed.is_some()),
            ("stop", self.stop.is_some()),
            ("logit_bias", self.logit_bias.is_some()),
            ("logprobs", self.logprobs.is_some()),
            ("top_logprobs", self.top_logprobs.is_some()),
            ("prediction", self.prediction.is_some()),
            ("verbosity", self.verbosity.is_some()),
            ("web_search_options", self.web_search_options.is_some()),
        ])
    }
}

impl NamedChoice {
    fn is_sound(&self) -> bool {
        let names_a_function = || self.function.as_ref().is_some_and(|function| !function.name.is_empty());
        !self.kind.is_empty() && (self.kind != "function" || names_a_function())
    }
}

impl ToolHead {
    fn is_sound(&self) -> bool {
        let kind_is_sound = match self.kind.as_deref() {
            None | Some("function") => self.function.is_some(),
            Some(kind) => !kind.is_empty(),
        };
        kind_is_sound && self.function.as_ref().is_none_or(|function| !function.name.is_empty())
    }
}

impl FormatHead {
    fn is_sound(&self) -> bool {
        let is_named = || {
            self.json_schema
                .as_ref()
                .is_some_and(|schema| schema.name.as_ref().is_some_and(|n| !n.is_empty()))
        };
        !self.kind.is_empty() && (self.kind != "json_schema" || is_named())
    }
}
