//! Which family a model is of: what one takes another refuses.

use serde_json::Value;

use crate::codec::Target;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Claude,
    Nova,
    Mistral,
    OpenAi,
    Titan,
    Cohere,
    /// What all models take is all that is known.
    Other,
}

impl Family {
    /// By the quirk `family`, else by the model's name: the names of profiles that an operator made tell
    /// nothing.
    pub(super) fn of(target: &Target<'_>) -> Self {
        let named = target.quirks.get("family").and_then(Value::as_str);
        let name = named.unwrap_or_else(|| model_name(target.provider_model));
        let known = [
            ("claude", Self::Claude),
            ("nova", Self::Nova),
            ("mistral", Self::Mistral),
            ("openai", Self::OpenAi),
            ("titan", Self::Titan),
            ("cohere", Self::Cohere),
        ];
        known.iter().find(|(word, _)| name.contains(word)).map_or(Self::Other, |(_, family)| *family)
    }
}

/// What a model can do, by its family and what the catalogue says otherwise.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is an ability of its own")]
pub(super) struct Traits {
    pub(super) family: Family,
    /// Prompts can be marked for the cache.
    pub(super) caches: bool,
    pub(super) caches_for_an_hour: bool,
    /// Tools can be marked for the cache.
    pub(super) caches_tools: bool,
    /// Reasoning is signed and comes back as it was.
    pub(super) signs: bool,
    /// Reasoning that is not signed comes back.
    pub(super) takes_reasoning_back: bool,
    /// An answer can be begun for the model.
    pub(super) takes_prefill: bool,
    /// Results of tools may hold images and documents.
    pub(super) media_in_results: bool,
    /// The model can be made to call some tool.
    pub(super) can_be_forced: bool,
    /// Answers in a JSON schema and strict tools are known.
    pub(super) structured_outputs: bool,
}

impl Traits {
    pub(super) fn of(target: &Target<'_>) -> Self {
        let family = Family::of(target);
        let is_claude = family == Family::Claude;
        let is_own = is_claude || family == Family::Nova;
        let quirk = |name: &str, otherwise: bool| target.quirk(name).unwrap_or(otherwise);
        let caches = quirk("prompt_cache", is_own);
        Self {
            family,
            caches,
            caches_for_an_hour: caches && is_claude,
            caches_tools: caches && family != Family::Nova,
            signs: is_claude,
            takes_reasoning_back: quirk("send_reasoning_back", false),
            takes_prefill: quirk("assistant_prefill", is_own),
            media_in_results: quirk("media_in_results", is_claude),
            can_be_forced: quirk("forced_tool_choice", is_own || family == Family::Mistral)
                && target.takes("tool_choice"),
            structured_outputs: quirk("structured_outputs", false),
        }
    }
}

/// The name of a model without the account and the region that an ARN begins with.
fn model_name(provider_model: &str) -> &str {
    provider_model.rsplit('/').next().unwrap_or_default()
}

/// The path of a call of `target`.
pub(super) fn path(target: &Target<'_>, action: &str) -> String {
    let mut path = "/model/".to_owned();
    for byte in target.provider_model.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte))
            }
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path.push('/');
    path.push_str(action);
    path
}
