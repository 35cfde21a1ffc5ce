//! Parts of a turn.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::canonical::{Media, Message, Part as Piece, PartKind};
use crate::error::{BadRequest, ErrorType};
use crate::media;

/// One part: exactly one of its kinds is set.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inline_data: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<FunctionCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_response: Option<FunctionResponse<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    mime_type: Cow<'a, str>,
    data: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    file_uri: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) args: Box<RawValue>,
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: &'a str,
    /// An object.
    pub(super) response: Value,
    /// The place of the call among all calls so far; answers go in the order of the calls.
    #[serde(skip)]
    pub(super) place: usize,
}

impl<'a> Part<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    fn inline(mime_type: impl Into<Cow<'a, str>>, data: &'a str) -> Self {
        Self { inline_data: Some(Blob { mime_type: mime_type.into(), data }), ..Self::default() }
    }

    fn file(mime_type: Option<&'a str>, file_uri: &'a str) -> Self {
        Self { file_data: Some(File { mime_type, file_uri }), ..Self::default() }
    }
}

/// Everything in a turn's content, with the speaker's name before the first words: the provider has no
/// member for it.
pub(super) fn of_content(message: &Message) -> Result<Vec<Part<'_>>, BadRequest> {
    let mut parts = Vec::new();
    for piece in &message.content {
        parts.extend(part(piece)?);
    }
    let name = message.name.as_deref().filter(|name| !name.is_empty());
    if let (Some(name), Some(text)) = (name, parts.iter_mut().find_map(|part| part.text.as_mut())) {
        *text = format!("{name}: {text}").into();
    }
    Ok(parts)
}

/// Media of a turn's content.
pub(super) fn of_media(message: &Message) -> Result<Vec<Part<'_>>, BadRequest> {
    let media = message.content.iter().filter(|piece| !matches!(piece.kind, PartKind::Text(_)));
    media.filter_map(|piece| part(piece).transpose()).collect()
}

/// All text of a turn's content in one.
pub(super) fn text_of(message: &Message) -> Cow<'_, str> {
    let mut texts = message.content.iter().filter_map(|piece| match &piece.kind {
        PartKind::Text(text) => Some(text.as_str()),
        _ => None,
    });
    match (texts.next(), texts.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(only), None) => Cow::Borrowed(only),
        (Some(first), Some(second)) => {
            let mut text = format!("{first}{second}");
            text.extend(texts);
            Cow::Owned(text)
        }
    }
}

/// One part of a turn's content; blank text is none.
pub(super) fn part(piece: &Piece) -> Result<Option<Part<'_>>, BadRequest> {
    Ok(Some(match &piece.kind {
        PartKind::Text(text) if text.is_empty() => return Ok(None),
        PartKind::Text(text) => Part::text(text.as_str()),
        PartKind::Image { source, .. } => of_source(source, Some("image/jpeg"))?,
        PartKind::File { name, source } => of_file(name.as_deref(), source)?,
        PartKind::Audio { data, format } => Part::inline(media::audio_type(format), data),
        PartKind::Other(value) => of_other(value)?,
    }))
}

/// `otherwise`: the media type when the place does not tell it.
pub(super) fn of_source<'a>(
    source: &'a Media,
    otherwise: Option<&'static str>,
) -> Result<Part<'a>, BadRequest> {
    match source {
        Media::Inline { media_type, data } => Ok(Part::inline(media_type.as_str(), data)),
        Media::Url(url) | Media::Id(url) => of_url(url, otherwise),
    }
}

fn of_file<'a>(name: Option<&str>, source: &'a Media) -> Result<Part<'a>, BadRequest> {
    match source {
        Media::Inline { media_type, data } => {
            Ok(Part::inline(media::known_type(media_type, data, name), data))
        }
        source => of_source(source, Some("application/pdf")),
    }
}

fn of_url<'a>(url: &'a str, otherwise: Option<&'static str>) -> Result<Part<'a>, BadRequest> {
    // The provider would open it with the endpoint's own rights, not with the client's.
    if url.starts_with("gs://") {
        return Err(BadRequest {
            error_type: ErrorType::ImageDownloadFailed,
            message: "media must be sent inline or by an `https` URL".to_owned(),
        });
    }
    if !url.starts_with("data:") {
        return Ok(Part::file(media::type_of_url(url).or(otherwise), url));
    }
    let (media_type, data) = media::data_url(url).ok_or_else(|| BadRequest {
        error_type: ErrorType::InvalidImage,
        message: "a data URL must be `data:<media type>;base64,<data>`".to_owned(),
    })?;
    Ok(Part::inline(media_type, data))
}

/// Video, which chat knows by this name; the provider finds out the type of a video page itself.
fn of_other(value: &Value) -> Result<Part<'_>, BadRequest> {
    let video = value.get("video_url").and_then(|video| video.get("url").unwrap_or(video).as_str());
    match video {
        Some(url) => of_url(url, None),
        None => {
            let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
            Err(BadRequest::new(format!("this model cannot take content of type `{kind}`")))
        }
    }
}
