//! Where providers that share OpenAI's shape differ: known by the provider's name in the path, else by the
//! model's name.

/// How reasoning shows in an OpenAI-shaped answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thoughts {
    /// Counted, not shown.
    Hidden,
    /// In this field of the message and of the delta.
    Field(&'static str),
}

/// Whose habits a server has beyond those that are named one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    Plain,
    Azure,
    DeepSeek,
    Xai,
    Groq,
    Together,
    Fireworks,
    OpenRouter,
    Vllm,
    Cerebras,
    Perplexity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quirks {
    pub(crate) vendor: Vendor,
    pub(crate) thoughts: Thoughts,
    /// `completion_tokens` leaves reasoning out.
    pub(crate) excludes_reasoning: bool,
    /// Usage comes in the finish chunk, asked for or not.
    pub(crate) unasked_usage: bool,
    /// A streamed call comes in one chunk.
    pub(crate) whole_calls: bool,
    /// Refuses what OpenAI's own reasoning models refuse, and pads its chunks.
    pub(crate) openai: bool,
    /// Says cache hits and misses as DeepSeek does.
    pub(crate) hit_and_miss: bool,
    /// Says what was written to the cache too.
    pub(crate) cache_writes: bool,
}

const PLAIN: Quirks = Quirks {
    vendor: Vendor::Plain,
    thoughts: Thoughts::Field("reasoning_content"),
    excludes_reasoning: false,
    unasked_usage: false,
    whole_calls: false,
    openai: false,
    hit_and_miss: false,
    cache_writes: false,
};

/// Thoughts in `reasoning`.
const REASONING: Quirks = Quirks { thoughts: Thoughts::Field("reasoning"), ..PLAIN };

impl Quirks {
    pub(crate) fn of(provider: &str, model: &str) -> Self {
        match provider {
            "openai" | "azure" => {
                let vendor = if provider == "azure" { Vendor::Azure } else { Vendor::Plain };
                let cache_writes = model.starts_with("gpt-5.6") || model.starts_with("gpt-6");
                Self { vendor, thoughts: Thoughts::Hidden, openai: true, cache_writes, ..PLAIN }
            }
            "deepseek" => Self { vendor: Vendor::DeepSeek, unasked_usage: true, hit_and_miss: true, ..PLAIN },
            "xai" => Self { vendor: Vendor::Xai, excludes_reasoning: true, whole_calls: true, ..PLAIN },
            "groq" => Self { vendor: Vendor::Groq, whole_calls: true, ..REASONING },
            "ollama" => Self { whole_calls: true, ..REASONING },
            "mistral" => Self { unasked_usage: true, whole_calls: true, ..PLAIN },
            "together" => Self { vendor: Vendor::Together, unasked_usage: true, ..REASONING },
            "fireworks" => Self { vendor: Vendor::Fireworks, unasked_usage: true, ..PLAIN },
            "vllm" => Self { vendor: Vendor::Vllm, ..REASONING },
            "openrouter" => Self { vendor: Vendor::OpenRouter, ..REASONING },
            "cerebras" => Self { vendor: Vendor::Cerebras, ..REASONING },
            "perplexity" => Self { vendor: Vendor::Perplexity, ..PLAIN },
            "default" => Self::of_model(model),
            _ => PLAIN,
        }
    }

    fn of_model(model: &str) -> Self {
        let makers = [
            ("gpt-oss", ""),
            ("gpt-", "openai"),
            ("chatgpt", "openai"),
            ("o1", "openai"),
            ("o3", "openai"),
            ("o4", "openai"),
            ("deepseek", "deepseek"),
            ("grok", "xai"),
            ("mistral", "mistral"),
        ];
        let maker =
            makers.iter().find(|(prefix, _)| model.starts_with(prefix)).map_or("", |(_, maker)| maker);
        Self::of(maker, model)
    }
}

/// Whether OpenAI's model of this name reasons without being asked, and refuses sampling parameters.
pub(crate) fn is_reasoner(model: &str) -> bool {
    let named = ["o1", "o3", "o4", "gpt-5", "gpt-6"].iter().any(|prefix| model.starts_with(prefix));
    named && !model.contains("chat")
}

/// Whether the model reasons only when an effort is given, as OpenAI's do since 5.1.
pub(crate) fn reasons_when_asked(model: &str) -> bool {
    model.starts_with("gpt-5.") || model.starts_with("gpt-6")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_win_over_models() {
        assert_eq!(Quirks::of("groq", "gpt-4o").thoughts, Thoughts::Field("reasoning"));
        assert!(Quirks::of("default", "gpt-4o").openai && !Quirks::of("default", "gpt-oss-20b").openai);
        assert!(Quirks::of("default", "grok-3-mini").excludes_reasoning);
        assert!(is_reasoner("gpt-5-nano") && !is_reasoner("gpt-5-chat-latest") && !is_reasoner("gpt-4o"));
    }
}
