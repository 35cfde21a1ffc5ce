//! Reads a request and words every refusal.

use serde_json::value::RawValue;

use super::size;
use crate::canonical::{ImagesRequest, Media, PartKind};
use crate::client::body::{Body, Head};
use crate::client::parts;
use crate::client::path::Path;
use crate::error::BadRequest;

const PICTURES: u32 = 10;
const REFERENCES: usize = 16;
const PARTIALS: u32 = 3;
/// Those of OpenRouter, then those that only OpenAI has or had.
const QUALITIES: [&str; 8] = ["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"];
const BACKGROUNDS: [&str; 3] = ["auto", "transparent", "opaque"];
const FORMATS: [&str; 4] = ["png", "jpeg", "webp", "svg"];

pub(super) fn read(body: &[u8]) -> Result<(Head, ImagesRequest), BadRequest> {
    let mut body = Body::of(body)?;
    let head = Head::read(&mut body)?;
    if body.word("response_format", &["b64_json", "url"])?.as_deref() == Some("url") {
        return Err(BadRequest::new(
            "`response_format` `url` is not served, as images are not kept: leave it out or send `b64_json`",
        ));
    }
    let mut request = ImagesRequest {
        model: head.model(),
        prompt: body.required_string("prompt")?,
        n: body.integer("n", 1..=PICTURES)?,
        size: body.string("size")?.filter(|size| size != "auto"),
        resolution: body.word("resolution", &size::RESOLUTIONS)?,
        aspect_ratio: body.string("aspect_ratio")?.filter(|ratio| ratio != "auto"),
        quality: body.word("quality", &QUALITIES)?,
        background: body.word("background", &BACKGROUNDS)?,
        output_format: body.word("output_format", &FORMATS)?,
        output_compression: body.integer("output_compression", 0..=100)?,
        seed: body.signed("seed")?,
        references: references(&mut body)?,
        mask: mask(&mut body)?,
        stream: body.boolean("stream")?.unwrap_or(false),
        partial_images: body.integer("partial_images", 0..=PARTIALS)?,
        user: head.user.clone(),
        options: head.options.clone(),
        extra: body.rest(),
    };
    size::settle(&mut request)?;
    if request.background.as_deref() == Some("transparent")
        && request.output_format.as_deref() == Some("jpeg")
    {
        return Err(BadRequest::new("`background` `transparent` needs an `output_format` of png or webp"));
    }
    if request.mask.is_some() && request.references.is_empty() {
        return Err(BadRequest::new("`mask` needs an image in `input_references` that it is for"));
    }
    Ok((head, request))
}

fn references(body: &mut Body<'_>) -> Result<Vec<Media>, BadRequest> {
    let path = body.path.member("input_references");
    let list = body.list("input_references", REFERENCES)?.unwrap_or_default();
    list.into_iter().enumerate().map(|(index, value)| image(value, &path.item(index))).collect()
}

fn mask(body: &mut Body<'_>) -> Result<Option<Media>, BadRequest> {
    body.raw("mask").map(|mask| image(mask, &body.path.member("mask"))).transpose()
}

/// `{"type": "image_url", "image_url": {"url": …}}`
fn image(value: &RawValue, path: &Path<'_>) -> Result<Media, BadRequest> {
    match parts::part_of(value, path)?.kind {
        PartKind::Image { source, .. } => Ok(source),
        _ => Err(path.member("type").must("be `image_url`")),
    }
}
