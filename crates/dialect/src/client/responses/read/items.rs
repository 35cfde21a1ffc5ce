//! The items of the input as turns. Reasoning, words and calls that follow each other are one turn of the
//! assistant's, as they are in every other dialect.

mod parts;

use serde_json::{Value, json};

use super::super::ids::is_made_up;
use super::super::seal::Kept;
use crate::canonical::{Media, Message, Part, PartKind, ReasoningDetail, ReasoningKind, Speaker, ToolCall};
use crate::client::path::{Members, Path};
use crate::error::BadRequest;

/// Reads the items of `input`.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn read(list: Vec<Value>, path: &Path<'_>) -> Result<Vec<Message>, BadRequest> {
    let mut turns = Turns::default();
    for (index, value) in list.into_iter().enumerate() {
        turns.item(value, &path.item(index))?;
    }
    turns.end();
    Ok(turns.done)
}

#[derive(Default)]
struct Turns {
    done: Vec<Message>,
    /// The assistant's turn that further items may belong to.
    open: Option<Message>,
}

impl Turns {
    fn end(&mut self) {
        self.done.extend(self.open.take());
    }

    fn assistant(&mut self) -> &mut Message {
        self.open.get_or_insert_with(|| Message::of(Speaker::Assistant, Vec::new()))
    }

    fn item(&mut self, value: Value, path: &Path<'_>) -> Result<(), BadRequest> {
        let mut item = Members::of(value, path)?;
        let kind = item.string("type")?;
        match kind.as_deref() {
            None | Some("message") => self.message(&mut item),
            Some("reasoning") => self.reasoning(&mut item),
            Some("function_call") => {
                let arguments = item.string("arguments")?.unwrap_or_default();
                self.call(&mut item, arguments)
            }
            Some("custom_tool_call") => {
                let input = item.string("input")?.unwrap_or_default();
                self.call(&mut item, json!({ "input": input }).to_string())
            }
            Some("function_call_output" | "custom_tool_call_output") => self.output(&mut item),
            Some("image_generation_call") => self.made_image(&mut item),
            Some("item_reference") => Err(BadRequest::new(format!(
                "`{path}` refers to an item that is not kept here: send the item itself"
            ))),
            Some("code_interpreter_call") => item.list("outputs").map(|_| ()),
            Some("") => Err(path.member("type").must("not be empty")),
            // What another provider's tools did has no canonical form.
            Some(_) => Ok(()),
        }
    }

    fn message(&mut self, item: &mut Members<'_>) -> Result<(), BadRequest> {
        let speaker = speaker(item)?;
        let content = parts::of_message(item, speaker)?;
        if speaker != Speaker::Assistant {
            self.end();
            self.done.push(Message::of(speaker, content.parts));
            return Ok(());
        }
        // Two answers in a row must not run together.
        let is_answer = |turn: &Message| {
            !turn.content.is_empty() && turn.reasoning.is_empty() && turn.tool_calls.is_empty()
        };
        if self.open.as_ref().is_some_and(is_answer) {
            self.end();
        }
        let turn = self.assistant();
        turn.content.extend(content.parts);
        if let Some(refusal) = content.refusal {
            turn.refusal.get_or_insert_default().push_str(&refusal);
        }
        Ok(())
    }

    fn call(&mut self, item: &mut Members<'_>, arguments: String) -> Result<(), BadRequest> {
        let call =
            ToolCall { id: item.required_string("call_id")?, name: item.required_string("name")?, arguments };
        self.assistant().tool_calls.push(call);
        Ok(())
    }

    fn output(&mut self, item: &mut Members<'_>) -> Result<(), BadRequest> {
        let id = item.required_string("call_id")?;
        let content = parts::of_output(item)?;
        self.end();
        self.done.push(Message { tool_call_id: Some(id), ..Message::of(Speaker::Tool, content) });
        Ok(())
    }

    fn reasoning(&mut self, item: &mut Members<'_>) -> Result<(), BadRequest> {
        let turn = self.assistant();
        turn.reasoning.extend(details(item, turn.reasoning.len())?);
        Ok(())
    }

    /// An image that the assistant made is part of what it said.
    fn made_image(&mut self, item: &mut Members<'_>) -> Result<(), BadRequest> {
        let Some(data) = item.string("result")?.filter(|data| !data.is_empty()) else { return Ok(()) };
        let format = item.string("output_format")?.unwrap_or_else(|| "png".to_owned());
        let source = Media::Inline { media_type: format!("image/{format}"), data };
        let kind = PartKind::Image { source, detail: None };
        self.assistant().content.push(Part { kind, cache_control: None });
        Ok(())
    }
}

fn speaker(item: &mut Members<'_>) -> Result<Speaker, BadRequest> {
    let wrong = || item.path.member("role").must("be one of system, developer, user, assistant");
    let role = item.path.member("role");
    match item.value("role").map(|value| role.string(value)).transpose()?.as_deref() {
        Some("system") => Ok(Speaker::System),
        Some("developer") => Ok(Speaker::Developer),
        Some("user") => Ok(Speaker::User),
        Some("assistant") => Ok(Speaker::Assistant),
        _ => Err(wrong()),
    }
}

/// One item of reasoning in the pieces that it was given out in, which share its id.
fn details(item: &mut Members<'_>, before: usize) -> Result<Vec<ReasoningDetail>, BadRequest> {
    let id = item.string("id")?.filter(|id| !id.is_empty() && !is_made_up(id));
    let encrypted = item.string("encrypted_content")?.filter(|data| !data.is_empty());
    let kept = encrypted.as_deref().and_then(Kept::open);
    let encrypted = if kept.is_some() { None } else { encrypted };
    let kept = kept.unwrap_or_default();
    let format = item.string("format")?.filter(|format| format != "unknown").or(kept.format);
    let signature = item.string("signature")?.filter(|signature| !signature.is_empty());
    let mut texts = thoughts(item, "content")?;
    if signature.is_none() && kept.signature.is_some() {
        texts = kept.text.into_iter().collect();
    }
    let mut signature = signature.or(kept.signature);
    let mut pieces: Vec<_> = texts.into_iter().map(|text| (ReasoningKind::Text, Some(text))).collect();
    if pieces.is_empty() && signature.is_some() {
        pieces.push((ReasoningKind::Text, None));
    }
    for text in thoughts(item, "summary")? {
        pieces.push((ReasoningKind::Summary, Some(text)));
    }
    pieces.extend(encrypted.or(kept.data).map(|data| (ReasoningKind::Encrypted, Some(data))));
    let details = pieces.into_iter().enumerate().map(|(place, (kind, content))| ReasoningDetail {
        kind,
        index: u32::try_from(before + place).unwrap_or(u32::MAX),
        id: id.clone(),
        format: format.clone(),
        content,
        signature: if kind == ReasoningKind::Text { signature.take() } else { None },
    });
    Ok(details.collect())
}

fn thoughts(item: &mut Members<'_>, name: &str) -> Result<Vec<String>, BadRequest> {
    let path = item.path.member(name);
    let mut texts = Vec::new();
    for (index, value) in item.list(name)?.unwrap_or_default().into_iter().enumerate() {
        let path = path.item(index);
        let text = Members::of(value, &path)?.string("text")?;
        texts.push(text.ok_or_else(|| path.member("text").must("be a string"))?);
    }
    texts.retain(|text| !text.is_empty());
    Ok(texts)
}
