//! The parts of an item's content.

use serde_json::{Value, json};

use crate::canonical::{Media, Part, PartKind, Speaker};
use crate::client::parts::media;
use crate::client::path::{Members, Path};
use crate::error::BadRequest;

/// What a message says.
#[derive(Default)]
pub(super) struct Content {
    pub(super) parts: Vec<Part>,
    pub(super) refusal: Option<String>,
}

/// Reads the content of a message; only an assistant may have said nothing.
pub(super) fn of_message(item: &mut Members<'_>, speaker: Speaker) -> Result<Content, BadRequest> {
    let path = item.path.member("content");
    let wrong = || path.must("be a string or an array of parts");
    match item.value("content") {
        None if speaker == Speaker::Assistant => Ok(Content::default()),
        Some(Value::String(text)) if text.is_empty() && speaker == Speaker::Assistant => {
            Ok(Content::default())
        }
        Some(Value::String(text)) => Ok(Content { parts: vec![plain(text)], refusal: None }),
        Some(Value::Array(list)) => {
            let mut content = Content::default();
            for (index, value) in list.into_iter().enumerate() {
                content.take(value, speaker, &path.item(index))?;
            }
            Ok(content)
        }
        _ => Err(wrong()),
    }
}

/// Reads the result of a call.
pub(super) fn of_output(item: &mut Members<'_>) -> Result<Vec<Part>, BadRequest> {
    let path = item.path.member("output");
    match item.value("output") {
        Some(Value::String(text)) => Ok(vec![plain(text)]),
        Some(Value::Array(list)) => {
            list.into_iter().enumerate().map(|(index, value)| part(value, &path.item(index))).collect()
        }
        _ => Err(path.must("be a string or an array of parts")),
    }
}

impl Content {
    fn take(&mut self, value: Value, speaker: Speaker, path: &Path<'_>) -> Result<(), BadRequest> {
        if speaker == Speaker::Assistant && value.get("type").is_some_and(|kind| kind == "refusal") {
            let text = Members::of(value, path)?.string("refusal")?;
            let text = text.ok_or_else(|| path.member("refusal").must("be a string"))?;
            self.refusal.get_or_insert_default().push_str(&text);
            return Ok(());
        }
        let part = part(value, path)?;
        let is_empty = matches!(&part.kind, PartKind::Text(text) if text.is_empty());
        if !(is_empty && speaker == Speaker::Assistant) {
            self.parts.push(part);
        }
        Ok(())
    }
}

fn plain(text: String) -> Part {
    Part { kind: PartKind::Text(text), cache_control: None }
}

fn part(value: Value, path: &Path<'_>) -> Result<Part, BadRequest> {
    let kind = match value.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        _ if value.is_object() => return Err(path.member("type").must("be a string")),
        _ => return Err(path.must("be an object")),
    };
    let known = [
        "input_text",
        "output_text",
        "text",
        "refusal",
        "input_image",
        "input_file",
        "input_audio",
        "input_video",
    ];
    if !known.contains(&kind.as_str()) {
        return Ok(Part { kind: PartKind::Other(value), cache_control: None });
    }
    let mut members = Members::of(value, path)?;
    let cache_control = marker(&mut members);
    let kind = match kind.as_str() {
        "refusal" => text(&mut members, "refusal")?,
        "input_image" => image(&mut members)?,
        "input_file" => file(&mut members)?,
        "input_audio" => audio(&mut members)?,
        "input_video" => {
            let url = members.required_string("video_url")?;
            PartKind::Other(json!({"type": "video_url", "video_url": {"url": url}}))
        }
        _ => text(&mut members, "text")?,
    };
    Ok(Part { kind, cache_control })
}

/// The prompt-cache marker, by either of its names.
fn marker(members: &mut Members<'_>) -> Option<Value> {
    let breakpoint = members.value("prompt_cache_breakpoint");
    members.value("cache_control").or_else(|| breakpoint.map(|_| json!({"type": "ephemeral"})))
}

fn text(members: &mut Members<'_>, name: &str) -> Result<PartKind, BadRequest> {
    match members.string(name)? {
        Some(text) => Ok(PartKind::Text(text)),
        None => Err(members.path.member(name).must("be a string")),
    }
}

fn image(members: &mut Members<'_>) -> Result<PartKind, BadRequest> {
    let url = members.string("image_url")?.filter(|url| !url.is_empty());
    let id = members.string("file_id")?.filter(|id| !id.is_empty());
    let source = match (url, id) {
        (Some(url), _) => media(url),
        (None, Some(id)) => Media::Id(id),
        (None, None) => return Err(members.path.must("have an `image_url` or a `file_id`")),
    };
    Ok(PartKind::Image { source, detail: members.string("detail")? })
}

fn file(members: &mut Members<'_>) -> Result<PartKind, BadRequest> {
    let name = members.string("filename")?;
    let mut filled = |name: &str| Ok(members.string(name)?.filter(|text| !text.is_empty()));
    let (data, url, id) = (filled("file_data")?, filled("file_url")?, filled("file_id")?);
    let source = match (data, url, id) {
        (Some(data), ..) if data.contains(':') => media(data),
        (Some(data), ..) => Media::Inline { media_type: "application/octet-stream".to_owned(), data },
        (None, Some(url), _) => media(url),
        (None, None, Some(id)) => Media::Id(id),
        (None, None, None) => {
            return Err(members.path.must("have `file_data`, a `file_url` or a `file_id`"));
        }
    };
    Ok(PartKind::File { name, source })
}

fn audio(members: &mut Members<'_>) -> Result<PartKind, BadRequest> {
    let path = members.path.member("input_audio");
    let mut audio = Members::of(members.value("input_audio").unwrap_or_default(), &path)?;
    Ok(PartKind::Audio { data: audio.required_string("data")?, format: audio.required_string("format")? })
}
