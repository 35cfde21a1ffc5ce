//! The conversation: system text apart, turns of two alternating roles.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::parts::{self, FunctionCall, FunctionResponse, Part};
use super::{FORMAT, generation_of};
use crate::canonical::{Message, ReasoningDetail, ReasoningKind, Request, Speaker, ToolCall};
use crate::codec::Target;
use crate::error::BadRequest;
use crate::raw;

/// Stands for the signature of a call that another model made; models that insist on one take it.
const FOREIGN_SIGNATURE: &str = "skip_thought_signature_validator";

/// What the provider needs where a turn must stand and there are no words for it.
const FILLER: &str = ".";

/// How ids begin that the provider did not make: ours, and most others'. It gets only its own back.
const MADE_ID: &str = "call_";

#[derive(Debug)]
pub(super) struct Conversation<'a> {
    pub(super) system: Option<Content<'a>>,
    pub(super) contents: Vec<Content<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    parts: Vec<Part<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Model,
}

impl<'a> Content<'a> {
    /// A turn of the user's.
    pub(super) const fn of_user(parts: Vec<Part<'a>>) -> Self {
        Self { role: Some(Role::User), parts }
    }

    /// Content that nobody says.
    pub(super) const fn of_nobody(parts: Vec<Part<'a>>) -> Self {
        Self { role: None, parts }
    }
}

/// The calls that were made so far: place and name by id.
type Calls<'a> = HashMap<&'a str, (usize, &'a str)>;

/// Reads the messages of a request.
///
/// # Errors
/// [`BadRequest`] for content that the provider has no form for, for results of calls that nobody made, and
/// when nothing is left to send.
pub(super) fn read<'a>(request: &'a Request, target: &Target<'_>) -> Result<Conversation<'a>, BadRequest> {
    let wants_signature = generation_of(target.provider_model).is_some_and(|generation| generation >= 3);
    let mut calls = Calls::new();
    let (mut system, mut contents) = (Vec::new(), Vec::new());
    for message in &request.messages {
        match message.speaker {
            Speaker::System | Speaker::Developer => system.extend(parts::of_content(message)?),
            Speaker::User => append(&mut contents, Role::User, parts::of_content(message)?),
            Speaker::Assistant => {
                append(&mut contents, Role::Model, of_assistant(message, wants_signature)?);
                for call in &message.tool_calls {
                    calls.insert(&call.id, (calls.len(), &call.name));
                }
            }
            Speaker::Tool => append(&mut contents, Role::User, of_tool(message, &calls)?),
        }
    }
    if contents.is_empty() {
        append(&mut contents, Role::User, std::mem::take(&mut system));
    }
    if contents.is_empty() {
        return Err(BadRequest::new("`messages` must hold some text; all of it is empty"));
    }
    complete(&mut contents);
    let system = (!system.is_empty()).then_some(Content { role: None, parts: system });
    Ok(Conversation { system, contents })
}

/// Neighbours of one role are one turn; a turn of no parts is none.
fn append<'a>(contents: &mut Vec<Content<'a>>, role: Role, parts: Vec<Part<'a>>) {
    match contents.last_mut() {
        _ if parts.is_empty() => {}
        Some(last) if last.role == Some(role) => last.parts.extend(parts),
        _ => contents.push(Content { role: Some(role), parts }),
    }
}

/// The user speaks first, and results come before words, in the order of the calls.
fn complete(contents: &mut Vec<Content<'_>>) {
    for content in contents.iter_mut().filter(|content| content.role == Some(Role::User)) {
        content.parts.sort_by_key(|part| {
            part.function_response.as_ref().map_or(usize::MAX, |response| response.place)
        });
    }
    if contents.first().is_some_and(|content| content.role == Some(Role::Model)) {
        contents.insert(0, Content { role: Some(Role::User), parts: vec![Part::text(FILLER)] });
    }
}

/// Each signature returns on the part that it came with.
fn of_assistant(message: &Message, wants_signature: bool) -> Result<Vec<Part<'_>>, BadRequest> {
    let mut turn: Vec<Part<'_>> = message.reasoning.iter().filter_map(thought).collect();
    let mut words = parts::of_content(message)?;
    words.extend(message.refusal.as_deref().filter(|refusal| !refusal.is_empty()).map(Part::text));
    if let Some(signature) = message.reasoning.iter().rev().find_map(of_text) {
        match words.iter_mut().rev().find(|part| part.text.is_some()) {
            Some(part) => part.thought_signature = Some(signature),
            None => words.push(Part { thought_signature: Some(signature), ..Part::text("") }),
        }
    }
    turn.append(&mut words);
    for (place, call) in message.tool_calls.iter().enumerate() {
        let known = message.reasoning.iter().find_map(|detail| of_call(detail, call));
        let foreign = (wants_signature && place == 0).then_some(FOREIGN_SIGNATURE);
        turn.push(Part {
            function_call: Some(FunctionCall {
                id: own_id(&call.id),
                name: &call.name,
                args: raw::arguments(call)?,
            }),
            thought_signature: known.or(foreign),
            ..Part::default()
        });
    }
    Ok(turn)
}

/// A thought that was signed by itself.
fn thought(detail: &ReasoningDetail) -> Option<Part<'_>> {
    if !is_ours(detail) || detail.kind == ReasoningKind::Encrypted {
        return None;
    }
    let signature = detail.signature.as_deref()?;
    Some(Part { thought: true, thought_signature: Some(signature), ..Part::text(detail.content.as_deref()?) })
}

/// The signature of the words of a turn.
fn of_text(detail: &ReasoningDetail) -> Option<&str> {
    let is_signature = is_ours(detail) && detail.kind == ReasoningKind::Encrypted && detail.id.is_none();
    detail.content.as_deref().filter(|_| is_signature)
}

/// The signature of a call.
fn of_call<'a>(detail: &'a ReasoningDetail, call: &ToolCall) -> Option<&'a str> {
    let is_signature = detail.kind == ReasoningKind::Encrypted && detail.id.as_deref() == Some(&*call.id);
    detail.content.as_deref().filter(|_| is_signature && (is_ours(detail) || detail.format.is_none()))
}

fn is_ours(detail: &ReasoningDetail) -> bool {
    detail.format.as_deref() == Some(FORMAT)
}

fn own_id(id: &str) -> Option<&str> {
    (!id.is_empty() && !id.starts_with(MADE_ID)).then_some(id)
}

/// The provider knows results by the name of the function.
fn of_tool<'a>(message: &'a Message, calls: &Calls<'a>) -> Result<Vec<Part<'a>>, BadRequest> {
    let id = message.tool_call_id.as_deref().unwrap_or_default();
    let (place, name) = match (calls.get(id), message.name.as_deref()) {
        (Some((place, name)), _) => (*place, *name),
        (None, Some(name)) => (calls.len(), name),
        (None, None) => {
            return Err(BadRequest::new(format!(
                "a `tool` message answers the call `{id}`, which no assistant message before it made"
            )));
        }
    };
    let response = FunctionResponse { id: own_id(id), name, response: response(message), place };
    let mut parts = vec![Part { function_response: Some(response), ..Part::default() }];
    parts.extend(parts::of_media(message)?);
    Ok(parts)
}

/// A result must be an object.
fn response(message: &Message) -> Value {
    let text = parts::text_of(message);
    match serde_json::from_str::<Value>(&text) {
        Ok(object @ Value::Object(_)) => object,
        Ok(value @ Value::Array(_)) => json!({ "result": value }),
        _ => json!({ "result": text }),
    }
}
