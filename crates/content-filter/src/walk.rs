//! A whole body: which of its texts are read by a model, and who speaks in them.

use std::ops::Range;

use crate::finding::Findings;
use crate::json::{self, CALLED_WITH, Member, Node, Raw, Unreadable};
use crate::scan::{MAX_GROWTH, Scanner, Speaker};

/// Members of a body in which users, assistants and tools speak, in any dialect.
const SPOKEN: [&str; 8] =
    ["messages", "prompt", "suffix", "input", "query", "documents", "prediction", "negative_prompt"];
/// Members in which the system speaks.
const INSTRUCTIONS: [&str; 2] = ["system", "instructions"];
/// Members that a model is told of by their descriptions.
const DESCRIBED: [&str; 4] = ["tools", "functions", "response_format", "text"];

/// Members of turns and parts that machines read: names, ids, forms, places and bytes of media.
const OPAQUE: [&str; 32] = [
    "b64_json",
    "cache_control",
    "call_id",
    "container_id",
    "detail",
    "encrypted_content",
    "encrypted_index",
    "file_data",
    "file_id",
    "file_url",
    "format",
    "id",
    "image_url",
    "index",
    "item_id",
    "media_type",
    "mime_type",
    "model",
    "name",
    "phase",
    "role",
    "server_label",
    "signature",
    "status",
    "thought_signature",
    "tool_call_id",
    "tool_use_id",
    "type",
    "url",
    "video_url",
    "voice",
    "tool_name",
];
/// JSON in texts of JSON in texts.
const MAX_INNER: usize = 4;

/// What is written in the place of a part of the body.
struct Edit {
    range: Range<usize>,
    written: String,
}

/// What a text has to be when something in it was replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Prose,
    Json,
}

pub(crate) struct Walk<'f> {
    scanner: &'f Scanner,
    findings: &'f mut Findings,
    edits: Vec<Edit>,
    /// By how many bytes it is longer with its edits.
    grown: usize,
    /// How many texts this one is within.
    inner: usize,
}

/// Notes what is in a body, and gives it without, where it is to be without it.
///
/// # Errors
/// [`Unreadable`] when it is no JSON object whose texts can be read.
pub(crate) fn body(
    scanner: &Scanner,
    body: &[u8],
    findings: &mut Findings,
) -> Result<Option<String>, Unreadable> {
    let body = std::str::from_utf8(body).map_err(|_| Unreadable::Malformed)?;
    let Node::Object(members) = json::read_body(body)? else { return Err(Unreadable::Malformed) };
    let mut walk = Walk { scanner, findings, edits: Vec::new(), grown: 0, inner: 0 };
    for member in &members {
        let name = member.name.read()?;
        let name = name.as_ref();
        if SPOKEN.contains(&name) {
            walk.content(&member.value, Speaker::User)?;
        } else if INSTRUCTIONS.contains(&name) {
            walk.content(&member.value, Speaker::Other)?;
        } else if DESCRIBED.contains(&name) {
            walk.descriptions(&member.value)?;
        }
    }
    Ok(walk.edited(body))
}

impl Walk<'_> {
    /// Turns, parts, and texts that stand for them. What is not known to be for machines is searched.
    fn content(&mut self, node: &Node<'_>, speaker: Speaker) -> Result<(), Unreadable> {
        match node {
            Node::Text(raw) => self.text(raw, speaker, Form::Prose),
            Node::Array(nodes) => nodes.iter().try_for_each(|node| self.content(node, speaker)),
            Node::Object(members) => {
                let speaker = spoken_by(members, speaker)?;
                for member in members {
                    let name = member.name.read()?;
                    match name.as_ref() {
                        name if OPAQUE.contains(&name) => {}
                        "data" if !is_plain(members)? => {}
                        name if CALLED_WITH.contains(&name) => self.value(&member.value, speaker)?,
                        _ => self.content(&member.value, speaker)?,
                    }
                }
                Ok(())
            }
            Node::Number(_) | Node::Word => Ok(()),
        }
    }

    /// Anything, down to names and numbers.
    fn value(&mut self, node: &Node<'_>, speaker: Speaker) -> Result<(), Unreadable> {
        match node {
            Node::Text(raw) => self.text(raw, speaker, Form::Json),
            Node::Array(nodes) => nodes.iter().try_for_each(|node| self.value(node, speaker)),
            Node::Object(members) => members.iter().try_for_each(|member| {
                self.text(&member.name, speaker, Form::Prose)?;
                self.value(&member.value, speaker)
            }),
            Node::Number(raw) => {
                if let Some(now) = self.scanner.examine(raw.written, speaker, self.findings) {
                    let written = format!("\"{}\"", json::written(&now));
                    return self.edit(raw, written);
                }
                Ok(())
            }
            Node::Word => Ok(()),
        }
    }

    /// The descriptions of tools and schemas, at any depth.
    fn descriptions(&mut self, node: &Node<'_>) -> Result<(), Unreadable> {
        match node {
            Node::Array(nodes) => nodes.iter().try_for_each(|node| self.descriptions(node)),
            Node::Object(members) => members.iter().try_for_each(|member| match &member.value {
                Node::Text(raw) if member.name.read()? == "description" => {
                    self.text(raw, Speaker::Other, Form::Prose)
                }
                value => self.descriptions(value),
            }),
            Node::Text(_) | Node::Number(_) | Node::Word => Ok(()),
        }
    }

    fn text(&mut self, raw: &Raw<'_>, speaker: Speaker, form: Form) -> Result<(), Unreadable> {
        let text = raw.read()?;
        let within = self.within(&text, speaker);
        let now = within.as_deref().unwrap_or(&text);
        let now = match self.scanner.examine(now, speaker, self.findings) {
            Some(now) if form == Form::Json && is_structure(&text) && !json::is_json(&now) => {
                Some(wrapped(&now))
            }
            Some(now) => Some(now),
            None => within,
        };
        now.map_or(Ok(()), |now| self.edit(raw, json::written(&now)))
    }

    fn edit(&mut self, raw: &Raw<'_>, written: String) -> Result<(), Unreadable> {
        let range = raw.range();
        self.grown += written.len().saturating_sub(range.len());
        if self.grown > MAX_GROWTH {
            return Err(Unreadable::Large);
        }
        self.edits.push(Edit { range, written });
        Ok(())
    }

    /// The same for the values within a text that is itself JSON: `\u0040` there is an `@`.
    fn within(&mut self, text: &str, speaker: Speaker) -> Option<String> {
        if self.inner == MAX_INNER || !is_structure(text) {
            return None;
        }
        let Ok(node) = json::read(text) else { return None };
        let mut walk = Walk {
            scanner: self.scanner,
            findings: self.findings,
            edits: Vec::new(),
            grown: 0,
            inner: self.inner + 1,
        };
        // What cannot be read as JSON after all is still searched as a text.
        walk.value(&node, speaker).ok()?;
        walk.edited(text)
    }

    fn edited(self, text: &str) -> Option<String> {
        if self.edits.is_empty() {
            return None;
        }
        let mut now = String::with_capacity(text.len());
        let mut done = 0;
        for edit in &self.edits {
            now.push_str(text.get(done..edit.range.start).unwrap_or_default());
            now.push_str(&edit.written);
            done = edit.range.end;
        }
        now.push_str(text.get(done..).unwrap_or_default());
        Some(now)
    }
}

/// Whether a text is an object or a list as JSON.
fn is_structure(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && json::is_json(text)
}

/// An object for a text that no longer is one.
fn wrapped(text: &str) -> String {
    format!("{{\"text\":\"{}\"}}", json::written(text))
}

/// Who speaks in a turn or part. A tool's result is nobody's word, also where a dialect has it in the user's turn.
fn spoken_by(members: &[Member<'_>], before: Speaker) -> Result<Speaker, Unreadable> {
    let mut speaker = before;
    for member in members {
        let Node::Text(raw) = &member.value else { continue };
        match member.name.read()?.as_ref() {
            "role" if raw.read()? == "user" => return Ok(Speaker::User),
            "role" => speaker = Speaker::Other,
            "type" if is_no_word(&raw.read()?) => speaker = Speaker::Other,
            _ => {}
        }
    }
    Ok(speaker)
}

fn is_no_word(kind: &str) -> bool {
    ["result", "call", "output", "reasoning", "thinking", "tool_use"].iter().any(|part| kind.contains(part))
}

/// Whether `data` of a part is a text as it stands.
fn is_plain(members: &[Member<'_>]) -> Result<bool, Unreadable> {
    for member in members {
        if let Node::Text(raw) = &member.value
            && member.name.read()? == "type"
            && raw.read()? == "text"
        {
            return Ok(true);
        }
    }
    Ok(false)
}
