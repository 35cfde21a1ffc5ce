//! The wire shapes the simulator speaks.

use serde::{Deserialize, Serialize};

use crate::wire::Wire;
use crate::{anthropic, bedrock, cohere, gemini, mistral, ollama, openai};

/// A wire shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// OpenAI's chat completions.
    OpenAi,
    /// OpenAI's responses.
    Responses,
    /// OpenAI's completions of before chat.
    Completions,
    Anthropic,
    Gemini,
    Mistral,
    Cohere,
    /// Amazon Bedrock's Converse.
    Bedrock,
    /// Anthropic's messages in Amazon's envelope.
    Invoke,
    Ollama,
}

impl Dialect {
    /// Its name in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Responses => "responses",
            Self::Completions => "completions",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Mistral => "mistral",
            Self::Cohere => "cohere",
            Self::Bedrock => "bedrock",
            Self::Invoke => "bedrock-invoke",
            Self::Ollama => "ollama",
        }
    }

    /// How it speaks.
    pub(crate) fn wire(self) -> &'static dyn Wire {
        match self {
            Self::OpenAi => &openai::Chat,
            Self::Responses => &openai::Responses,
            Self::Completions => &openai::Completions,
            Self::Anthropic => &anthropic::Messages,
            Self::Gemini => &gemini::GenerateContent,
            Self::Mistral => &mistral::Chat,
            Self::Cohere => &cohere::Chat,
            Self::Bedrock => &bedrock::Converse,
            Self::Invoke => &bedrock::Invoke,
            Self::Ollama => &ollama::Chat,
        }
    }
}
