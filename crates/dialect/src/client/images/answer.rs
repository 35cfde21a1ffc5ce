//! Writes an answer that is not streamed.

use serde::Serialize;
use serde_json::Value;

use super::write::{Picture, Pictures, Row, Usage};
use crate::canonical::Event;
use crate::client::error;
use crate::client::wire::append;
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};

pub(super) struct Answer {
    envelope: Envelope,
    pictures: Pictures,
}

#[derive(Serialize)]
struct Body<'a> {
    created: u64,
    data: Vec<Row<'a>>,
    model: &'a str,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulated: Option<bool>,
    usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
}

impl Answer {
    pub(super) fn new(envelope: Envelope) -> Self {
        Self { envelope, pictures: Pictures::default() }
    }
}

impl AnswerEncoder for Answer {
    fn event(&mut self, event: Event, _out: &mut Vec<u8>) {
        self.pictures.take(event);
    }

    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>) {
        append(
            out,
            &Body {
                created: self.envelope.created,
                data: self.pictures.iter().map(Picture::row).collect(),
                model: &self.envelope.model,
                provider: &self.envelope.provider,
                simulated: self.envelope.simulated.then_some(true),
                usage: Usage::of(bill),
                openrouter_metadata: self.envelope.routing.as_ref(),
            },
        );
    }

    fn fail(&mut self, error: &PublicError, _bill: Option<&Bill>, out: &mut Vec<u8>) {
        out.extend(error::body(error));
    }
}
