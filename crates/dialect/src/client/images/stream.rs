//! Writes a streamed answer. What is unfinished goes out as it comes; finished images wait for the end, since the
//! last of them says what all of it cost. The others say that they cost nothing, so that the sum is right.

use serde::Serialize;
use serde_json::Value;

use super::write::{Pictures, Row, Usage, inline};
use crate::canonical::{Event, ImagesRequest};
use crate::client::wire::{DONE, append_named_frame};
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};

pub(super) struct Stream {
    envelope: Envelope,
    wanted: Wanted,
    pictures: Pictures,
}

/// What was asked for, which OpenAI's clients want to hear again.
struct Wanted {
    size: String,
    quality: String,
    background: String,
    output_format: Option<String>,
}

#[derive(Serialize)]
struct Frame<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    row: Row<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_image_index: Option<u32>,
    created: u64,
    created_at: u64,
    size: &'a str,
    quality: &'a str,
    background: &'a str,
    output_format: &'a str,
    model: &'a str,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
}

#[derive(Serialize)]
struct ErrorFrame<'a> {
    r#type: &'static str,
    error: ErrorBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'static str,
    message: &'a str,
    r#type: &'static str,
    param: Option<&'static str>,
}

impl Stream {
    pub(super) fn new(envelope: Envelope, request: &ImagesRequest) -> Self {
        let or_auto = |wanted: &Option<String>| wanted.clone().unwrap_or_else(|| "auto".to_owned());
        let wanted = Wanted {
            size: or_auto(&request.size),
            quality: or_auto(&request.quality),
            background: or_auto(&request.background),
            output_format: request.output_format.clone(),
        };
        Self { envelope, wanted, pictures: Pictures::default() }
    }

    /// `is_last`: nothing comes after it.
    fn frame(
        &self,
        row: Row<'_>,
        partial_image_index: Option<u32>,
        usage: Option<Usage>,
        is_last: bool,
        out: &mut Vec<u8>,
    ) {
        let r#type = match partial_image_index {
            Some(_) => "image_generation.partial_image",
            None => "image_generation.completed",
        };
        let made = row.media_type.and_then(|kind| kind.strip_prefix("image/")).map(|kind| match kind {
            "svg+xml" => "svg",
            kind => kind,
        });
        let frame = Frame {
            r#type,
            partial_image_index,
            created: self.envelope.created,
            created_at: self.envelope.created,
            size: &self.wanted.size,
            quality: &self.wanted.quality,
            background: &self.wanted.background,
            output_format: made.or(self.wanted.output_format.as_deref()).unwrap_or("png"),
            model: &self.envelope.model,
            provider: &self.envelope.provider,
            simulated: self.envelope.simulated.then_some(true),
            usage,
            openrouter_metadata: self.envelope.routing.as_ref().filter(|_| is_last),
            row,
        };
        append_named_frame(out, r#type, &frame);
    }
}

impl AnswerEncoder for Stream {
    fn event(&mut self, event: Event, out: &mut Vec<u8>) {
        match event {
            Event::PartialImage { partial, url, .. } => {
                let (media_type, b64_json) = inline(&url);
                self.frame(
                    Row { b64_json, media_type, revised_prompt: None },
                    Some(partial),
                    None,
                    false,
                    out,
                );
            }
            event => self.pictures.take(event),
        }
    }

    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>) {
        let count = self.pictures.iter().len();
        for (at, picture) in self.pictures.iter().enumerate() {
            let is_last = at + 1 == count;
            let usage = if is_last { Usage::of(bill) } else { Usage::of(&Bill::default()) };
            self.frame(picture.row(), None, Some(usage), is_last, out);
        }
        out.extend_from_slice(DONE);
    }

    fn fail(&mut self, error: &PublicError, _bill: Option<&Bill>, out: &mut Vec<u8>) {
        let kind = error.error_type.as_str();
        let body = ErrorBody { code: kind, message: &error.message, r#type: kind, param: None };
        let frame = ErrorFrame { r#type: "error", error: body, openrouter_metadata: error.routing() };
        append_named_frame(out, "error", &frame);
        out.extend_from_slice(DONE);
    }
}
