//! Writes requests: JSON for images from nothing, a form for images from images.

use serde_json::{Value, json};

use super::super::form::Form;
use super::super::outgoing::{Outgoing, encoded, options};
use super::super::quirks::Quirks;
use super::size::{self, Known};
use crate::canonical::{ImagesRequest, Media};
use crate::codec::{Encoded, Target};
use crate::end_user;
use crate::error::BadRequest;
use crate::media;

/// Members beside those of the canonical request that cost nothing.
const FREE: [&str; 2] = ["moderation", "style"];

pub(super) fn encode(request: &ImagesRequest, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let quirks = Quirks::of(target);
    let mut body = members(request, target, quirks);
    let is_streamed = request.stream && quirks.has("image_stream");
    let accept = if is_streamed { "text/event-stream" } else { "application/json" };
    if is_streamed {
        body.set("stream", true);
        body.set_some(
            "partial_images",
            request.partial_images.filter(|_| quirks.lists("accepts", "partial_images")),
        );
    }
    let as_json = quirks.is("image_references", "input_references");
    if as_json && request.mask.is_some() {
        return Err(BadRequest::new(
            "this endpoint takes no `mask`: say in the prompt what is to be changed",
        ));
    }
    if as_json && !request.references.is_empty() {
        body.set("input_references", request.references.iter().map(reference).collect::<Vec<_>>());
    }
    if as_json || request.references.is_empty() {
        return body.into_json("images/generations", accept);
    }
    body.finish();
    let (content_type, form) = form(request, &body)?.finish()?;
    Ok(encoded(quirks, "images/edits", content_type, accept, form))
}

/// The members, the images to start from and the mask.
fn form(request: &ImagesRequest, body: &Outgoing<'_>) -> Result<Form, BadRequest> {
    let mut form = Form::default();
    body.members.iter().for_each(|(name, value)| form.member(name, value));
    let name = if request.references.len() == 1 { "image" } else { "image[]" };
    for (index, image) in request.references.iter().enumerate() {
        add(&mut form, name, &format!("image-{index}"), image)?;
    }
    if let Some(mask) = &request.mask {
        add(&mut form, "mask", "mask", mask)?;
    }
    Ok(form)
}

fn members<'a>(request: &ImagesRequest, target: &Target<'a>, quirks: Quirks<'a>) -> Outgoing<'a> {
    let mut body = Outgoing::new(target);
    let taken = |name: &'static str, value: &Option<String>| value.clone().filter(|_| target.takes(name));
    let is_named = |name: &str| {
        quirks.lists("accepts", name) || (!target.supported_parameters.is_empty() && target.takes(name))
    };
    body.set("prompt", request.prompt.as_str());
    body.set_some("n", request.n.filter(|n| *n > 1 && target.takes("n")));
    body.set_some("quality", taken("quality", &request.quality));
    body.set_some("background", taken("background", &request.background));
    body.set_some("output_format", taken("output_format", &request.output_format));
    body.set_some(
        "output_compression",
        request.output_compression.filter(|_| target.takes("output_compression")),
    );
    body.set_some("seed", request.seed.filter(|_| is_named("seed")));
    // Some endpoints know the names of resolutions and ratios; the others are told pixels.
    let names = ["resolution", "aspect_ratio"].map(|name| quirks.lists("accepts", name));
    body.set_some("resolution", request.resolution.clone().filter(|_| names[0]));
    body.set_some("aspect_ratio", request.aspect_ratio.clone().filter(|_| names[1]));
    if names == [false, false] || request.size.is_some() {
        body.set_some("size", size::chosen(request, &known_sizes(quirks)));
    }
    body.set_some("response_format", quirks.text("image_response_format"));
    body.set_some("user", request.user.as_deref().map(end_user::hashed));
    for (name, value) in
        request.extra.iter().filter(|(name, _)| FREE.contains(&name.as_str()) && target.takes(name))
    {
        body.set(name, value.clone());
    }
    body.add_accepted(options(&request.options, target));
    body.add_accepted(&request.extra);
    body
}

fn known_sizes(quirks: Quirks<'_>) -> Known<'_> {
    let listed: Vec<&str> = quirks.list("image_sizes").collect();
    match listed.is_empty() {
        false => Known::Listed(listed),
        true if quirks.is("image_sizes", "any") => Known::Any,
        true => Known::Usual,
    }
}

/// An image as OpenRouter takes it.
fn reference(image: &Media) -> Value {
    let url = match image {
        Media::Url(url) | Media::Id(url) => url.clone(),
        Media::Inline { media_type, data } => format!("data:{media_type};base64,{data}"),
    };
    json!({"type": "image_url", "image_url": {"url": url}})
}

fn add(form: &mut Form, name: &str, file_name: &str, image: &Media) -> Result<(), BadRequest> {
    let Media::Inline { media_type, data } = image else {
        return Err(BadRequest::new("this endpoint needs the images themselves: send data URLs"));
    };
    let bytes = media::bytes(data)
        .ok_or_else(|| BadRequest::new("a data URL of an image must hold base64 without line breaks"))?;
    let end = media_type.rsplit('/').next().unwrap_or("png");
    form.file(name, &format!("{file_name}.{end}"), media_type, bytes);
    Ok(())
}
