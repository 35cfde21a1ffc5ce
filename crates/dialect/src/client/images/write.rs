//! The pieces that streamed and whole answers share, as they go on the wire.

use pricing::Class;
use serde::Serialize;
use serde_json::Number;

use crate::canonical::Event;
use crate::client::Bill;
use crate::client::usage::CostDetails;
use crate::media;

/// The media type of an image of which none is known.
const UNKNOWN: &str = "application/octet-stream";

/// Images that are made, and what each prompt became.
#[derive(Default)]
pub(super) struct Pictures(Vec<Picture>);

pub(super) struct Picture {
    url: String,
    revised_prompt: Option<String>,
}

impl Pictures {
    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Image { url, .. } => self.0.push(Picture { url, revised_prompt: None }),
            Event::Extra { mut members, .. } => {
                if let (Some(picture), Some(serde_json::Value::String(prompt))) =
                    (self.0.last_mut(), members.shift_remove("revised_prompt"))
                {
                    picture.revised_prompt = Some(prompt);
                }
            }
            _ => {}
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Picture> {
        self.0.iter()
    }
}

impl Picture {
    pub(super) fn row(&self) -> Row<'_> {
        let (media_type, b64_json) = inline(&self.url);
        Row { b64_json, media_type, revised_prompt: self.revised_prompt.as_deref() }
    }
}

/// The media type, where it is known, and the base64 of a data URL.
pub(super) fn inline(url: &str) -> (Option<&str>, &str) {
    let (media_type, data) = media::data_url(url).unwrap_or_default();
    (Some(media_type).filter(|kind| !kind.is_empty() && *kind != UNKNOWN), data)
}

#[derive(Serialize)]
pub(super) struct Row<'a> {
    pub(super) b64_json: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revised_prompt: Option<&'a str>,
}

/// What it took, in the words of OpenRouter and in those of OpenAI.
#[derive(Serialize)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
    input_tokens: u64,
    output_tokens: u64,
    input_tokens_details: Kinds,
    output_tokens_details: Kinds,
    cost: Number,
    is_byok: bool,
    cost_details: CostDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    image_tokens: u64,
    reasoning_tokens: u64,
}

#[derive(Serialize)]
struct Kinds {
    image_tokens: u64,
    text_tokens: u64,
}

impl Usage {
    pub(super) fn of(bill: &Bill) -> Self {
        let usage = &bill.usage;
        let (input, output) =
            (usage.prompt_tokens().unwrap_or(u64::MAX), usage.completion_tokens().unwrap_or(u64::MAX));
        let (seen, made) = (usage.get(Class::ImageInput), usage.get(Class::ImageOutput));
        Self {
            prompt_tokens: input,
            completion_tokens: output,
            total_tokens: input.saturating_add(output),
            prompt_tokens_details: PromptDetails { cached_tokens: usage.get(Class::CacheRead) },
            completion_tokens_details: CompletionDetails {
                image_tokens: made,
                reasoning_tokens: usage.get(Class::Reasoning),
            },
            input_tokens: input,
            output_tokens: output,
            input_tokens_details: Kinds { image_tokens: seen, text_tokens: input.saturating_sub(seen) },
            output_tokens_details: Kinds { image_tokens: made, text_tokens: output.saturating_sub(made) },
            cost: bill.cost.to_json_number(),
            is_byok: bill.is_byok,
            cost_details: CostDetails::of(bill),
        }
    }
}
