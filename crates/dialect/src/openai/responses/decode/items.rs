//! The items of an output as far as they have come.

use serde_json::{Map, Value, json};

use crate::canonical::Event;

/// An item that has begun.
pub(super) struct Item {
    /// Its place in the output, as the provider counts.
    pub(super) index: u64,
    pub(super) kind: Kind,
    pub(super) id: Option<String>,
    /// Of a message: remark or answer. It goes out once, before the first words.
    pub(super) phase: Option<String>,
    /// Of reasoning: whose form it has.
    pub(super) format: Option<String>,
    /// Of a call: its place among the calls, and the bytes of its arguments that went out.
    pub(super) call: Option<(u32, usize)>,
    pub(super) is_done: bool,
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Reasoning,
    Call,
    Image,
    Other,
}

/// A part of an item that has begun.
pub(super) struct Part {
    pub(super) kind: PartKind,
    /// Its place among the item's parts of its kind.
    pub(super) at: u64,
    /// Bytes that went out.
    pub(super) sent: usize,
    /// Annotations that went out.
    pub(super) annotations: usize,
    /// Characters of text before it.
    pub(super) start: usize,
    /// Its block, if it is one of reasoning.
    pub(super) block: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PartKind {
    Text,
    Refusal,
    Thought,
    Summary,
    /// Reasoning that nobody but its provider can read.
    Sealed,
}

/// Where a piece belongs: to an item, by its index if the provider gave one, and there to a part.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) item: Option<u64>,
    pub(super) kind: PartKind,
    pub(super) at: u64,
}

impl Kind {
    pub(super) fn of(item: &Value) -> Self {
        match item["type"].as_str() {
            Some("message") => Self::Message,
            Some("reasoning") => Self::Reasoning,
            Some("function_call") => Self::Call,
            Some("image_generation_call") => Self::Image,
            _ => Self::Other,
        }
    }
}

impl PartKind {
    pub(super) const fn item(self) -> Kind {
        match self {
            Self::Text | Self::Refusal => Kind::Message,
            Self::Thought | Self::Summary | Self::Sealed => Kind::Reasoning,
        }
    }
}

impl Item {
    pub(super) fn new(index: u64, kind: Kind) -> Self {
        Self {
            index,
            kind,
            id: None,
            phase: None,
            format: None,
            call: None,
            is_done: false,
            parts: Vec::new(),
        }
    }
}

/// A text that is there and says something.
pub(super) fn filled(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Arguments as text; some servers send the object itself.
pub(super) fn arguments(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The image that was made.
pub(super) fn image(item: &Value) -> Option<Event> {
    let result = filled(&item["result"])?;
    let is_url = ["data:", "http://", "https://"].iter().any(|start| result.starts_with(start));
    let format = item["output_format"].as_str().unwrap_or("png");
    let url = if is_url { result } else { format!("data:image/{format};base64,{result}") };
    Some(Event::Image { choice: 0, url })
}

/// An annotation as chat has it: its members under its type, its places counted from the start of the answer.
pub(super) fn annotation(flat: Value, start: usize) -> Option<Event> {
    let kind = filled(&flat["type"])?;
    let Value::Object(mut members) = flat else { return None };
    members.shift_remove("type");
    for name in ["start_index", "end_index"] {
        if let Some(place) = members.get(name).and_then(Value::as_u64) {
            members.insert(name.to_owned(), json!(place.saturating_add(start as u64)));
        }
    }
    let mut annotation = json!({ "type": kind });
    annotation[kind.as_str()] = Value::Object(members);
    let members = Map::from_iter([("annotations".to_owned(), json!([annotation]))]);
    Some(Event::Extra { choice: 0, members })
}

/// Log probabilities as chat has them, where there are any.
pub(super) fn logprobs(list: Option<Value>) -> Option<Event> {
    let content = list.filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))?;
    let logprobs = json!({ "content": content, "refusal": null });
    Some(Event::ChoiceExtra { choice: 0, members: Map::from_iter([("logprobs".to_owned(), logprobs)]) })
}
