//! Answers as they come on the wire.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::usage::Counts;
use crate::canonical::Event;
use crate::raw::or_default;

/// A whole answer, or the beginning of a streamed one.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    id: Option<String>,
    model: Option<String>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) content: Vec<&'a RawValue>,
    pub(super) stop_reason: Option<String>,
    stop_sequence: Option<Value>,
    stop_details: Option<Value>,
    container: Option<Value>,
    context_management: Option<Value>,
    pub(super) usage: Option<Counts>,
}

impl Message<'_> {
    pub(super) fn start(&mut self) -> Event {
        Event::Start { id: self.id.take(), model: self.model.take(), system_fingerprint: None }
    }

    pub(super) fn ending(&mut self) -> Ending {
        Ending {
            stop_sequence: self.stop_sequence.take(),
            stop_details: self.stop_details.take(),
            container: self.container.take(),
            context_management: self.context_management.take(),
        }
    }
}

/// What is said at the end of a message beside its reason and its usage.
#[derive(Debug, Default)]
pub(super) struct Ending {
    stop_sequence: Option<Value>,
    stop_details: Option<Value>,
    container: Option<Value>,
    pub(super) context_management: Option<Value>,
}

impl Ending {
    /// Why the model refused.
    pub(super) fn explanation(&self) -> Option<String> {
        let text = self.stop_details.as_ref()?.get("explanation")?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The members that are set.
    pub(super) fn members(self) -> Map<String, Value> {
        let members = [
            ("stop_sequence", self.stop_sequence),
            ("stop_details", self.stop_details),
            ("container", self.container),
        ];
        members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.filter(|value| !value.is_null())?)))
            .collect()
    }
}

/// A block, or the beginning of one.
#[derive(Debug, Deserialize)]
pub(super) struct Block<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Cow<'a, str>>,
    pub(super) signature: Option<String>,
    pub(super) data: Option<String>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
    pub(super) caller: Option<Value>,
    pub(super) toolset_name: Option<Value>,
    pub(super) citations: Option<Vec<Value>>,
}

/// The kind of a block alone: the other members of kinds that are not known may be anything.
#[derive(Debug, Deserialize)]
pub(super) struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
}

/// A delta of a block or of the message.
#[derive(Debug, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Cow<'a, str>>,
    pub(super) signature: Option<String>,
    #[serde(borrow)]
    pub(super) partial_json: Option<Cow<'a, str>>,
    pub(super) citation: Option<Value>,
    pub(super) stop_reason: Option<String>,
    stop_sequence: Option<Value>,
    stop_details: Option<Value>,
    container: Option<Value>,
}

impl Delta<'_> {
    pub(super) fn ending(self, context_management: Option<Value>) -> Ending {
        Ending {
            stop_sequence: self.stop_sequence,
            stop_details: self.stop_details,
            container: self.container,
            context_management,
        }
    }
}

/// An event of any kind: members that it does not have are absent.
#[derive(Debug, Deserialize)]
pub(super) struct Wire<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) index: u32,
    #[serde(borrow)]
    pub(super) message: Option<Message<'a>>,
    #[serde(borrow)]
    pub(super) content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) delta: Option<&'a RawValue>,
    pub(super) usage: Option<Counts>,
    pub(super) context_management: Option<Value>,
}
