//! Messages: text, refusals, and what belongs to a text.

use serde_json::{Value, json};

use super::Answer;
use super::frames::Field;
use super::items::{Item, Message, Part, Piece, Status};

/// Kinds of annotations that a text may have.
const ANNOTATIONS: [&str; 4] = ["url_citation", "file_citation", "file_path", "container_file_citation"];

impl Answer {
    pub(super) fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let (at, place) = self.open_text(out);
        self.characters += text.chars().count();
        let new: Vec<Value> = std::mem::take(&mut self.logprobs).iter().filter_map(logprob).collect();
        let Some(message) = self.message_mut(at) else { return };
        if let Some(Part::Text { text: known, logprobs, .. }) = message.parts.get_mut(place) {
            known.push_str(text);
            logprobs.extend_from_slice(&new);
        }
        let fields = [
            ("item_id", Field::Text(self.items[at].id())),
            ("output_index", Field::Index(at)),
            ("content_index", Field::Index(place)),
            ("delta", Field::Text(text)),
            ("logprobs", Field::List(&new)),
        ];
        self.frames.write(out, "response.output_text.delta", &fields);
    }

    pub(super) fn refusal(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let at = self.open_message(out);
        let is_refusal = matches!(self.items[at].last_part(), Some(Part::Refusal(_)));
        let place = match is_refusal {
            true => self.items[at].parts().len() - 1,
            false => self.add_part(at, Part::Refusal(String::new()), out),
        };
        if let Some(Part::Refusal(known)) =
            self.message_mut(at).and_then(|message| message.parts.get_mut(place))
        {
            known.push_str(text);
        }
        let fields = [
            ("item_id", Field::Text(self.items[at].id())),
            ("output_index", Field::Index(at)),
            ("content_index", Field::Index(place)),
            ("delta", Field::Text(text)),
        ];
        self.frames.write(out, "response.refusal.delta", &fields);
    }

    /// Adds an annotation to the text before it.
    pub(super) fn annotate(&mut self, annotation: &Value, out: &mut Vec<u8>) {
        let (at, place) = match self.last_text() {
            Some(found) => found,
            None => self.open_text(out),
        };
        let is_open = self.open == Some(at) && place + 1 == self.items[at].parts().len();
        let Some(message) = self.message_mut(at) else { return };
        let Some(Part::Text { annotations, start, .. }) = message.parts.get_mut(place) else { return };
        let Some(annotation) = flat(annotation, *start) else { return };
        annotations.push(annotation.clone());
        let number = annotations.len() - 1;
        if is_open {
            let fields = [
                ("item_id", Field::Text(self.items[at].id())),
                ("output_index", Field::Index(at)),
                ("content_index", Field::Index(place)),
                ("annotation_index", Field::Index(number)),
                ("annotation", Field::Json(&annotation)),
            ];
            self.frames.write(out, "response.output_text.annotation.added", &fields);
        }
    }

    pub(super) fn close_message(&mut self, at: usize, out: &mut Vec<u8>) {
        self.close_part(at, out);
        let status = if self.is_cut { Status::Incomplete } else { Status::Completed };
        if let Some(message) = self.message_mut(at) {
            message.status = status;
        }
        self.item_done(at, out);
    }

    fn open_message(&mut self, out: &mut Vec<u8>) -> usize {
        if let Some(at) = self.open.filter(|at| matches!(self.items[*at], Item::Message(_))) {
            return at;
        }
        let message = Message::new(self.made_up("msg"), None);
        let at = self.add(Item::Message(message), out);
        self.open = Some(at);
        at
    }

    /// The item and the part that text goes to.
    fn open_text(&mut self, out: &mut Vec<u8>) -> (usize, usize) {
        let at = self.open_message(out);
        if matches!(self.items[at].last_part(), Some(Part::Text { .. })) {
            return (at, self.items[at].parts().len() - 1);
        }
        let part = Part::Text {
            text: String::new(),
            annotations: Vec::new(),
            logprobs: Vec::new(),
            start: self.characters,
        };
        (at, self.add_part(at, part, out))
    }

    /// Adds a part to a message, which ends the part before it.
    fn add_part(&mut self, at: usize, part: Part, out: &mut Vec<u8>) -> usize {
        self.close_part(at, out);
        let Some(message) = self.message_mut(at) else { return 0 };
        message.parts.push(part);
        let place = message.parts.len() - 1;
        self.write_part("response.content_part.added", at, place, out);
        place
    }

    fn close_part(&mut self, at: usize, out: &mut Vec<u8>) {
        let Some(place) = self.items[at].parts().len().checked_sub(1) else { return };
        let new: Vec<Value> = std::mem::take(&mut self.logprobs).iter().filter_map(logprob).collect();
        if let Some(Part::Text { logprobs, .. }) =
            self.message_mut(at).and_then(|message| message.parts.get_mut(place))
        {
            logprobs.extend(new);
        }
        let item = &self.items[at];
        let (id, output) = (("item_id", Field::Text(item.id())), ("output_index", Field::Index(at)));
        let content = ("content_index", Field::Index(place));
        match item.last_part() {
            Some(Part::Text { text, logprobs, .. }) => {
                let fields =
                    [id, output, content, ("text", Field::Text(text)), ("logprobs", Field::List(logprobs))];
                self.frames.write(out, "response.output_text.done", &fields);
            }
            Some(Part::Refusal(text)) => {
                let fields = [id, output, content, ("refusal", Field::Text(text))];
                self.frames.write(out, "response.refusal.done", &fields);
            }
            None => return,
        }
        self.write_part("response.content_part.done", at, place, out);
    }

    fn write_part(&mut self, kind: &'static str, at: usize, place: usize, out: &mut Vec<u8>) {
        let Some(part) = self.items[at].parts().get(place) else { return };
        let fields = [
            ("item_id", Field::Text(self.items[at].id())),
            ("output_index", Field::Index(at)),
            ("content_index", Field::Index(place)),
            ("part", Field::Piece(Piece::Part(part))),
        ];
        self.frames.write(out, kind, &fields);
    }

    fn message_mut(&mut self, at: usize) -> Option<&mut Message> {
        match self.items.get_mut(at) {
            Some(Item::Message(message)) => Some(message),
            _ => None,
        }
    }

    fn last_text(&self) -> Option<(usize, usize)> {
        self.items.iter().enumerate().rev().find_map(|(at, item)| {
            let place = item.parts().iter().rposition(|part| matches!(part, Part::Text { .. }))?;
            Some((at, place))
        })
    }
}

impl Item {
    fn parts(&self) -> &[Part] {
        match self {
            Self::Message(message) => &message.parts,
            _ => &[],
        }
    }

    fn last_part(&self) -> Option<&Part> {
        self.parts().last()
    }
}

/// An annotation of chat's as this dialect has it: its members flat, its places counted from the start of the
/// part, which is `start` characters into the answer.
fn flat(annotation: &Value, start: usize) -> Option<Value> {
    let kind = annotation["type"].as_str().filter(|kind| ANNOTATIONS.contains(kind))?;
    let members = annotation.get(kind).unwrap_or(annotation);
    let mut flat = json!({ "type": kind });
    for (name, value) in members.as_object()?.iter().filter(|(name, _)| *name != "type") {
        flat[name.as_str()] = match value.as_u64().filter(|_| name == "start_index" || name == "end_index") {
            Some(place) => json!(place.saturating_sub(start as u64)),
            None => value.clone(),
        };
    }
    if kind == "url_citation" {
        let missing = |value: &Value| value.is_null();
        for (name, default) in
            [("url", json!("")), ("title", json!("")), ("start_index", json!(0)), ("end_index", json!(0))]
        {
            if missing(&flat[name]) {
                flat[name] = default;
            }
        }
    }
    Some(flat)
}

/// A token's probability with every member that the shape demands.
fn logprob(entry: &Value) -> Option<Value> {
    let of = |entry: &Value| {
        let token = entry["token"].as_str()?;
        let bytes = match &entry["bytes"] {
            bytes @ Value::Array(_) => bytes.clone(),
            _ => json!(token.as_bytes()),
        };
        Some(json!({ "token": token, "bytes": bytes, "logprob": entry["logprob"].as_f64()? }))
    };
    let mut known = of(entry)?;
    let likely = entry["top_logprobs"].as_array().into_iter().flatten();
    known["top_logprobs"] = likely.filter_map(of).collect();
    Some(known)
}
