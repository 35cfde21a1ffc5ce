//! What is made at once rather than said: vectors, rankings, pictures, sound, transcripts.

use bytes::Bytes;
use serde_json::Value;

use crate::answer::Usage;
use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::prepare::Arrived;
use crate::route::Operation;
use crate::script::Script;
use crate::stamp::Stamp;
use crate::tokens::Tokenizer;
use crate::{bedrock, cohere, gemini, mistral, ollama, openai, vertex};

/// A request for something to be made.
pub(crate) trait Job: Send + Sync {
    fn model(&self) -> &str;

    /// What may hold a directive: the input, the prompt or the query.
    fn text(&self) -> &str;

    /// # Errors
    /// [`Failure`] as the provider would answer.
    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure>;
}

/// What a job is done with.
pub(crate) struct Bench<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) script: &'a Script,
    pub(crate) stamp: &'a Stamp,
    /// The job's text without its directives.
    pub(crate) plain: &'a str,
    /// The longest input, in tokens.
    pub(crate) context_tokens: u64,
}

impl Bench<'_> {
    /// Whether the answer says its usage.
    pub(crate) fn shows_usage(&self) -> bool {
        self.script.no_usage != Some(true)
    }
}

/// What was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) form: Form,
    pub(crate) content_type: &'static str,
    pub(crate) usage: Usage,
    pub(crate) says_usage: bool,
    /// Headers of this answer.
    pub(crate) headers: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(crate) enum Form {
    Whole(Vec<u8>),
    /// Bytes that leave one after the other, with the tokens that each carries, and what an error would say.
    Pieces {
        pieces: Vec<(Bytes, u64)>,
        error: Option<Dialect>,
    },
}

impl Made {
    /// An answer in JSON.
    pub(crate) fn json(body: &Value, usage: Usage, says_usage: bool) -> Self {
        Self {
            form: Form::Whole(body.to_string().into_bytes()),
            content_type: "application/json",
            usage,
            says_usage,
            headers: Vec::new(),
        }
    }
}

/// Reads a request for something that is not said.
///
/// # Errors
/// [`Failure`] as the provider would answer.
pub(crate) fn read(arrived: &Arrived, body: &Value) -> Result<Box<dyn Job>, Failure> {
    match (arrived.call.operation, arrived.call.dialect) {
        (Operation::Embeddings, Dialect::Mistral) => mistral::embeddings(body),
        (Operation::Embeddings, Dialect::Cohere) => cohere::embed(body),
        (Operation::Embeddings, Dialect::Gemini) => gemini::embed(arrived, body),
        (Operation::Embeddings, Dialect::Bedrock) => bedrock::invoke(arrived, body),
        (Operation::Embeddings, Dialect::Ollama) => ollama::embed(body),
        (Operation::Embeddings, _) => openai::embeddings(body),
        (Operation::Predict, _) => vertex::predict(arrived, body),
        (Operation::Rerank, _) => cohere::rerank(body),
        (Operation::Images, _) => openai::images(body),
        (Operation::ImageEdits, _) => openai::image_edits(arrived),
        (Operation::Speech, _) => openai::speech(body),
        (Operation::Transcriptions, _) => openai::transcriptions(arrived),
        (Operation::Chat, _) => Err(Failure::new(404, "This is a conversation.")),
    }
}
