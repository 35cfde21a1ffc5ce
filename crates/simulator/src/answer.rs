//! What the model says, before any dialect shapes it.

mod compose;

pub(crate) use compose::compose;

use bytes::Bytes;
use serde_json::Value;

use crate::ask::Ask;
use crate::cache::CacheUse;
use crate::tokens::{Piece, Tokenizer, total};

/// A message costs this many tokens beside its text, and so does the start of the answer.
const TURN_OVERHEAD: u64 = 4;
const ANSWER_OVERHEAD: u64 = 3;
/// What a call costs beside its arguments.
const CALL_OVERHEAD: u64 = 5;

/// What a picture costs.
const PICTURE_TOKENS: u64 = 1290;
/// Tokens of sound for each token that is spoken.
const SOUND_TOKENS: u64 = 4;

/// Why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Finish {
    #[default]
    Stop,
    /// At this stop sequence.
    Sequence(String),
    Length,
    Calls,
    Refusal,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Value,
    /// The arguments as the text that is streamed; cut short when the length ran out.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) complete: bool,
}

/// Which part of a text comes from which document, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Citation {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) document: usize,
}

/// One choice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Completion {
    pub(crate) thoughts: Vec<Piece>,
    pub(crate) text: Vec<Piece>,
    pub(crate) citation: Option<Citation>,
    pub(crate) calls: Vec<Call>,
    /// A PNG.
    pub(crate) picture: Option<Bytes>,
    /// Whether the text is spoken.
    pub(crate) spoken: bool,
    pub(crate) finish: Finish,
}

/// Tokens as the model's maker would count them. `prompt` includes the cached part, `completion` the thoughts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Usage {
    pub prompt: u64,
    pub cache_read: u64,
    pub cache_write_5m: u64,
    pub cache_write_1h: u64,
    pub completion: u64,
    pub reasoning: u64,
    /// The part of `prompt` that is images, sounds and files.
    pub media: u64,
    /// The part of `media` that is sound.
    pub audio: u64,
    /// The parts of `completion` that are pictures and sound.
    pub completion_image: u64,
    pub completion_audio: u64,
    /// What Cohere bills of `prompt` and `completion`.
    pub billed_prompt: u64,
    pub billed_completion: u64,
    /// What is not measured in tokens.
    pub images: u64,
    pub characters: u64,
    pub search_units: u64,
    pub audio_ms: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) completions: Vec<Completion>,
    pub(crate) usage: Usage,
    /// A native finish reason that the script prescribes.
    pub(crate) finish: Option<String>,
    pub(crate) shows_usage: bool,
}

/// Token counts of the parts of a prompt: of the tools together, and of each turn.
pub(crate) fn count_prompt(tokenizer: &Tokenizer, ask: &Ask) -> (u64, Vec<u64>) {
    let tools = ask.tools.iter().map(|tool| tokenizer.count(&tool.declaration) + TURN_OVERHEAD).sum();
    let turn = |turn: &crate::ask::Turn| {
        // The text without its directives is echoed, the text as sent is counted.
        let said = if turn.extra.contains("[[sim:") { 0 } else { tokenizer.count(&turn.text) };
        said + tokenizer.count(&turn.extra) + turn.media_tokens + TURN_OVERHEAD
    };
    (tools, ask.turns.iter().map(turn).collect())
}

impl Answer {
    /// Fills in what the prompt cost.
    pub(crate) fn charge_prompt(&mut self, tools: u64, turns: &[u64], cached: CacheUse) {
        let said = tools + turns.iter().sum::<u64>();
        self.usage.prompt = said + ANSWER_OVERHEAD;
        self.usage.billed_prompt = said - TURN_OVERHEAD * turns.len() as u64;
        self.usage.cache_read = cached.read;
        self.usage.cache_write_5m = cached.written_5m;
        self.usage.cache_write_1h = cached.written_1h;
    }
}

impl Completion {
    fn tokens(&self) -> u64 {
        let calls: u64 = self.calls.iter().map(|call| total(&call.pieces) + CALL_OVERHEAD).sum();
        total(&self.thoughts) + total(&self.text) + calls + self.picture_tokens() + self.sound_tokens()
    }

    pub(crate) fn picture_tokens(&self) -> u64 {
        if self.picture.is_some() { PICTURE_TOKENS } else { 0 }
    }

    fn sound_tokens(&self) -> u64 {
        if self.spoken { sound_tokens(total(&self.text)) } else { 0 }
    }

    pub(crate) fn words(&self) -> String {
        words(&self.text)
    }

    pub(crate) fn thinking(&self) -> String {
        words(&self.thoughts)
    }
}

/// The text of pieces.
pub(crate) fn words(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

/// What speaking so many tokens costs beside them.
pub(crate) const fn sound_tokens(text: u64) -> u64 {
    text * SOUND_TOKENS
}

/// What a call's opening costs, which is sent with it.
pub(crate) const fn call_overhead() -> u64 {
    CALL_OVERHEAD
}
