//! Reads answers. Nothing is finished before all of it has come, since images are paid for all or not at all.

use pricing::{Class, Usage};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::errors;
use super::no_image;
use crate::canonical::Event;
use crate::codec::StreamDecoder;
use crate::error::ProviderError;
use crate::{media, sse};

/// One event of a stream with a large image in base64.
const EVENT_LIMIT: usize = 128 * 1024 * 1024;

#[derive(Deserialize)]
struct Answer {
    data: Option<Vec<Row>>,
    output_format: Option<String>,
    usage: Option<Counts>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Row {
    b64_json: Option<String>,
    url: Option<String>,
    media_type: Option<String>,
    revised_prompt: Option<String>,
}

/// Counts in the words of OpenAI, in those of chat, or in both.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    input_tokens_details: Option<Details>,
    output_tokens_details: Option<Details>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    image_tokens: Option<u64>,
}

/// The images of an answer that came whole.
///
/// # Errors
/// [`ProviderError`] when it has none.
pub(super) fn whole(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| errors::unreadable(body))?;
    let Some(rows) = answer.data else { return Err(errors::unreadable(body)) };
    let mut events = vec![Event::Start { id: None, model: None, system_fingerprint: None }];
    let mut pictures = 0;
    for row in rows {
        let Some(url) = row.url(answer.output_format.as_deref())? else { continue };
        pictures += 1;
        events.push(Event::Image { choice: 0, url });
        if let Some(prompt) = row.revised_prompt.filter(|prompt| !prompt.is_empty()) {
            let members = Map::from_iter([("revised_prompt".to_owned(), Value::from(prompt))]);
            events.push(Event::Extra { choice: 0, members });
        }
    }
    if pictures == 0 {
        return Err(no_image());
    }
    events.push(Event::Usage(answer.usage.unwrap_or_default().tokens().with(Class::Picture, pictures)));
    events.push(Event::stop());
    Ok(events)
}

impl Row {
    /// The image as a data URL; `None` when there is none in this place.
    fn url(&self, output_format: Option<&str>) -> Result<Option<String>, ProviderError> {
        let address = self.url.as_deref().filter(|url| !url.is_empty());
        match (self.b64_json.as_deref().filter(|data| !data.is_empty()), address) {
            (Some(url), _) | (None, Some(url)) if media::data_url(url).is_some() => Ok(Some(url.to_owned())),
            (Some(data), _) => Ok(Some(data_url(data, self.media_type.as_deref(), output_format))),
            (None, Some(_)) => {
                Err(ProviderError::broken("the provider gave the address of an image, not the image"))
            }
            (None, None) => Ok(None),
        }
    }
}

/// A data URL of the type that the image's first bytes tell, else of the one that the answer names.
fn data_url(data: &str, media_type: Option<&str>, output_format: Option<&str>) -> String {
    let starts = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("UklGR", "image/webp"),
        ("R0lGOD", "image/gif"),
        ("PHN2Zy", "image/svg+xml"),
        ("PD94bWwg", "image/svg+xml"),
    ];
    let named = || match output_format {
        Some("svg") => Some("image/svg+xml"),
        Some("png") => Some("image/png"),
        Some("jpeg" | "jpg") => Some("image/jpeg"),
        Some("webp") => Some("image/webp"),
        _ => None,
    };
    let by_bytes = starts.iter().find(|(start, _)| data.starts_with(start)).map(|(_, kind)| *kind);
    let told = media_type.filter(|kind| kind.starts_with("image/"));
    let media_type = by_bytes.or(told).or_else(named).unwrap_or("application/octet-stream");
    format!("data:{media_type};base64,{data}")
}

impl Counts {
    /// Tokens as far as they are counted, without the images themselves.
    fn tokens(&self) -> Usage {
        let part = |details: &Option<Details>| details.as_ref().and_then(|details| details.image_tokens);
        let input = self.input_tokens.or(self.prompt_tokens).unwrap_or_default();
        let output = self.output_tokens.or(self.completion_tokens).unwrap_or_default();
        let seen = part(&self.input_tokens_details).or_else(|| part(&self.prompt_tokens_details));
        let made = part(&self.output_tokens_details).or_else(|| part(&self.completion_tokens_details));
        let (seen, made) = (seen.unwrap_or_default().min(input), made.unwrap_or(output).min(output));
        Usage::default()
            .with(Class::Input, input - seen)
            .with(Class::ImageInput, seen)
            .with(Class::Output, output - made)
            .with(Class::ImageOutput, made)
    }
}

/// The tokens of two images.
fn sum(one: Usage, other: &Usage) -> Usage {
    other.iter().fold(one, |sum, (class, units)| sum.with(class, sum.get(class).saturating_add(units)))
}

/// The reader of a streamed answer.
pub(super) struct Stream {
    frames: sse::Decoder,
    state: State,
}

impl Default for Stream {
    fn default() -> Self {
        Self { frames: sse::Decoder::new(EVENT_LIMIT), state: State::default() }
    }
}

#[derive(Default)]
struct State {
    pictures: u64,
    tokens: Usage,
    /// What was shown last is not finished.
    is_open: bool,
    has_failed: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Frame {
    r#type: Option<String>,
    b64_json: Option<String>,
    media_type: Option<String>,
    partial_image_index: Option<u32>,
    output_format: Option<String>,
    usage: Option<Counts>,
    error: Option<Value>,
}

impl State {
    fn take(&mut self, data: &[u8], events: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if self.has_failed || data.is_empty() || data == b"[DONE]" {
            return;
        }
        let Ok(frame) = serde_json::from_slice::<Frame>(data) else {
            return self.fail(errors::unreadable(data), events);
        };
        if let Some(error) = &frame.error {
            return self.fail(errors::inside(error), events);
        }
        let kind = frame.r#type.as_deref().unwrap_or_default();
        if kind == "error" {
            return self.fail(errors::unreadable(data), events);
        }
        let (is_partial, is_done) = (kind.ends_with(".partial_image"), kind.ends_with(".completed"));
        if !is_partial && !is_done {
            return;
        }
        let row = Row { b64_json: frame.b64_json, media_type: frame.media_type, ..Row::default() };
        let Ok(Some(url)) = row.url(frame.output_format.as_deref()) else {
            return self.fail(no_image(), events);
        };
        self.is_open = is_partial;
        if is_partial {
            let index = u32::try_from(self.pictures).unwrap_or(u32::MAX);
            events.push(Event::PartialImage { index, partial: frame.partial_image_index.unwrap_or(0), url });
            return;
        }
        self.pictures += 1;
        self.tokens = sum(self.tokens, &frame.usage.unwrap_or_default().tokens());
        events.push(Event::Image { choice: 0, url });
    }

    fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.has_failed, true) {
            events.push(Event::Failure(error));
        }
    }

    fn end(&mut self, stray: &[u8], events: &mut Vec<Event>) {
        if self.has_failed {
            return;
        }
        match stray.trim_ascii() {
            b"" if self.pictures > 0 && !self.is_open => {
                events.push(Event::Usage(self.tokens.with(Class::Picture, self.pictures)));
                events.push(Event::stop());
            }
            b"" => self.fail(ProviderError::broken("the provider's answer was cut short"), events),
            stray => self.fail(errors::unreadable(stray), events),
        }
    }
}

impl StreamDecoder for Stream {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let state = &mut self.state;
        if let Err(error) = self.frames.push(bytes, |_, data| state.take(data, events)) {
            state.fail(ProviderError::broken(&error.to_string()), events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let state = &mut self.state;
        self.frames.end(|_, data| state.take(data, events));
        self.state.end(self.frames.stray(), events);
    }
}
