//! Input, read for its shape and counted.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::client::chat::peek::parts::{Skim, Tally};
use crate::client::chat::peek::strict::Strict;
use crate::client::responses::ITEMS;

/// All input.
#[derive(Default)]
pub(super) struct Input {
    pub(super) count: usize,
    pub(super) tally: Tally,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    role: Role,
    content: Option<Content>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Role {
    System,
    Developer,
    User,
    Assistant,
}

#[derive(Deserialize)]
struct FunctionCall {
    call_id: Skim,
    name: Skim,
    #[serde(rename = "arguments")]
    _arguments: Option<Skim>,
}

#[derive(Deserialize)]
struct CustomCall {
    call_id: Skim,
    name: Skim,
    #[serde(rename = "input")]
    _input: Option<Skim>,
}

#[derive(Deserialize)]
struct CallOutput {
    call_id: Skim,
    output: Content,
}

#[derive(Deserialize)]
struct Reasoning {
    #[serde(rename = "id")]
    _id: Option<Skim>,
    #[serde(rename = "summary")]
    _summary: Option<Vec<Strict<Thought>>>,
    #[serde(rename = "content")]
    _content: Option<Vec<Strict<Thought>>>,
    #[serde(rename = "encrypted_content")]
    _encrypted_content: Option<Skim>,
    #[serde(rename = "signature")]
    _signature: Option<Skim>,
    #[serde(rename = "format")]
    _format: Option<Skim>,
}

#[derive(Deserialize)]
struct Thought {
    #[serde(rename = "text")]
    _text: Skim,
}

#[derive(Deserialize)]
struct MadeImage {
    result: Option<Skim>,
    #[serde(rename = "output_format")]
    _output_format: Option<Skim>,
}

/// What ran may have drawn something each time.
#[derive(Deserialize)]
struct Interpreted {
    outputs: Option<Vec<IgnoredAny>>,
}

#[derive(Default)]
struct Content(Tally);

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: Kind,
    text: Option<Skim>,
    refusal: Option<Skim>,
    image_url: Option<Skim>,
    file_id: Option<Skim>,
    file_data: Option<Skim>,
    file_url: Option<Skim>,
    #[serde(rename = "filename")]
    _filename: Option<Skim>,
    #[serde(rename = "detail")]
    _detail: Option<Skim>,
    input_audio: Option<Strict<Audio>>,
    video_url: Option<Skim>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    InputText,
    OutputText,
    Text,
    Refusal,
    InputImage,
    InputAudio,
    InputFile,
    InputVideo,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Audio {
    data: Skim,
    format: Skim,
}

/// What one item holds beside text; `None` when a member that its type needs is missing.
fn item(text: &str) -> serde_json::Result<Option<Tally>> {
    let head: Strict<Head> = serde_json::from_str(text)?;
    Ok(match head.kind.as_deref() {
        None | Some("message") => serde_json::from_str::<Strict<Message>>(text)?.0.tally(),
        Some("function_call") => {
            let call: Strict<FunctionCall> = serde_json::from_str(text)?;
            (!call.call_id.is_empty && !call.name.is_empty).then(Tally::default)
        }
        Some("custom_tool_call") => {
            let call: Strict<CustomCall> = serde_json::from_str(text)?;
            (!call.call_id.is_empty && !call.name.is_empty).then(Tally::default)
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            let output: Strict<CallOutput> = serde_json::from_str(text)?;
            (!output.call_id.is_empty).then_some(output.0.output.0)
        }
        Some("reasoning") => {
            serde_json::from_str::<Strict<Reasoning>>(text).map(|_| Some(Tally::default()))?
        }
        Some("computer_call_output") => Some(Tally { images: 1, ..Tally::default() }),
        Some("code_interpreter_call") => Some(serde_json::from_str::<Strict<Interpreted>>(text)?.0.tally()),
        Some("image_generation_call") => Some(serde_json::from_str::<Strict<MadeImage>>(text)?.0.tally()),
        Some("" | "item_reference") => None,
        Some(_) => Some(Tally::default()),
    })
}

impl Message {
    fn tally(self) -> Option<Tally> {
        match self.content {
            Some(content) => Some(content.0),
            None => (self.role == Role::Assistant).then(Tally::default),
        }
    }
}

impl MadeImage {
    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        if let Some(result) = &self.result {
            tally.images = 1;
            tally.image_bytes = result.bytes;
        }
        tally
    }
}

impl Interpreted {
    fn tally(&self) -> Tally {
        let outputs = self.outputs.as_ref().map_or(0, Vec::len);
        Tally { images: u32::try_from(outputs).unwrap_or(u32::MAX), ..Tally::default() }
    }
}

impl Part {
    /// Adds what this part is; false when a member it needs is missing.
    fn add_to(&self, tally: &mut Tally) -> bool {
        let filled = |member: &Option<Skim>| member.as_ref().is_some_and(|text| !text.is_empty);
        match self.kind {
            Kind::InputText | Kind::OutputText | Kind::Text => return self.text.is_some(),
            Kind::Refusal => return self.refusal.is_some(),
            Kind::InputImage => match self.image_url.as_ref().filter(|url| !url.is_empty) {
                Some(url) => tally.add_image(url),
                None => {
                    tally.images = tally.images.saturating_add(1);
                    return filled(&self.file_id);
                }
            },
            Kind::InputAudio => {
                let sound = |audio: &&Strict<Audio>| !audio.data.is_empty && !audio.format.is_empty;
                let Some(audio) = self.input_audio.as_ref().filter(sound) else { return false };
                tally.has_audio = true;
                tally.media_bytes += audio.data.bytes;
            }
            Kind::InputFile => {
                tally.has_file = true;
                tally.media_bytes += self.file_data.as_ref().map_or(0, |data| data.bytes);
                return [&self.file_data, &self.file_url, &self.file_id].into_iter().any(filled);
            }
            Kind::InputVideo => {
                let Some(video) = self.video_url.as_ref().filter(|video| !video.is_empty) else {
                    return false;
                };
                tally.has_video = true;
                tally.media_bytes += video.inline_bytes();
            }
            // Whatever it is, what it shows is counted.
            Kind::Other => {
                if self.image_url.is_some() || self.file_id.is_some() {
                    tally.images = tally.images.saturating_add(1);
                }
                tally.has_file |= self.file_data.is_some() || self.file_url.is_some();
                tally.has_video |= self.video_url.is_some();
            }
        }
        true
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of parts")
    }

    fn visit_str<E: Error>(self, _text: &str) -> Result<Content, E> {
        Ok(Content::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content, A::Error> {
        let mut tally = Tally::default();
        while let Some(part) = parts.next_element::<Strict<Part>>()? {
            if !part.add_to(&mut tally) {
                return Err(A::Error::custom("a content part lacks what its type needs"));
            }
        }
        Ok(Content(tally))
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of items")
    }

    fn visit_str<E: Error>(self, _text: &str) -> Result<Input, E> {
        Ok(Input { count: 1, tally: Tally::default() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Input, A::Error> {
        let mut input = Input::default();
        while let Some(raw) = items.next_element::<&'de RawValue>()? {
            let tally = item(raw.get()).map_err(A::Error::custom)?;
            input.tally.add(&tally.ok_or_else(|| A::Error::custom("an item lacks what its type needs"))?);
            input.count += 1;
            if input.count > ITEMS {
                return Err(A::Error::custom("there are too many items"));
            }
        }
        if input.count == 0 {
            return Err(A::Error::custom("there is no item"));
        }
        Ok(input)
    }
}
