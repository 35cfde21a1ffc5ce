//! What an endpoint can do, as far as it is known: what router models ask for.

use super::{Modalities, ParameterSet, Parameters};

/// One thing that a request or a client may need of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capability {
    Tools,
    /// JSON of some kind: an object, or what keeps to a schema.
    ResponseFormat,
    /// A response format in a request that offers tools: there is no forced tool left to stand in for one.
    FormatBesideTools,
    StructuredOutputs,
    Reasoning,
    ImageInput,
    AudioInput,
    FileInput,
    VideoInput,
}

impl Capability {
    pub(crate) const ALL: [Self; 9] = [
        Self::Tools,
        Self::ResponseFormat,
        Self::FormatBesideTools,
        Self::StructuredOutputs,
        Self::Reasoning,
        Self::ImageInput,
        Self::AudioInput,
        Self::FileInput,
        Self::VideoInput,
    ];

    /// Its name in requests and explanations.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::ResponseFormat => "response_format",
            Self::FormatBesideTools => "response_format_with_tools",
            Self::StructuredOutputs => "structured_outputs",
            Self::Reasoning => "reasoning",
            Self::ImageInput => "vision",
            Self::AudioInput => "audio",
            Self::FileInput => "files",
            Self::VideoInput => "video",
        }
    }
}

/// A set of capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Capabilities(u16);

impl Capabilities {
    /// What an endpoint is known to do. Of an endpoint of which nobody said what parameters it takes, none that
    /// goes by a parameter is known.
    #[must_use]
    pub(super) fn of(
        takes: Option<ParameterSet>,
        names: &Parameters,
        inputs: Modalities,
        dialect: &str,
    ) -> Self {
        let takes = takes.unwrap_or_default();
        let any = |wanted: &[&str]| takes.intersects(names.set(wanted.iter().copied()));
        // These keep to a schema through a tool that they are made to call.
        let by_tool = matches!(dialect, "anthropic" | "vertex" | "bedrock")
            && takes.contains(names.set(["tools", "tool_choice"]));
        let formats = any(&["response_format", "structured_outputs"]);
        let hears = |kind| inputs.contains(Modalities::of([kind]));
        Capability::ALL
            .into_iter()
            .filter(|capability| match capability {
                Capability::Tools => any(&["tools"]),
                Capability::ResponseFormat => formats || by_tool,
                Capability::FormatBesideTools => formats,
                Capability::StructuredOutputs => any(&["structured_outputs"]) || by_tool,
                Capability::Reasoning => any(&["reasoning"]),
                Capability::ImageInput => hears("image"),
                Capability::AudioInput => hears("audio"),
                Capability::FileInput => hears("file"),
                Capability::VideoInput => hears("video"),
            })
            .collect()
    }

    #[must_use]
    pub(crate) const fn contains(self, capability: Capability) -> bool {
        self.0 & 1 << capability as u16 != 0
    }

    #[must_use]
    pub(crate) const fn with(self, capability: Capability) -> Self {
        Self(self.0 | 1 << capability as u16)
    }

    /// The first of `wanted` that is not among these.
    #[must_use]
    pub(crate) fn lacking(self, wanted: Self) -> Option<Capability> {
        let missing = Self(wanted.0 & !self.0);
        missing.iter().next()
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |capability| self.contains(*capability))
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        capabilities.into_iter().fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forced_tool_stands_in_for_a_schema_only_where_no_tools_are_offered() {
        let names = Parameters::default();
        let takes = Some(names.set(["tools", "tool_choice"]));
        let claude = Capabilities::of(takes, &names, Modalities::TEXT, "anthropic");
        assert!(
            claude.contains(Capability::StructuredOutputs) && claude.contains(Capability::ResponseFormat)
        );
        assert!(!claude.contains(Capability::FormatBesideTools));
        let other = Capabilities::of(takes, &names, Modalities::TEXT, "openai");
        assert!(other.contains(Capability::Tools) && !other.contains(Capability::ResponseFormat));
        let unknown = Capabilities::of(None, &names, Modalities::of(["text", "image"]), "openai");
        assert_eq!(unknown.iter().collect::<Vec<_>>(), [Capability::ImageInput]);
    }
}
