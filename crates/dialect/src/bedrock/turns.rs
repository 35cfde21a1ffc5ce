//! The conversation: system text apart, turns of two alternating roles.

use serde::Serialize;

use super::blocks::{self, Block, FILLER};
use super::family::Traits;
use super::media::Names;
use crate::canonical::{Request, Speaker};
use crate::error::BadRequest;

/// Asks a model that takes no prefill to go on with the last assistant turn.
const CONTINUE: &str = "Continue from exactly where your last message stops.";

#[derive(Debug)]
pub(super) struct Conversation<'a> {
    pub(super) system: Vec<Block<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    role: Role,
    content: Vec<Block<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

impl Conversation<'_> {
    /// Whether some turn calls a tool or answers a call.
    pub(super) fn has_calls(&self) -> bool {
        self.turns.iter().flat_map(|turn| &turn.content).any(Block::is_call)
    }

    /// Whether the model is to go on with an answer that is begun.
    pub(super) fn is_prefilled(&self) -> bool {
        self.turns.last().is_some_and(|turn| turn.role == Role::Assistant)
    }
}

/// Reads the messages of a request.
///
/// # Errors
/// [`BadRequest`] for content that the provider has no form for, and when nothing is left to send.
pub(super) fn read<'a>(request: &'a Request, traits: &Traits) -> Result<Conversation<'a>, BadRequest> {
    let mut names = Names::default();
    let (mut system, mut turns) = (Vec::new(), Vec::new());
    for message in &request.messages {
        match message.speaker {
            Speaker::System | Speaker::Developer => system.extend(blocks::of_system(message, traits)?),
            Speaker::User => append(&mut turns, Role::User, blocks::of_user(message, traits, &mut names)?),
            Speaker::Assistant => append(&mut turns, Role::Assistant, blocks::of_assistant(message, traits)?),
            Speaker::Tool => append(&mut turns, Role::User, blocks::of_tool(message, traits, &mut names)?),
        }
    }
    if turns.is_empty() {
        append(&mut turns, Role::User, std::mem::take(&mut system));
    }
    if turns.is_empty() {
        return Err(BadRequest::new("`messages` must hold some text; all of it is empty"));
    }
    complete(&mut turns, traits);
    if let Some(last) = turns.last_mut() {
        last.content.extend(Block::cache_point(request.extra.get("cache_control"), traits));
    }
    Ok(Conversation { system, turns })
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
fn complete(turns: &mut Vec<Turn<'_>>, traits: &Traits) {
    for turn in turns.iter_mut().filter(|turn| turn.role == Role::User) {
        results_first(&mut turn.content);
        let is_document = |block: &Block<'_>| matches!(block, Block::Document(_));
        let is_text = |block: &Block<'_>| matches!(block, Block::Text(_));
        if turn.content.iter().any(is_document) && !turn.content.iter().any(is_text) {
            turn.content.push(Block::text(FILLER));
        }
    }
    if turns.first().is_some_and(|turn| turn.role == Role::Assistant) {
        turns.insert(0, Turn { role: Role::User, content: vec![Block::text(FILLER)] });
    }
    let Some(last) = turns.last_mut().filter(|turn| turn.role == Role::Assistant) else { return };
    if !traits.takes_prefill {
        turns.push(Turn { role: Role::User, content: vec![Block::text(CONTINUE)] });
    } else if let Some(Block::Text(text)) = last.content.last_mut() {
        *text = text.trim_end().to_owned().into();
    }
}

/// A cache point stays behind the block that it marks.
fn results_first(content: &mut Vec<Block<'_>>) {
    let mut is_result = false;
    let mut marked = Vec::with_capacity(content.len());
    for block in std::mem::take(content) {
        if !matches!(block, Block::CachePoint { .. }) {
            is_result = matches!(block, Block::ToolResult { .. });
        }
        marked.push((!is_result, block));
    }
    marked.sort_by_key(|(is_other, _)| *is_other);
    content.extend(marked.into_iter().map(|(_, block)| block));
}
