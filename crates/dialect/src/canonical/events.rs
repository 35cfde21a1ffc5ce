//! What every answer is made of.

use bytes::Bytes;
use pricing::Usage;
use serde_json::{Map, Value};

use super::ReasoningDetail;
use crate::error::ProviderError;

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FinishReason {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
    Error,
}

impl FinishReason {
    /// The public word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Error => "error",
        }
    }
}

/// A piece of an answer. Texts are deltas: the pieces of one choice concatenate.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The provider began to answer. Comes at most once.
    Start {
        id: Option<String>,
        model: Option<String>,
        system_fingerprint: Option<String>,
    },
    Text {
        choice: u32,
        text: String,
    },
    Refusal {
        choice: u32,
        text: String,
    },
    Reasoning {
        choice: u32,
        detail: ReasoningDetail,
    },
    /// The first delta of a call carries `id` and `name`, the later ones arguments alone.
    ToolCall {
        choice: u32,
        index: u32,
        id: Option<String>,
        name: Option<String>,
        arguments: String,
    },
    /// An image as a data URL.
    Image {
        choice: u32,
        url: String,
    },
    /// Members of a chat delta or message that have no event of their own, in chat's shape: `annotations` (what
    /// the text before them rests on), `audio`, and whatever else a provider sent.
    Extra {
        choice: u32,
        members: Map<String, Value>,
    },
    /// A piece that one dialect alone can say, as its provider sent it: for clients of that dialect. A content
    /// block or block delta of Anthropic Messages, an output item of OpenAI Responses.
    Native {
        dialect: crate::client::Dialect,
        value: Value,
    },
    /// A generated image that is not finished, as a data URL.
    PartialImage {
        index: u32,
        partial: u32,
        url: String,
    },
    /// One vector, at its input's index.
    Embedding {
        index: u32,
        vector: Vec<f32>,
    },
    /// How well a document, by its index in the request, answers the query.
    Ranked {
        index: u32,
        score: f64,
    },
    /// The next bytes of speech, in the format that was asked for.
    Audio(Bytes),
    /// Members of a chat choice beside its delta, such as `logprobs`.
    ChoiceExtra {
        choice: u32,
        members: Map<String, Value>,
    },
    /// Members of a chat answer beside its choices that have no event of their own, as the provider sent them.
    AnswerExtra(Map<String, Value>),
    Finish {
        choice: u32,
        reason: FinishReason,
        native: String,
    },
    /// The provider's own count, in disjoint classes. A later one replaces an earlier one.
    Usage(Usage),
    ServiceTier(String),
    /// The provider failed inside an answer that had begun with a good status.
    Failure(ProviderError),
}

impl Event {
    /// The good end of an answer that is no conversation's.
    #[must_use]
    pub fn stop() -> Self {
        Self::Finish { choice: 0, reason: FinishReason::Stop, native: "stop".to_owned() }
    }

    /// Whether the client has seen content of the answer once this is out: after it there is no failover.
    #[must_use]
    pub fn is_content(&self) -> bool {
        match self {
            Self::Text { text, .. } | Self::Refusal { text, .. } => !text.is_empty(),
            Self::Reasoning { .. }
            | Self::ToolCall { .. }
            | Self::Image { .. }
            | Self::PartialImage { .. }
            | Self::Embedding { .. }
            | Self::Ranked { .. } => true,
            Self::Extra { members, .. } => !members.is_empty(),
            // These two only say that something ended.
            Self::Native { value, .. } => {
                value.get("type").is_none_or(|kind| kind != "message_delta" && kind != "content_block_stop")
            }
            Self::Audio(bytes) => !bytes.is_empty(),
            Self::Start { .. }
            | Self::ChoiceExtra { .. }
            | Self::AnswerExtra(_)
            | Self::Finish { .. }
            | Self::Usage(_)
            | Self::ServiceTier(_)
            | Self::Failure(_) => false,
        }
    }
}
