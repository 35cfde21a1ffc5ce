//! Reads of a body what admission needs, in one borrowed pass that keeps none of its content.
//!
//! The pass only says whether a body is sound. For one that is not, [`super::read`] finds the words.

mod blocks;
mod shape;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::limits::{CLIENT_RUN_BYTES, FALLBACKS, TOOLS, is_client_run};
use super::{read, thread};
use crate::client::limits::{SHARE, TEMPERATURE};
use crate::client::strict::Strict;
use crate::client::turns::Turns;
use crate::client::wishes::{Tiers, Wishes};
use crate::client::{Peek, body, models, pass};
use crate::error::BadRequest;
use blocks::{Content, Turn};
use shape::Shape;

/// Reads what admission needs; see [`crate::client::Dialect::peek`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(crate) fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    pass::sound(body, "messages", Body::is_sound, read::read)?.into_peek(body.len())
}

#[derive(Deserialize)]
struct Body<'a> {
    model: Option<String>,
    models: Option<Vec<String>>,
    fallbacks: Option<Vec<Strict<Fallback>>>,
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
    system: Option<Content>,
    messages: Option<Turns<Turn>>,
    tools: Option<Vec<Strict<ToolHead>>>,
    tool_choice: Option<Strict<ChoiceHead>>,
    thinking: Option<Strict<ThinkingHead>>,
    output_config: Option<Strict<OutputHead>>,
    output_format: Option<Strict<FormatHead>>,
    max_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    stop_sequences: Option<Vec<Shape>>,
    stream: Option<bool>,
    metadata: Option<Strict<Metadata>>,
    user: Option<String>,
    session_id: Option<String>,
    thread: Option<Strict<thread::Head>>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    speed: Option<&'a RawValue>,
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
#[serde(deny_unknown_fields)]
struct Fallback {
    model: String,
}

#[derive(Deserialize)]
struct ToolHead {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<Shape>,
    description: Option<Shape>,
    input_schema: Option<Shape>,
    strict: Option<Shape>,
}

#[derive(Deserialize)]
struct ChoiceHead {
    #[serde(rename = "type")]
    kind: String,
    name: Option<Shape>,
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Deserialize)]
struct ThinkingHead {
    #[serde(rename = "type")]
    kind: String,
    budget_tokens: Option<u64>,
    display: Option<Shape>,
}

#[derive(Deserialize)]
struct OutputHead {
    effort: Option<String>,
    format: Option<Strict<FormatHead>>,
}

#[derive(Deserialize)]
struct FormatHead {
    #[serde(rename = "type")]
    kind: String,
    schema: Option<Shape>,
}

#[derive(Deserialize)]
struct Metadata {
    user_id: Option<String>,
}

impl Body<'_> {
    fn is_sound(&self) -> bool {
        self.names_models()
            && self.messages.as_ref().is_some_and(|turns| turns.count > 0)
            && self.system.as_ref().is_none_or(|system| system.is_sound)
            && self.tools_are_sound()
            && self.options_are_sound()
    }

    fn names_models(&self) -> bool {
        let fallbacks = self.fallbacks.as_deref().unwrap_or_default();
        models::are_sound(self.model.as_ref(), self.models.as_deref(), self.preset.is_some())
            && fallbacks.len() <= FALLBACKS
            && (fallbacks.is_empty() || self.models.as_ref().is_none_or(Vec::is_empty))
            && fallbacks.iter().all(|fallback| !fallback.model.is_empty())
    }

    fn tools_are_sound(&self) -> bool {
        let tools = self.tools.as_deref().unwrap_or_default();
        tools.len() <= TOOLS
            && tools.iter().all(|tool| tool.is_sound())
            && self.tool_choice.as_ref().is_none_or(|choice| choice.is_sound())
    }

    fn options_are_sound(&self) -> bool {
        let format = |format: Option<&Strict<FormatHead>>| format.is_none_or(|format| format.is_sound());
        let config = self.output_config.as_ref();
        self.max_tokens != Some(0)
            && pass::are_in_range([(self.temperature, TEMPERATURE), (self.top_p, SHARE)])
            && self.stop_sequences.iter().flatten().all(Shape::is_text)
            && self.thinking.as_ref().is_none_or(|thinking| thinking.is_sound())
            && config.is_none_or(|config| config.is_sound() && format(config.format.as_ref()))
            && format(self.output_format.as_ref())
            && self.provider.is_none_or(|provider| provider.get().starts_with('{'))
            && pass::is_short(self.user.as_ref())
            && pass::is_short(self.session_id.as_ref())
            && self.thread.as_ref().is_none_or(|thread| thread.is_sound())
            && pass::is_short(self.metadata.as_ref().and_then(|metadata| metadata.user_id.as_ref()))
    }

    fn into_peek(self, length: usize) -> Result<Peek, BadRequest> {
        let parameters = self.parameters();
        let own_tools = self.tools.iter().flatten().filter(|tool| tool.is_client_run()).count() as u64;
        let turns = self.messages.unwrap_or_default();
        let mut weight = turns.weight;
        let system = self.system.unwrap_or_default().weight;
        weight.add(&system);
        let fallbacks = self.fallbacks.into_iter().flatten().map(|fallback| fallback.0.model);
        let names = self.model.into_iter().chain(self.models.unwrap_or_default()).chain(fallbacks);
        let wishes = Wishes {
            service_tier: self.service_tier,
            speed: self.speed,
            prompt_cache_key: self.prompt_cache_key,
            plugins: self.plugins,
            modalities: self.modalities,
            route: self.route,
            preset: self.preset,
        };
        let peek = wishes.add_to(weight.peek(length), Tiers::Anthropic)?;
        Ok(Peek {
            models: models::each_once(names),
            provider: self.provider.map(ToOwned::to_owned),
            stream: self.stream.unwrap_or(false),
            max_tokens: self.max_tokens,
            choices: 1,
            messages: u32::try_from(turns.count).unwrap_or(u32::MAX),
            parameters,
            text_bytes: peek.text_bytes.saturating_add(own_tools.saturating_mul(CLIENT_RUN_BYTES)),
            user: self.user.or_else(|| self.metadata?.0.user_id),
            session_id: self.session_id,
            opening: turns.opening.after(system.fingerprint).fingerprint(),
            last_model: turns.last_model,
            ..peek
        })
    }

    /// The parameters set, by the names that catalogues list.
    fn parameters(&self) -> Vec<&'static str> {
        let config = self.output_config.as_ref();
        let has_format = self.output_format.is_some() || config.is_some_and(|config| config.format.is_some());
        let thinks = match &self.thinking {
            Some(thinking) => thinking.kind != "disabled",
            None => config.is_some_and(|config| config.effort.is_some()),
        };
        let one_at_a_time =
            self.tool_choice.as_ref().is_some_and(|choice| choice.disable_parallel_tool_use == Some(true));
        body::set(&[
            ("tools", self.tools.as_ref().is_some_and(|tools| !tools.is_empty())),
            ("tool_choice", self.tool_choice.is_some()),
            ("parallel_tool_calls", one_at_a_time),
            ("response_format", has_format),
            ("structured_outputs", has_format),
            ("reasoning", thinks),
            ("max_tokens", self.max_tokens.is_some()),
            ("temperature", self.temperature.is_some()),
            ("top_p", self.top_p.is_some()),
            ("top_k", self.top_k.is_some()),
            ("stop", self.stop_sequences.as_ref().is_some_and(|stop| !stop.is_empty())),
        ])
    }
}

impl ToolHead {
    fn is_sound(&self) -> bool {
        match self.kind.as_deref() {
            Some("") => false,
            Some(kind) if kind != "custom" => !self.is_client_run() || self.is_named(),
            _ => {
                self.is_named()
                    && self.description.as_ref().is_none_or(Shape::is_text)
                    && self.input_schema.as_ref().is_some_and(Shape::is_object)
                    && self.strict.as_ref().is_none_or(Shape::is_boolean)
            }
        }
    }

    fn is_named(&self) -> bool {
        self.name.as_ref().is_some_and(Shape::is_filled)
    }

    fn is_client_run(&self) -> bool {
        self.kind.as_deref().is_some_and(is_client_run)
    }
}

impl ChoiceHead {
    fn is_sound(&self) -> bool {
        match self.kind.as_str() {
            "auto" | "any" | "none" => true,
            "tool" => self.name.as_ref().is_some_and(Shape::is_filled),
            _ => false,
        }
    }
}

impl ThinkingHead {
    fn is_sound(&self) -> bool {
        let kind = match self.kind.as_str() {
            "enabled" => self.budget_tokens.is_some(),
            "adaptive" | "disabled" => true,
            _ => false,
        };
        kind && self.budget_tokens != Some(0) && self.display.as_ref().is_none_or(Shape::is_text)
    }
}

impl OutputHead {
    fn is_sound(&self) -> bool {
        self.effort.as_ref().is_none_or(|effort| read::EFFORTS.contains(&effort.as_str()))
    }
}

impl FormatHead {
    fn is_sound(&self) -> bool {
        self.kind == "json_schema" && self.schema.as_ref().is_some_and(Shape::is_object)
    }
}
