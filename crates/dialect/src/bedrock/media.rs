//! Images, documents, audio and video of a request: inline, in the formats that the provider has words for.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::canonical::Media;
use crate::error::{BadRequest, ErrorType};
use crate::media;

/// Characters of a document's name at most.
const NAME_LENGTH: usize = 200;

#[derive(Debug, Serialize)]
pub(super) struct Item<'a> {
    pub(super) format: &'static str,
    pub(super) source: Source<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<&'static str>,
    pub(super) source: Source<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) citations: Option<&'a Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Source<'a> {
    /// Base64.
    Bytes(Cow<'a, str>),
    Text(&'a str),
}

/// A medium of a request, of any kind.
#[derive(Debug)]
pub(super) enum Medium<'a> {
    Image(Item<'a>),
    Document(Document<'a>),
    Audio(Item<'a>),
    Video(Item<'a>),
}

/// The names of the documents so far: the provider wants each once, and of plain characters.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    fn taken(&mut self, wanted: Option<&str>) -> String {
        let stem = wanted.map(plain).filter(|name| !name.is_empty()).unwrap_or_else(|| "document".to_owned());
        let mut name = stem.clone();
        for ordinal in 2_u32.. {
            if !self.0.contains(&name) {
                break;
            }
            name = format!("{stem} {ordinal}");
        }
        self.0.push(name.clone());
        name
    }
}

/// Letters, digits, single spaces, hyphens, parentheses and brackets are taken.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.chars().take(NAME_LENGTH - 10) {
        match c {
            c if c.is_ascii_alphanumeric() || "()[]-".contains(c) => plain.push(c),
            c if c.is_whitespace() || c.is_ascii_punctuation() => {
                if !plain.ends_with(' ') {
                    plain.push(' ');
                }
            }
            _ => plain.push('-'),
        }
    }
    plain.trim().to_owned()
}

pub(super) fn image(source: &Media) -> Result<Medium<'_>, BadRequest> {
    let (media_type, data) = inline(source)?;
    Ok(Medium::Image(Item { format: image_format(media_type)?, source: Source::Bytes(data.into()) }))
}

/// A file, which may be an image, a recording or a video as well as a document.
pub(super) fn file<'a>(
    name: Option<&str>,
    source: &'a Media,
    names: &mut Names,
) -> Result<Medium<'a>, BadRequest> {
    let (media_type, data) = inline(source)?;
    let media_type = media::known_type(media_type, data, name);
    let bytes = Source::Bytes(data.into());
    match media_type.split_once('/') {
        Some(("image", _)) => Ok(Medium::Image(Item { format: image_format(media_type)?, source: bytes })),
        Some(("audio", format)) => audio_of(format, data),
        Some(("video", format)) => Ok(Medium::Video(Item { format: video_format(format)?, source: bytes })),
        _ => {
            let format = document_format(media_type).ok_or_else(|| unsupported(media_type))?;
            let name = names.taken(name);
            let document =
                Document { name, format: Some(format), source: bytes, context: None, citations: None };
            Ok(Medium::Document(document))
        }
    }
}

pub(super) fn audio<'a>(format: &str, data: &'a str) -> Result<Medium<'a>, BadRequest> {
    audio_of(format, data)
}

/// A kind of part that chat has no field for: a video, or a document as Anthropic's clients send it.
pub(super) fn other<'a>(value: &'a Value, names: &mut Names) -> Result<Medium<'a>, BadRequest> {
    let kind = value["type"].as_str().unwrap_or_default();
    let video = value.get("video_url").and_then(|video| video.get("url").unwrap_or(video).as_str());
    if let Some(url) = video {
        let (media_type, data) = media::data_url(url).ok_or_else(remote)?;
        let format = video_format(media_type.strip_prefix("video/").unwrap_or(media_type))?;
        return Ok(Medium::Video(Item { format, source: Source::Bytes(data.into()) }));
    }
    if kind != "document" {
        return Err(unsupported(kind));
    }
    let source = &value["source"];
    let data = source["data"].as_str().ok_or_else(remote)?;
    let media_type = source["media_type"].as_str().unwrap_or("application/pdf");
    let (format, source) = match source["type"].as_str() {
        Some("text") => (Some("txt"), Source::Text(data)),
        Some("base64") => {
            let format = document_format(media_type).ok_or_else(|| unsupported(media_type))?;
            (Some(format), Source::Bytes(data.into()))
        }
        _ => return Err(remote()),
    };
    Ok(Medium::Document(Document {
        name: names.taken(value["title"].as_str()),
        format,
        source,
        context: value["context"].as_str().filter(|context| !context.is_empty()),
        citations: value.get("citations").filter(|citations| citations.is_object()),
    }))
}

fn audio_of<'a>(format: &str, data: &'a str) -> Result<Medium<'a>, BadRequest> {
    let format = match format {
        "mp3" | "mpeg" => "mp3",
        "wav" | "x-wav" | "wave" => "wav",
        "flac" => "flac",
        "ogg" => "ogg",
        "opus" => "opus",
        "aac" => "aac",
        "m4a" | "mp4" => "m4a",
        "pcm16" | "pcm" => "pcm",
        "webm" => "webm",
        other => return Err(unsupported(&format!("audio/{other}"))),
    };
    Ok(Medium::Audio(Item { format, source: Source::Bytes(data.into()) }))
}

/// The media type and the base64 data of a medium that is here: the provider fetches none, and places in its
/// own storage are the operator's, not the client's.
fn inline(source: &Media) -> Result<(&str, &str), BadRequest> {
    match source {
        Media::Inline { media_type, data } => Ok((media_type, data)),
        Media::Url(url) => media::data_url(url).ok_or_else(remote),
        Media::Id(_) => Err(remote()),
    }
}

fn remote() -> BadRequest {
    BadRequest {
        error_type: ErrorType::InvalidImage,
        message: "this model takes media only inline: send `data:<media type>;base64,<data>`".to_owned(),
    }
}

fn image_format(media_type: &str) -> Result<&'static str, BadRequest> {
    match media_type {
        "image/png" => Ok("png"),
        "image/jpeg" | "image/jpg" => Ok("jpeg"),
        "image/gif" => Ok("gif"),
        "image/webp" => Ok("webp"),
        other => Err(BadRequest {
            error_type: ErrorType::UnsupportedImageFormat,
            message: format!("this model takes images as PNG, JPEG, GIF or WebP, not as `{other}`"),
        }),
    }
}

fn video_format(format: &str) -> Result<&'static str, BadRequest> {
    Ok(match format {
        "mp4" => "mp4",
        "quicktime" | "mov" => "mov",
        "webm" => "webm",
        "x-matroska" | "mkv" => "mkv",
        "x-flv" | "flv" => "flv",
        "mpeg" | "mpg" => "mpeg",
        "x-ms-wmv" | "wmv" => "wmv",
        "3gpp" => "three_gp",
        other => return Err(unsupported(&format!("video/{other}"))),
    })
}

fn document_format(media_type: &str) -> Option<&'static str> {
    Some(match media_type {
        "application/pdf" => "pdf",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "text/html" => "html",
        "text/markdown" => "md",
        text if text.starts_with("text/") => "txt",
        _ => return None,
    })
}

fn unsupported(kind: &str) -> BadRequest {
    BadRequest::new(format!("this model cannot take content of type `{kind}`"))
}
