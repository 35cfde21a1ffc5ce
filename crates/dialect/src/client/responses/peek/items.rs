//! Input, read for its shape and counted.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::client::opening::{Opening, Side};
use crate::client::responses::ITEMS;
use crate::client::skim::{Skim, fingerprint};
use crate::client::strict::Strict;
use crate::client::turns::{self, Audio, Content};
use crate::client::weight::Weight;

/// All input.
#[derive(Default)]
pub(super) struct Input {
    pub(super) count: usize,
    pub(super) weight: Weight,
    pub(super) opening: Opening,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    role: Role,
    content: Option<Content<Part>>,
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
    output: Content<Part>,
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

/// Whose one item is, and what it holds; `None` when a member that its type needs is missing.
fn item(text: &str) -> serde_json::Result<Option<(Side, Weight)>> {
    let head: Strict<Head> = serde_json::from_str(text)?;
    if matches!(head.kind.as_deref(), None | Some("message")) {
        let message = serde_json::from_str::<Strict<Message>>(text)?.0;
        let side = message.side();
        return Ok(message.weight().map(|weight| (side, weight)));
    }
    Ok(further(head.kind.as_deref(), text)?.map(|weight| (Side::Other, weight)))
}

/// [`item`] of anything but a message.
fn further(kind: Option<&str>, text: &str) -> serde_json::Result<Option<Weight>> {
    Ok(match kind {
        Some("function_call") => {
            let call: Strict<FunctionCall> = serde_json::from_str(text)?;
            (!call.call_id.is_empty && !call.name.is_empty).then(Weight::default)
        }
        Some("custom_tool_call") => {
            let call: Strict<CustomCall> = serde_json::from_str(text)?;
            (!call.call_id.is_empty && !call.name.is_empty).then(Weight::default)
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            let output: Strict<CallOutput> = serde_json::from_str(text)?;
            (!output.call_id.is_empty).then_some(output.0.output.weight)
        }
        Some("reasoning") => {
            serde_json::from_str::<Strict<Reasoning>>(text).map(|_| Some(Weight::default()))?
        }
        Some("computer_call_output") => Some(Weight { images: 1, ..Weight::default() }),
        Some("code_interpreter_call") => Some(serde_json::from_str::<Strict<Interpreted>>(text)?.0.weight()),
        Some("image_generation_call") => Some(serde_json::from_str::<Strict<MadeImage>>(text)?.0.weight()),
        None | Some("" | "item_reference") => None,
        Some(_) => Some(Weight::default()),
    })
}

impl Message {
    fn side(&self) -> Side {
        match self.role {
            Role::System | Role::Developer => Side::System,
            Role::Assistant => Side::Assistant,
            Role::User => Side::Other,
        }
    }

    fn weight(self) -> Option<Weight> {
        match self.content {
            Some(content) => Some(content.weight),
            None => (self.role == Role::Assistant).then(Weight::default),
        }
    }
}

impl MadeImage {
    fn weight(&self) -> Weight {
        let mut weight = Weight::default();
        if let Some(result) = &self.result {
            weight.images = 1;
            weight.image_bytes = result.bytes;
        }
        weight
    }
}

impl Interpreted {
    fn weight(&self) -> Weight {
        let outputs = self.outputs.as_ref().map_or(0, Vec::len);
        Weight { images: u32::try_from(outputs).unwrap_or(u32::MAX), ..Weight::default() }
    }
}

impl turns::Part for Part {
    fn add_to(&self, weight: &mut Weight) -> bool {
        let filled = |member: &Option<Skim>| member.as_ref().is_some_and(|text| !text.is_empty);
        match self.kind {
            Kind::InputText | Kind::OutputText | Kind::Text => {
                return self.text.as_ref().is_some_and(|text| text.add_to(weight));
            }
            Kind::Refusal => return self.refusal.is_some(),
            Kind::InputImage => match self.image_url.as_ref().filter(|url| !url.is_empty) {
                Some(url) => weight.add_image_url(url),
                None => {
                    weight.images = weight.images.saturating_add(1);
                    return filled(&self.file_id);
                }
            },
            Kind::InputAudio => {
                return self.input_audio.as_ref().is_some_and(|audio| audio.add_to(weight));
            }
            Kind::InputFile => {
                weight.has_file = true;
                weight.media_bytes += self.file_data.as_ref().map_or(0, |data| data.bytes);
                return [&self.file_data, &self.file_url, &self.file_id].into_iter().any(filled);
            }
            Kind::InputVideo => {
                let Some(video) = self.video_url.as_ref().filter(|video| !video.is_empty) else {
                    return false;
                };
                weight.has_video = true;
                weight.media_bytes += video.inline_bytes();
            }
            // Whatever it is, what it shows is counted.
            Kind::Other => {
                if self.image_url.is_some() || self.file_id.is_some() {
                    weight.images = weight.images.saturating_add(1);
                }
                weight.has_file |= self.file_data.is_some() || self.file_url.is_some();
                weight.has_video |= self.video_url.is_some();
            }
        }
        true
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

    fn visit_str<E: Error>(self, text: &str) -> Result<Input, E> {
        let weight = Weight::of_text(fingerprint(text));
        let mut opening = Opening::default();
        opening.add(Side::Other, &weight);
        Ok(Input { count: 1, weight, opening })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Input, A::Error> {
        let mut input = Input::default();
        while let Some(raw) = items.next_element::<&'de RawValue>()? {
            let item = item(raw.get()).map_err(A::Error::custom)?;
            let (side, weight) = item.ok_or_else(|| A::Error::custom("an item lacks what its type needs"))?;
            input.opening.add(side, &weight);
            input.weight.add(&weight);
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
