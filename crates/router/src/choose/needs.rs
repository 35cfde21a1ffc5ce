//! What an endpoint must be able to do before a router may pick its model for it.

use super::filter::Question;
use super::{Cap, Profile, Request, paid};
use crate::catalogue::{Capabilities, Capability, Endpoint, Modalities, Parameters};
use dialect::canonical::Operation;
use pricing::Class;

/// Room that is kept for an answer whose length is not bounded, in tokens.
const ROOM: u64 = 1_000;

/// Requirements that no endpoint of a router's choice may fall short of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Needs {
    pub(super) capabilities: Capabilities,
    /// Tokens.
    pub(super) context_length: u64,
    /// Tokens.
    pub(super) output_length: u64,
    /// The most that an input token may cost.
    pub(super) input_price: Option<Cap>,
}

impl Needs {
    /// What a request shows that it needs. The prompt is taken for a quarter longer than it likely is.
    #[must_use]
    pub(super) fn of(request: &Request<'_>, names: &Parameters) -> Self {
        let profile = &request.profile;
        let sets = |wanted: &[&str]| profile.parameters.intersects(names.set(wanted.iter().copied()));
        let wanted = [
            (sets(&["tools"]), Capability::Tools),
            (sets(&["response_format", "structured_outputs"]), Capability::ResponseFormat),
            (sets(&["structured_outputs"]), Capability::StructuredOutputs),
            (sets(&["reasoning"]), Capability::Reasoning),
        ];
        let parameters = wanted.into_iter().filter(|(is_set, _)| *is_set).map(|(_, capability)| capability);
        let needs = Self { context_length: context(profile), ..Self::default() };
        needs.and(parameters.chain(media(profile.inputs)))
    }

    /// These and further capabilities.
    #[must_use]
    pub(super) fn and(self, further: impl IntoIterator<Item = Capability>) -> Self {
        let mut capabilities = further.into_iter().fold(self.capabilities, Capabilities::with);
        let formats = [Capability::ResponseFormat, Capability::StructuredOutputs];
        if capabilities.contains(Capability::Tools)
            && formats.into_iter().any(|one| capabilities.contains(one))
        {
            capabilities = capabilities.with(Capability::FormatBesideTools);
        }
        Self { capabilities, ..self }
    }

    /// The first requirement that an endpoint falls short of at the moment, by its public name.
    #[must_use]
    pub(super) fn unmet(&self, endpoint: &Endpoint, question: &Question<'_, '_>) -> Option<&'static str> {
        if let Some(capability) = endpoint.capabilities.lacking(self.capabilities) {
            return Some(capability.name());
        }
        if endpoint.context_length < self.context_length {
            return Some("min_context_length");
        }
        if endpoint.max_output.unwrap_or(endpoint.context_length) < self.output_length {
            return Some("min_output_length");
        }
        let cap = self.input_price?;
        let price = endpoint.prices.at(question.minute)?.book.base.rate(Class::Input);
        let markup = paid::markup(question.request.markups, endpoint);
        cap.is_passed(price, markup).then_some("max_price")
    }
}

fn context(profile: &Profile) -> u64 {
    if profile.operation != Operation::Chat {
        return 0;
    }
    let prompt = profile.likely_prompt_tokens().max(u64::from(profile.messages));
    prompt.saturating_mul(5).div_ceil(4).saturating_add(profile.max_tokens.unwrap_or(ROOM))
}

fn media(inputs: Modalities) -> impl Iterator<Item = Capability> {
    let kinds = [
        ("image", Capability::ImageInput),
        ("audio", Capability::AudioInput),
        ("file", Capability::FileInput),
        ("video", Capability::VideoInput),
    ];
    kinds
        .into_iter()
        .filter(move |(kind, _)| inputs.contains(Modalities::of([*kind])))
        .map(|(_, capability)| capability)
}
