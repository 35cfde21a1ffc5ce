//! The canonical inference model: what every client dialect is read into and every provider dialect is
//! written from, and the events that every answer is made of.
//!
//! An answer that is not streamed is the same sequence of events at once, so each dialect needs one
//! translation per direction and not two.
//!
//! [`Task`] is everything that can be asked for: a conversation, which is [`Request`], or one of the
//! further modalities, each in a room of its own.

mod embeddings;
mod events;
pub mod images;
mod rerank;
mod speech;
mod task;
mod transcription;

pub use embeddings::{EmbeddingInput, EmbeddingsRequest};
pub use events::{Event, FinishReason};
pub use images::ImagesRequest;
pub use rerank::{Document, RerankRequest};
pub use speech::{SpeechRequest, VoiceSample};
pub use task::{Operation, Task};
pub use transcription::TranscriptionRequest;

use bytes::Bytes;
use serde_json::{Map, Value};

/// One turn of a conversation to be answered, free of any dialect.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// As the client named it.
    pub model: String,
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    pub parallel_tool_calls: Option<bool>,
    pub response_format: Option<ResponseFormat>,
    pub reasoning: Option<Reasoning>,
    /// Completion tokens at most, from `max_completion_tokens` or `max_tokens`.
    pub max_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub min_p: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub repetition_penalty: Option<f64>,
    pub seed: Option<i64>,
    pub stop: Vec<String>,
    /// Choices wanted; absent = 1.
    pub n: Option<u32>,
    pub stream: bool,
    /// The end user, as the client named it.
    pub user: Option<String>,
    /// Members of the body that have no field here, as sent.
    pub extra: Map<String, Value>,
    /// The body itself, for a provider that speaks the client's dialect.
    pub original: Option<Original>,
}

/// The client's body as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    pub dialect: crate::client::Dialect,
    pub body: Bytes,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    System,
    /// System text of newer OpenAI models; the same as [`Self::System`] elsewhere.
    Developer,
    User,
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// One turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub speaker: Speaker,
    pub name: Option<String>,
    pub content: Vec<Part>,
    /// Calls the assistant made in this turn.
    pub tool_calls: Vec<ToolCall>,
    /// Of a [`Speaker::Tool`] turn: the call it answers.
    pub tool_call_id: Option<String>,
    /// Reasoning of an assistant turn, in its original order.
    pub reasoning: Vec<ReasoningDetail>,
    /// The assistant refused with this text.
    pub refusal: Option<String>,
}

impl Message {
    /// A turn of which nothing but its content is known.
    #[must_use]
    pub fn of(speaker: Speaker, content: Vec<Part>) -> Self {
        Self {
            speaker,
            name: None,
            content,
            tool_calls: Vec::new(),
            tool_call_id: None,
            reasoning: Vec::new(),
            refusal: None,
        }
    }

    /// Visits every text a model would read here.
    pub fn for_each_text(&self, mut visit: impl FnMut(&str)) {
        for part in &self.content {
            if let PartKind::Text(text) = &part.kind {
                visit(text);
            }
        }
        for call in &self.tool_calls {
            visit(&call.name);
            visit(&call.arguments);
        }
        for detail in &self.reasoning {
            if let Some(text) = detail.text() {
                visit(text);
            }
        }
    }
}

/// One part of a turn's content.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub kind: PartKind,
    /// The prompt-cache marker on this part, as sent.
    pub cache_control: Option<Value>,
}

impl Part {
    #[must_use]
    pub fn text(text: String) -> Self {
        Self { kind: PartKind::Text(text), cache_control: None }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum PartKind {
    Text(String),
    Image {
        source: Media,
        detail: Option<String>,
    },
    /// Audio as base64 with its format, such as `wav`.
    Audio {
        data: String,
        format: String,
    },
    File {
        name: Option<String>,
        source: Media,
    },
    /// A kind that only some providers know, as sent.
    Other(Value),
}

/// Where the bytes of an image or a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    Url(String),
    /// Base64 with its media type.
    Inline {
        media_type: String,
        data: String,
    },
    /// A provider's own file id.
    Id(String),
}

/// A function the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// JSON schema of the arguments; absent = none.
    pub parameters: Option<Value>,
    pub strict: Option<bool>,
    pub cache_control: Option<Value>,
}

impl Tool {
    /// The text that a model reads of this tool, for counting.
    #[must_use]
    pub fn counted_text(&self) -> String {
        let parameters = self.parameters.as_ref().map(Value::to_string).unwrap_or_default();
        format!("{}\n{}\n{parameters}", self.name, self.description.as_deref().unwrap_or_default())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    None,
    Auto,
    /// Some tool must be called.
    Required,
    Named(String),
}

/// A call the model made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON text of an object.
    pub arguments: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat {
    Text,
    JsonObject,
    JsonSchema {
        name: String,
        schema: Value,
        strict: Option<bool>,
        description: Option<String>,
    },
    /// A form that only some providers know, as sent.
    Other(Value),
}

/// What the client wants of reasoning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
    pub effort: Option<String>,
    /// A budget in tokens.
    pub max_tokens: Option<u64>,
    /// Reason, but do not show it.
    pub exclude: bool,
    /// On or off without saying how much.
    pub enabled: Option<bool>,
}

/// A piece of reasoning, in a form that can be sent back unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReasoningDetail {
    pub kind: ReasoningKind,
    /// Which block of reasoning this belongs to; deltas of one block share it.
    pub index: u32,
    pub id: Option<String>,
    /// Whose form this is, such as `anthropic-claude-v1`.
    pub format: Option<String>,
    /// The text, the summary or the encrypted data.
    pub content: Option<String>,
    /// The provider's proof that it wrote the block.
    pub signature: Option<String>,
}

impl ReasoningDetail {
    /// What a person can read of it.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.kind {
            ReasoningKind::Text | ReasoningKind::Summary => self.content.as_deref(),
            ReasoningKind::Encrypted => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReasoningKind {
    #[default]
    Text,
    Summary,
    Encrypted,
}
