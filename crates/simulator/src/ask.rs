//! A request, whatever its dialect.

use serde_json::Value;

use crate::seed::Hash;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    /// The outcome of tool calls.
    Tool,
}

/// How long a marked prefix stays cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Minutes5,
    Hour1,
}

/// One message.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) role: Role,
    /// What people read.
    pub(crate) text: String,
    /// What is counted besides: calls, results, thoughts.
    pub(crate) extra: String,
    /// Tokens of its images, sounds and files.
    pub(crate) media_tokens: u64,
    /// The part of `media_tokens` that is sound.
    pub(crate) audio_tokens: u64,
    pub(crate) images: u64,
    /// The prefix that ends here is to be cached.
    pub(crate) mark: Option<Keep>,
}

impl Turn {
    pub(crate) const fn new(role: Role) -> Self {
        Self {
            role,
            text: String::new(),
            extra: String::new(),
            media_tokens: 0,
            audio_tokens: 0,
            images: 0,
            mark: None,
        }
    }

    pub(crate) fn say(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }

    pub(crate) fn image(&mut self, tokens: u64) {
        self.media_tokens += tokens;
        self.images += 1;
    }

    pub(crate) fn sound(&mut self, tokens: u64) {
        self.media_tokens += tokens;
        self.audio_tokens += tokens;
    }

    /// Whether it holds anything.
    pub(crate) fn says_something(&self) -> bool {
        !self.text.is_empty() || !self.extra.is_empty() || self.media_tokens > 0
    }
}

/// A function that may be called.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
    /// The whole declaration, for counting.
    pub(crate) declaration: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ToolChoice {
    #[default]
    Auto,
    Nothing,
    Required,
    Named(String),
}

/// What form the text must have.
#[derive(Debug, Clone, Default)]
pub(crate) enum Format {
    #[default]
    Text,
    Object,
    Schema(Value),
}

/// Asked-for reasoning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reasoning {
    /// About how many tokens.
    pub(crate) tokens: u64,
    /// Whether its text is shown.
    pub(crate) visible: bool,
    /// Whether it is handed out sealed, to be sent back.
    pub(crate) sealed: bool,
}

impl Reasoning {
    pub(crate) const fn shown(tokens: u64, visible: bool) -> Self {
        Self { tokens, visible, sealed: false }
    }
}

/// When prefixes are cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caching {
    Never,
    /// Every prefix, read in steps of so many tokens. `writes`: what is written is counted too.
    Automatic {
        step: u64,
        writes: bool,
    },
    /// Where the request marks it.
    Marked,
}

/// A text that the answer may cite.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) text: String,
    /// The document as the answer repeats it.
    pub(crate) native: Value,
}

/// How an answer that is spoken sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sound {
    Pcm,
    Wav,
    Mp3,
    Aac,
    Flac,
    Opus,
}

#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// Whether a stream says its usage.
    pub(crate) stream_usage: bool,
    pub(crate) turns: Vec<Turn>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) tools_mark: Option<Keep>,
    pub(crate) tool_choice: ToolChoice,
    pub(crate) parallel: bool,
    pub(crate) format: Format,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) stop: Vec<String>,
    pub(crate) choices: usize,
    pub(crate) seed: Option<i64>,
    /// The class of service, as the answer names it.
    pub(crate) tier: &'static str,
    pub(crate) reasoning: Option<Reasoning>,
    pub(crate) caching: Caching,
    /// What the answer repeats of the request, in the dialect's own form.
    pub(crate) echo: Value,
    /// The prompts of the choices, when each has its own.
    pub(crate) prompts: Vec<String>,
    /// Whether calls are announced in words.
    pub(crate) plans: bool,
    pub(crate) documents: Vec<Document>,
    /// The answer is spoken.
    pub(crate) sound: Option<Sound>,
    /// The answer holds a picture.
    pub(crate) picture: bool,
    /// Probabilities are wanted, with so many alternatives.
    pub(crate) logprobs: Option<usize>,
}

impl Ask {
    pub(crate) fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            stream: false,
            stream_usage: true,
            turns: Vec::new(),
            tools: Vec::new(),
            tools_mark: None,
            tool_choice: ToolChoice::Auto,
            parallel: true,
            format: Format::Text,
            max_tokens: None,
            stop: Vec::new(),
            choices: 1,
            seed: None,
            reasoning: None,
            caching: Caching::Never,
            tier: "default",
            echo: Value::Null,
            prompts: Vec::new(),
            plans: false,
            documents: Vec::new(),
            sound: None,
            picture: false,
            logprobs: None,
        }
    }

    /// Whether thoughts are shown.
    pub(crate) fn shows_thoughts(&self) -> bool {
        self.reasoning.is_none_or(|reasoning| reasoning.visible)
    }

    /// The text of the last message of the user; empty when there is none.
    pub(crate) fn prompt(&self) -> &str {
        self.turns.iter().rev().find(|turn| turn.role == Role::User).map_or("", |turn| &turn.text)
    }

    /// Removes the directives from what the answer may echo. They stay in `extra`, to be counted as sent.
    pub(crate) fn replace_prompt(&mut self, plain: String) {
        if let Some(turn) = self.turns.iter_mut().rev().find(|turn| turn.role == Role::User) {
            let sent = std::mem::replace(&mut turn.text, plain);
            if sent != turn.text {
                turn.extra.push_str(&sent);
            }
        }
    }

    /// What the answer's dice start from: the conversation, or the request's own seed with its prompt.
    pub(crate) fn seed(&self, base: u64) -> u64 {
        let start = Hash::new().number(base).field(self.model.as_bytes());
        if let Some(seed) = self.seed {
            return start.number(seed.cast_unsigned()).field(self.prompt().as_bytes()).value();
        }
        let turns = self
            .turns
            .iter()
            .fold(start, |hash, turn| hash.field(turn.text.as_bytes()).number(turn.media_tokens));
        self.tools.iter().fold(turns, |hash, tool| hash.field(tool.name.as_bytes())).value()
    }

    /// A number for the conversation, whatever the model.
    pub(crate) fn conversation(&self) -> u64 {
        self.turns
            .iter()
            .fold(Hash::new(), |hash, turn| hash.field(turn.text.as_bytes()).field(turn.extra.as_bytes()))
            .value()
    }
}
