//! The events of a stream, as they go on the wire.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::body::Response;
use super::items::{Item, Piece};
use crate::client::debug::Debug;
use crate::client::wire::append_named_frame;

/// A member of an event.
#[derive(Clone, Copy)]
pub(super) enum Field<'a> {
    Text(&'a str),
    Index(usize),
    Json(&'a Value),
    List(&'a [Value]),
    Item(&'a Item),
    Piece(Piece<'a>),
    Response(&'a Response<'a>),
    Debug(Debug<'a>),
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Index(index) => index.serialize(serializer),
            Self::Json(value) => value.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
            Self::Item(item) => item.serialize(serializer),
            Self::Piece(piece) => piece.serialize(serializer),
            Self::Response(response) => response.serialize(serializer),
            Self::Debug(debug) => debug.serialize(serializer),
        }
    }
}

/// Numbers the events of a stream; an answer that is not streamed has none.
pub(super) struct Frames {
    is_streamed: bool,
    sequence: u64,
}

impl Frames {
    pub(super) fn new(is_streamed: bool) -> Self {
        Self { is_streamed, sequence: 0 }
    }

    pub(super) fn is_streamed(&self) -> bool {
        self.is_streamed
    }

    /// The number of the event that comes next.
    pub(super) fn next(&mut self) -> u64 {
        let sequence = self.sequence;
        self.sequence += 1;
        sequence
    }

    pub(super) fn write(
        &mut self,
        out: &mut Vec<u8>,
        kind: &'static str,
        fields: &[(&'static str, Field<'_>)],
    ) {
        if self.is_streamed {
            write(out, kind, self.next(), fields);
        }
    }
}

pub(super) fn write(
    out: &mut Vec<u8>,
    kind: &'static str,
    sequence: u64,
    fields: &[(&'static str, Field<'_>)],
) {
    append_named_frame(out, kind, &Frame { kind, sequence, fields });
}

struct Frame<'a> {
    kind: &'static str,
    sequence: u64,
    fields: &'a [(&'static str, Field<'a>)],
}

impl Serialize for Frame<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len() + 2))?;
        map.serialize_entry("type", self.kind)?;
        map.serialize_entry("sequence_number", &self.sequence)?;
        for (name, field) in self.fields {
            map.serialize_entry(name, field)?;
        }
        map.end()
    }
}
