//! The conversation: system text apart, turns of two alternating roles.

use serde::Serialize;

use super::blocks::{self, Block};
use crate::canonical::{Message, Request, ResponseFormat, Speaker};
use crate::codec::Target;
use crate::error::BadRequest;

/// What the provider needs where a turn must stand and there are no words for it.
const FILLER: &str = ".";

/// Asks for JSON where that cannot be enforced.
const JSON: &str =
    "When you answer in text, give one JSON object and nothing else: no words around it and no code fence.";

/// Asks a model that takes no prefill to go on with the last assistant turn.
const CONTINUE: &str = "Continue from exactly where your last message stops.";

/// Everything said before and during the conversation.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    pub(super) system: Option<System<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
    /// Thinking with a budget would be refused: the assistant's turn is prefilled, or the tool call that is
    /// being answered came without the thinking that led to it.
    pub(super) blocks_thinking: bool,
}

impl Conversation<'_> {
    /// The answer is to go on from what the assistant said.
    pub(super) fn is_prefilled(&self) -> bool {
        self.turns.last().is_some_and(|turn| turn.role == Role::Assistant)
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum System<'a> {
    Text(String),
    /// When some part carries a cache marker.
    Blocks(Vec<Block<'a>>),
}

#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    pub(super) role: Role,
    pub(super) content: Vec<Block<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    User,
    Assistant,
}

/// Reads the messages of a request.
///
/// # Errors
/// [`BadRequest`] for content that the provider has no form for, and when nothing is left to send.
pub(super) fn read<'a>(request: &'a Request, target: &Target<'_>) -> Result<Conversation<'a>, BadRequest> {
    let mut system = Vec::new();
    let mut turns = Vec::new();
    for message in &request.messages {
        match message.speaker {
            Speaker::System | Speaker::Developer => system.extend(blocks::of_system(message)?),
            Speaker::User => append(&mut turns, Role::User, blocks::of_user(message)?),
            Speaker::Assistant => append(&mut turns, Role::Assistant, blocks::of_assistant(message)?),
            Speaker::Tool => append(&mut turns, Role::User, vec![blocks::of_tool(message)?]),
        }
    }
    if turns.is_empty() {
        append(&mut turns, Role::User, std::mem::take(&mut system));
    }
    if turns.is_empty() {
        return Err(BadRequest::new("`messages` must hold some text; all of it is empty"));
    }
    if request.response_format == Some(ResponseFormat::JsonObject) {
        system.push(Block::text(JSON));
    }
    complete(&mut turns, target);
    Ok(Conversation { system: joined(system), blocks_thinking: blocks_thinking(&turns), turns })
}

/// Neighbours of one role are one turn; a turn of no blocks is none.
fn append<'a>(turns: &mut Vec<Turn<'a>>, role: Role, content: Vec<Block<'a>>) {
    match turns.last_mut() {
        _ if content.is_empty() => {}
        Some(last) if last.role == role => last.content.extend(content),
        _ => turns.push(Turn { role, content }),
    }
}

/// Puts the turns into the form that the provider insists on.
fn complete<'a>(turns: &mut Vec<Turn<'a>>, target: &Target<'_>) {
    for turn in turns.iter_mut().filter(|turn| turn.role == Role::User) {
        turn.content.sort_by_key(|block| !matches!(block, Block::ToolResult { .. }));
    }
    if turns.first().is_some_and(|turn| turn.role == Role::Assistant) {
        turns.insert(0, Turn { role: Role::User, content: vec![Block::text(FILLER)] });
    }
    let Some(last) = turns.last_mut().filter(|turn| turn.role == Role::Assistant) else { return };
    if target.quirk("assistant_prefill") == Some(false) {
        turns.push(Turn { role: Role::User, content: vec![Block::text(CONTINUE)] });
    } else if let Some(Block::Text { text, .. }) = last.content.last_mut() {
        *text = text.trim_end().to_owned().into();
    }
}

fn blocks_thinking(turns: &[Turn<'_>]) -> bool {
    let is_thinking =
        |block: &Block<'_>| matches!(block, Block::Thinking { .. } | Block::RedactedThinking { .. });
    let answers_tool = |turn: &Turn<'_>| matches!(turn.content.first(), Some(Block::ToolResult { .. }));
    match turns {
        [.., last] if last.role == Role::Assistant => true,
        [.., call, last] if answers_tool(last) => !call.content.first().is_some_and(is_thinking),
        _ => false,
    }
}

fn joined(blocks: Vec<Block<'_>>) -> Option<System<'_>> {
    let is_marked = |block: &Block<'_>| matches!(block, Block::Text { cache_control: Some(_), .. });
    if blocks.is_empty() {
        return None;
    }
    if blocks.iter().any(is_marked) {
        return Some(System::Blocks(blocks));
    }
    let texts: Vec<&str> = blocks.iter().filter_map(Block::as_text).collect();
    Some(System::Text(texts.join("\n\n")))
}

/// The name of a participant goes before the words: the provider has no member for it.
pub(super) fn spoken(message: &Message) -> Option<&str> {
    message.name.as_deref().filter(|name| !name.is_empty())
}
