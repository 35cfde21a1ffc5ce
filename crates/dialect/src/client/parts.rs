//! Parts of content as chat words them; other dialects take them over.

use serde_json::Value;
use serde_json::value::RawValue;

use super::path::{Members, Path};
use crate::canonical::{Media, Part, PartKind};
use crate::error::BadRequest;

/// A text, or a list of parts.
pub(super) fn content(content: Option<Value>, path: &Path<'_>) -> Result<Vec<Part>, BadRequest> {
    match content {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part { kind: PartKind::Text(text), cache_control: None }]),
        Some(Value::Array(parts)) => {
            parts.into_iter().enumerate().map(|(index, value)| part(value, &path.item(index))).collect()
        }
        Some(_) => Err(path.must("be a string or an array of parts")),
    }
}

/// One part of content that stands elsewhere.
pub(super) fn part_of(value: &RawValue, path: &Path<'_>) -> Result<Part, BadRequest> {
    part(serde_json::from_str(value.get()).map_err(|_| path.must("be an object"))?, path)
}

fn part(value: Value, path: &Path<'_>) -> Result<Part, BadRequest> {
    let kind = match value.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        _ if value.is_object() => return Err(path.member("type").must("be a string")),
        _ => return Err(path.must("be an object")),
    };
    if kind == "video_url" || kind == "input_video" {
        image(value.get("video_url").cloned(), &path.member("video_url"))?;
    }
    if !["text", "image_url", "input_audio", "file"].contains(&kind.as_str()) {
        return Ok(Part { kind: PartKind::Other(value), cache_control: None });
    }
    let mut members = Members::of(value, path)?;
    let cache_control = members.value("cache_control");
    let kind = match kind.as_str() {
        "text" => match members.string("text")? {
            Some(text) => PartKind::Text(text),
            None => return Err(path.member("text").must("be a string")),
        },
        "image_url" => image(members.value("image_url"), &path.member("image_url"))?,
        "input_audio" => audio(members.value("input_audio"), &path.member("input_audio"))?,
        _ => file(members.value("file"), &path.member("file"))?,
    };
    Ok(Part { kind, cache_control })
}

/// A URL, or an object that has it as `url`.
pub(super) fn image(value: Option<Value>, path: &Path<'_>) -> Result<PartKind, BadRequest> {
    match value {
        Some(Value::String(url)) if !url.is_empty() => {
            Ok(PartKind::Image { source: media(url), detail: None })
        }
        Some(object @ Value::Object(_)) => {
            let mut members = Members::of(object, path)?;
            Ok(PartKind::Image {
                source: media(members.required_string("url")?),
                detail: members.string("detail")?,
            })
        }
        _ => Err(path.must("be a URL or an object with a `url`")),
    }
}

fn audio(value: Option<Value>, path: &Path<'_>) -> Result<PartKind, BadRequest> {
    let mut members = Members::of(value.unwrap_or_default(), path)?;
    Ok(PartKind::Audio { data: members.required_string("data")?, format: members.required_string("format")? })
}

fn file(value: Option<Value>, path: &Path<'_>) -> Result<PartKind, BadRequest> {
    let mut members = Members::of(value.unwrap_or_default(), path)?;
    let name = members.string("filename")?;
    let source = match (members.string("file_data")?, members.string("file_id")?) {
        (Some(data), _) if data.contains(':') => media(data),
        (Some(data), _) => Media::Inline { media_type: "application/octet-stream".to_owned(), data },
        (None, Some(id)) => Media::Id(id),
        (None, None) => return Err(path.must("have `file_data` or `file_id`")),
    };
    Ok(PartKind::File { name, source })
}

/// A URL, taken apart when it is a data URL in base64.
pub(super) fn media(url: String) -> Media {
    let inline = url.strip_prefix("data:").and_then(|rest| {
        let (head, data) = rest.split_once(',')?;
        let head = head.strip_suffix(";base64")?;
        let media_type = head.split(';').next().filter(|kind| !kind.is_empty()).unwrap_or("text/plain");
        Some(Media::Inline { media_type: media_type.to_ascii_lowercase(), data: data.to_owned() })
    });
    inline.unwrap_or(Media::Url(url))
}
