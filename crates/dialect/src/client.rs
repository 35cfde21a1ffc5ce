//! Client dialects: how requests are read and answers are written.
//!
//! Each dialect has a room. They share:
//!
//! - `limits`, `platform`: what a request may have at most, and what of it is for nobody else.
//! - `path`, with `models`, `options` and `parts`: members read into the canonical model, each refusal worded.
//! - `body`: members read when they are asked for, for requests that are no conversations.
//! - `pass`, with `strict`, `skim`, `turns`, `weight`, `opening` and `wishes`: the borrowed pass of admission, which
//!   counts and keeps nothing of the content.
//! - `debug`: what of its making a client may look at.
//! - `wire`, with `usage`, `tier` and `error`: what answers have in common; `replayed`: an answer given once more.

mod body;
pub mod chat;
mod completions;
mod debug;
mod embeddings;
mod error;
mod images;
mod limits;
pub mod messages;
mod models;
mod opening;
mod options;
mod parts;
mod pass;
mod path;
pub(crate) mod platform;
mod replayed;
mod rerank;
pub(crate) mod responses;
mod skim;
mod speech;
mod strict;
#[cfg(test)]
mod tests;
mod tier;
mod transcription;
mod turns;
mod usage;
mod weight;
mod wire;
mod wishes;

use bytes::Bytes;
use pricing::{Amount, Usage};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::canonical::{Event, Operation, Task};
use crate::error::{BadRequest, ErrorType};

/// A dialect that clients speak to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI Chat Completions, as OpenRouter extends it.
    Chat,
    /// OpenAI's legacy text completions.
    Completions,
    /// OpenAI Responses, stateless.
    Responses,
    /// Anthropic Messages.
    Messages,
    Embeddings,
    Rerank,
    Images,
    Speech,
    Transcription,
}

impl Dialect {
    const ALL: [Self; 9] = [
        Self::Chat,
        Self::Completions,
        Self::Responses,
        Self::Messages,
        Self::Embeddings,
        Self::Rerank,
        Self::Images,
        Self::Speech,
        Self::Transcription,
    ];

    /// As the wire between services names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Images => "images",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == name)
    }

    /// The dialect that a kind of work is usually asked for in.
    #[must_use]
    pub const fn of(operation: Operation) -> Self {
        match operation {
            Operation::Chat => Self::Chat,
            Operation::Embeddings => Self::Embeddings,
            Operation::Rerank => Self::Rerank,
            Operation::Images => Self::Images,
            Operation::Speech => Self::Speech,
            Operation::Transcription => Self::Transcription,
        }
    }

    /// What is asked for in this dialect.
    #[must_use]
    pub const fn operation(self) -> Operation {
        match self {
            Self::Chat | Self::Completions | Self::Responses | Self::Messages => Operation::Chat,
            Self::Embeddings => Operation::Embeddings,
            Self::Rerank => Operation::Rerank,
            Self::Images => Operation::Images,
            Self::Speech => Operation::Speech,
            Self::Transcription => Operation::Transcription,
        }
    }

    /// Reads what admission needs, and refuses a body that no provider could be sent.
    ///
    /// # Errors
    /// [`BadRequest`] naming the member that is wrong.
    pub fn peek(self, body: &[u8]) -> Result<Peek, BadRequest> {
        match self {
            Self::Chat => chat::peek(body),
            Self::Completions => completions::peek(body),
            Self::Responses => responses::peek(body),
            Self::Messages => messages::peek(body),
            Self::Embeddings => embeddings::peek(body),
            Self::Rerank => rerank::peek(body),
            Self::Images => images::peek(body),
            Self::Speech => speech::peek(body),
            Self::Transcription => transcription::peek(body),
        }
    }

    /// Reads a whole request.
    ///
    /// # Errors
    /// [`BadRequest`] naming the member that is wrong.
    pub fn decode(self, body: &Bytes) -> Result<Task, BadRequest> {
        Ok(match self {
            Self::Chat => Task::Chat(chat::decode(body)?),
            Self::Completions => Task::Chat(completions::decode(body)?),
            Self::Responses => Task::Chat(responses::decode(body)?),
            Self::Messages => Task::Chat(messages::decode(body)?),
            Self::Embeddings => Task::Embeddings(embeddings::decode(body)?),
            Self::Rerank => Task::Rerank(rerank::decode(body)?),
            Self::Images => Task::Images(images::decode(body)?),
            Self::Speech => Task::Speech(speech::decode(body)?),
            Self::Transcription => Task::Transcription(transcription::decode(body)?),
        })
    }

    /// A writer for one answer. `task` is what is answered, for the dialects that repeat some of it; an answer
    /// that is only going to fail may go without.
    #[must_use]
    pub fn answer(self, envelope: Envelope, task: Option<&Task>, stream: bool) -> Box<dyn AnswerEncoder> {
        match self {
            Self::Chat if stream => Box::new(chat::Stream::new(envelope)),
            Self::Chat => Box::new(chat::Whole::new(envelope)),
            Self::Completions => completions::answer(envelope, task, stream),
            Self::Responses => responses::answer(envelope, task, stream),
            Self::Messages => messages::answer(envelope, task, stream),
            Self::Embeddings => embeddings::answer(envelope, task),
            Self::Rerank => rerank::answer(envelope, task),
            Self::Images => images::answer(envelope, task, stream),
            Self::Speech => speech::answer(envelope),
            Self::Transcription => transcription::answer(envelope, task),
        }
    }

    /// Whether a body asks to be shown what goes to providers; see [`AnswerEncoder::echo`].
    #[must_use]
    pub fn wants_echo(self, body: &[u8]) -> bool {
        matches!(self, Self::Chat | Self::Responses) && debug::wants_echo(body)
    }

    /// The body of an answer that is nothing but an error.
    #[must_use]
    pub fn error(self, error: &PublicError) -> Vec<u8> {
        match self {
            Self::Messages => messages::error(error),
            _ => error::body(error),
        }
    }
}

/// What surrounds every answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// `gen-…`
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// Public slug of the model that serves.
    pub model: String,
    /// Display name of the provider that serves.
    pub provider: String,
    /// The provider is a simulation and the answer says so.
    pub simulated: bool,
    /// Reasoning is not shown.
    pub exclude_reasoning: bool,
    /// The tier of service that was asked of the provider, `default`, `flex` or `priority`: what the answer names
    /// unless the provider names another. Absent = no tier is named that the provider does not name.
    pub service_tier: Option<String>,
    /// How the request was routed, for a client that wants to know: the answer's `openrouter_metadata`.
    pub routing: Option<Value>,
}

/// What an answer cost, for its `usage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bill {
    pub usage: Usage,
    /// Taken from the account.
    pub cost: Amount,
    /// At the provider's prices: all, the prompt's share, the completion's share.
    pub upstream: Amount,
    pub upstream_prompt: Amount,
    pub upstream_completion: Amount,
    pub is_byok: bool,
}

/// Writes one answer in a client's dialect.
pub trait AnswerEncoder: Send {
    /// Appends a request as it went to a provider, before any event, for a client that wants to see it. Only
    /// streams of Chat Completions and Responses have a place for it.
    fn echo(&mut self, _body: &RawValue, _out: &mut Vec<u8>) {}

    /// Takes the next event and appends the frames that can go out: none until the end for a whole answer.
    fn event(&mut self, event: Event, out: &mut Vec<u8>);

    /// Appends what ends a good answer: its usage and cost, and the dialect's last frame.
    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>);

    /// Appends what ends an answer that broke after content had gone out. With `bill`, usage comes too.
    fn fail(&mut self, error: &PublicError, bill: Option<&Bill>, out: &mut Vec<u8>);
}

/// An error as a client sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct PublicError {
    pub error_type: ErrorType,
    /// Says what to do; no secret, no stack, no other tenant.
    pub message: String,
    /// The public `error.metadata`, beside `error_type`.
    pub metadata: Map<String, Value>,
    /// The public `error.availability`.
    pub availability: Option<Value>,
    /// How the request was routed, for a client that wants to know: `openrouter_metadata` beside the error. It
    /// does not go out with a status of 500.
    pub routing: Option<Value>,
}

impl PublicError {
    #[must_use]
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self { error_type, message: message.into(), metadata: Map::new(), availability: None, routing: None }
    }

    /// What stands beside the error of how the request was routed: nothing where the failure is our own.
    fn routing(&self) -> Option<&Value> {
        self.routing.as_ref().filter(|_| self.error_type.status() != 500)
    }
}

/// What admission and routing need of a body; its content stays unread.
#[derive(Debug, Clone, Default)]
pub struct Peek {
    /// In order of preference: `model`, then `models`. Empty where only a preset is named.
    pub models: Vec<String>,
    /// The `provider` member, as sent.
    pub provider: Option<Box<serde_json::value::RawValue>>,
    pub stream: bool,
    /// Completion tokens at most per choice.
    pub max_tokens: Option<u64>,
    /// Choices wanted, at least 1.
    pub choices: u32,
    pub messages: u32,
    pub images: u32,
    /// `text`, `image`, `audio`, `file`, `video`, each at most once.
    pub input_modalities: Vec<&'static str>,
    /// Parameters that are set, by their public names in `supported_parameters`.
    pub parameters: Vec<&'static str>,
    /// Bytes of the body that can become text tokens: all but inline media.
    pub text_bytes: u64,
    /// Base64 bytes of inline audio, video and files: what `images` and `text_bytes` leave uncounted.
    pub media_bytes: u64,
    /// The end user, as the client named it.
    pub user: Option<String>,
    pub session_id: Option<String>,
    /// What the client calls the prefix of its prompt.
    pub prompt_cache_key: Option<String>,
    /// Stands for the first system text and the first text of anybody else, the same in every request of a
    /// conversation and in every process; `None` when there is no such text.
    pub opening: Option<u64>,
    /// The model that wrote the assistant's last turn, where the client says so.
    pub last_model: Option<String>,
    /// `auto`, `default`, `flex`, `priority` or `scale`; `None` = the client names none.
    pub service_tier: Option<&'static str>,
    /// The `plugins` member, as sent.
    pub plugins: Option<Box<serde_json::value::RawValue>>,
    /// Kinds of output that are asked for, as sent; empty = whatever the model answers.
    pub output_modalities: Vec<String>,
    /// What the deprecated `route` asks for: `model` or `none`, as in `provider.sort.partition`.
    pub partition: Option<&'static str>,
    /// The preset that is to fill in what the request leaves open, as the member of that name has it.
    pub preset: Option<String>,
    /// The media type of the answer, where it is neither JSON nor an event stream.
    pub media_type: Option<&'static str>,
    /// Images that are to be generated.
    pub pictures: u32,
    /// Characters that are to be spoken.
    pub characters: u64,
    /// Seconds of audio that may be heard, rounded up.
    pub seconds: u64,
    /// Searches that a provider may count.
    pub search_units: u64,
}
