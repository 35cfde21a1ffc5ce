//! Writes the vectors of an answer, in the order of their inputs.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pricing::Class;
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use crate::canonical::Event;
use crate::client::error;
use crate::client::usage::CostDetails;
use crate::client::wire::append;
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};

pub(super) struct Answer {
    envelope: Envelope,
    as_base64: bool,
    vectors: Vec<(u32, Vec<f32>)>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    object: &'static str,
    data: Vec<Row<'a>>,
    model: &'a str,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulated: Option<bool>,
    usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
}

#[derive(Serialize)]
struct Row<'a> {
    object: &'static str,
    index: u32,
    embedding: Vector<'a>,
}

enum Vector<'a> {
    Numbers(&'a [f32]),
    /// In base64, each number as four bytes, the lowest first.
    Base64(&'a [f32]),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<Details>,
    cost: Number,
    is_byok: bool,
    cost_details: CostDetails,
}

#[derive(Serialize)]
struct Details {
    text_tokens: u64,
    image_tokens: u64,
    audio_tokens: u64,
}

impl Answer {
    pub(super) fn new(envelope: Envelope, as_base64: bool) -> Self {
        Self { envelope, as_base64, vectors: Vec::new() }
    }
}

impl Serialize for Vector<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Numbers(numbers) => numbers.serialize(serializer),
            Self::Base64(numbers) => {
                let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
            }
        }
    }
}

impl Usage {
    fn of(bill: &Bill) -> Self {
        let usage = &bill.usage;
        let prompt = usage.prompt_tokens().unwrap_or(u64::MAX);
        let (image, audio) = (usage.get(Class::ImageInput), usage.get(Class::AudioInput));
        let details = (image > 0 || audio > 0).then(|| Details {
            text_tokens: prompt.saturating_sub(image).saturating_sub(audio),
            image_tokens: image,
            audio_tokens: audio,
        });
        Self {
            prompt_tokens: prompt,
            total_tokens: prompt,
            prompt_tokens_details: details,
            cost: bill.cost.to_json_number(),
            is_byok: bill.is_byok,
            cost_details: CostDetails::of(bill),
        }
    }
}

impl AnswerEncoder for Answer {
    fn event(&mut self, event: Event, _out: &mut Vec<u8>) {
        if let Event::Embedding { index, vector } = event {
            self.vectors.push((index, vector));
        }
    }

    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>) {
        self.vectors.sort_by_key(|(index, _)| *index);
        let as_base64 = self.as_base64;
        let rows = self.vectors.iter().map(|(index, vector)| Row {
            object: "embedding",
            index: *index,
            embedding: if as_base64 { Vector::Base64(vector) } else { Vector::Numbers(vector) },
        });
        append(
            out,
            &Body {
                id: &self.envelope.id,
                object: "list",
                data: rows.collect(),
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
