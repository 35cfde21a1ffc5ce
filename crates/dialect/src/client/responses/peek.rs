//! Reads of a body what admission needs, in a borrowed pass that keeps none of its content.
//!
//! The pass only says whether a body is sound. For one that is not, [`super::read`] finds the words.

mod items;
mod options;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::read;
use crate::client::limits::{self, PENALTY, REPETITION, SHARE, TEMPERATURE};
use crate::client::pass::{self, ReasoningHead};
use crate::client::skim::{Skim, Stop};
use crate::client::strict::Strict;
use crate::client::wishes::{Tiers, Wishes};
use crate::client::{Peek, body, models};
use crate::error::BadRequest;
use items::Input;
use options::{Choice, TextHead, ToolHead};

/// Reads what admission needs.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    pass::sound(body, "responses", Body::is_sound, read::read)?.into_peek(body.len())
}

#[derive(Deserialize)]
struct Body<'a> {
    model: Option<String>,
    models: Option<Vec<String>>,
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
    input: Option<Input>,
    instructions: Option<Skim>,
    tools: Option<Vec<ToolHead>>,
    tool_choice: Option<Choice>,
    parallel_tool_calls: Option<bool>,
    text: Option<Strict<TextHead>>,
    reasoning: Option<Strict<ReasoningHead>>,
    max_output_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    min_p: Option<f64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    repetition_penalty: Option<f64>,
    seed: Option<i64>,
    stop: Option<Stop>,
    n: Option<u64>,
    top_logprobs: Option<u64>,
    #[serde(rename = "include")]
    _include: Option<Vec<Skim>>,
    stream: Option<bool>,
    store: Option<bool>,
    background: Option<bool>,
    previous_response_id: Option<IgnoredAny>,
    conversation: Option<IgnoredAny>,
    prompt: Option<IgnoredAny>,
    user: Option<String>,
    safety_identifier: Option<String>,
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

impl Body<'_> {
    fn is_sound(&self) -> bool {
        models::are_sound(self.model.as_ref(), self.models.as_deref(), self.preset.is_some())
            && self.is_stateless()
            && self.tools_are_sound()
            && self.options_are_sound()
    }

    /// Whether it has all it needs in itself and leaves nothing behind.
    fn is_stateless(&self) -> bool {
        self.input.is_some()
            && self.store != Some(true)
            && self.background != Some(true)
            && self.previous_response_id.is_none()
            && self.conversation.is_none()
            && self.prompt.is_none()
    }

    fn tools_are_sound(&self) -> bool {
        let tools = self.tools.as_deref().unwrap_or_default();
        self.tool_choice.as_ref().is_none_or(Choice::is_sound) && tools.len() <= limits::TOOLS
    }

    fn options_are_sound(&self) -> bool {
        self.max_output_tokens != Some(0)
            && self.n.is_none_or(|choices| choices == 1)
            && self.top_logprobs.is_none_or(|likely| likely <= super::TOP_LOGPROBS)
            && self.numbers_are_in_range()
            && self.reasoning.as_ref().is_none_or(|reasoning| reasoning.is_sound())
            && self.text.as_ref().is_none_or(|text| text.is_sound())
            && self.provider.is_none_or(|provider| provider.get().starts_with('{'))
            && [&self.user, &self.safety_identifier, &self.session_id]
                .into_iter()
                .all(|text| pass::is_short(text.as_ref()))
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

    fn into_peek(self, length: usize) -> Result<Peek, BadRequest> {
        let parameters = self.parameters();
        let input = self.input.unwrap_or_default();
        let instructions = self.instructions.map_or(0, |text| text.fingerprint);
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
            max_tokens: self.max_output_tokens,
            choices: 1,
            // The instructions are one more.
            messages: u32::try_from(input.count.saturating_add(1)).unwrap_or(u32::MAX),
            parameters,
            user: self.user.or(self.safety_identifier),
            session_id: self.session_id,
            opening: input.opening.after(instructions).fingerprint(),
            ..wishes.add_to(input.weight.peek(length), Tiers::Usual)?
        })
    }

    /// The parameters set, by the names that catalogues list.
    fn parameters(&self) -> Vec<&'static str> {
        let text = self.text.as_ref();
        let format = text.map_or("text", |text| text.format());
        body::set(&[
            ("tools", self.tools.as_ref().is_some_and(|tools| !tools.is_empty())),
            ("tool_choice", self.tool_choice.is_some()),
            ("parallel_tool_calls", self.parallel_tool_calls.is_some()),
            ("response_format", format != "text"),
            ("structured_outputs", format == "json_schema"),
            ("reasoning", self.reasoning.is_some()),
            ("max_tokens", self.max_output_tokens.is_some()),
            ("temperature", self.temperature.is_some()),
            ("top_p", self.top_p.is_some()),
            ("top_k", self.top_k.is_some()),
            ("min_p", self.min_p.is_some()),
            ("frequency_penalty", self.frequency_penalty.is_some()),
            ("presence_penalty", self.presence_penalty.is_some()),
            ("repetition_penalty", self.repetition_penalty.is_some()),
            ("seed", self.seed.is_some()),
            ("stop", self.stop.is_some()),
            ("top_logprobs", self.top_logprobs.is_some()),
            ("verbosity", text.is_some_and(|text| text.has_verbosity())),
        ])
    }
}
