//! Pictures from words, and from pictures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::Usage;
use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::job::{Bench, Form, Job, Made};
use crate::picture;
use crate::prepare::Arrived;
use crate::seed::hash_text;
use crate::stamp::Stamp;
use crate::wire::named_event;

/// What a picture that is sent costs.
const INPUT_IMAGE: u64 = 323;
/// What a picture on the way costs.
const PARTIAL: u64 = 100;
const MOST: u64 = 10;
const MOST_PARTIALS: u64 = 3;

struct Picture {
    model: String,
    prompt: String,
    count: u64,
    size: String,
    quality: String,
    background: String,
    output_format: String,
    /// Pictures that came with the request.
    inputs: u64,
    edit: bool,
    /// How many pictures on the way; nothing when it is not streamed.
    partials: Option<u64>,
    /// A link rather than the picture, as the models before do.
    url: bool,
}

/// # Errors
/// [`Failure`] as OpenAI would answer.
pub(crate) fn images(body: &Value) -> Result<Box<dyn Job>, Failure> {
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    picture(&text, body["n"].as_u64(), body["stream"] == true, body["partial_images"].as_u64(), None)
}

/// # Errors
/// [`Failure`] as OpenAI would answer.
pub(crate) fn image_edits(arrived: &Arrived) -> Result<Box<dyn Job>, Failure> {
    let form = &arrived.payload;
    let body = form.value().unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let number = |name: &str| text(name).and_then(|value| value.parse().ok()).or(body[name].as_u64());
    // The newest shape is JSON with links and files.
    let linked = body["images"].as_array().map_or(0, Vec::len);
    let inputs = (form.files("image").count() + linked) as u64;
    if inputs == 0 {
        return Err(Failure::bad("Missing required parameter: 'image'.")
            .param("image")
            .code("missing_required_parameter"));
    }
    let stream = body["stream"] == true || body["stream"] == "true";
    picture(&text, number("n"), stream, number("partial_images"), Some(inputs))
}

fn picture(
    text: &impl Fn(&str) -> Option<String>,
    count: Option<u64>,
    stream: bool,
    partials: Option<u64>,
    inputs: Option<u64>,
) -> Result<Box<dyn Job>, Failure> {
    let Some(prompt) = text("prompt").filter(|prompt| !prompt.is_empty()) else {
        return Err(Failure::bad("Missing required parameter: 'prompt'.")
            .param("prompt")
            .code("missing_required_parameter"));
    };
    let model = text("model").unwrap_or_else(|| "gpt-image-1".to_owned());
    let count = count.unwrap_or(1);
    if count == 0 || count > MOST {
        return Err(Failure::bad("Invalid 'n': expected a value between 1 and 10.").param("n"));
    }
    let old = model.starts_with("dall-e");
    if !old && text("response_format").is_some() {
        return Err(Failure::bad("Unknown parameter: 'response_format'.")
            .param("response_format")
            .code("unknown_parameter"));
    }
    let partials = partials.unwrap_or(0);
    if partials > MOST_PARTIALS {
        let message = "Invalid 'partial_images': expected a value between 0 and 3.";
        return Err(Failure::bad(message).param("partial_images"));
    }
    let named = |name: &str, usual: &str| {
        let value = text(name).filter(|value| value != "auto" && !value.is_empty());
        value.unwrap_or_else(|| usual.to_owned())
    };
    Ok(Box::new(Picture {
        count,
        size: named("size", "1024x1024"),
        quality: named("quality", "medium"),
        background: named("background", "opaque"),
        output_format: named("output_format", "png"),
        inputs: inputs.unwrap_or(0),
        edit: inputs.is_some(),
        partials: stream.then_some(partials),
        url: old && text("response_format").as_deref() != Some("b64_json"),
        model,
        prompt,
    }))
}

impl Picture {
    /// What one picture costs, by quality and size.
    fn tokens(&self) -> u64 {
        let square = self.size == "1024x1024";
        match (self.quality.as_str(), square) {
            ("low", true) => 272,
            ("low", false) => 408,
            ("high" | "hd", true) => 4160,
            ("high" | "hd", false) => 6240,
            (_, true) => 1056,
            (_, false) => 1584,
        }
    }

    fn usage(&self, bench: &Bench<'_>) -> Usage {
        let image = self.inputs * INPUT_IMAGE;
        let partial = self.partials.unwrap_or(0) * PARTIAL;
        let completion = self.count * (self.tokens() + partial);
        Usage {
            prompt: bench.tokenizer.count(&self.prompt) + image,
            media: image,
            completion,
            completion_image: completion,
            images: self.count,
            ..Usage::default()
        }
    }

    fn png(&self, number: u64) -> String {
        let seed = hash_text(&self.prompt) ^ hash_text(&self.model) ^ number.rotate_left(32);
        STANDARD.encode(picture::png(seed, picture::SIDE, picture::SIDE))
    }

    fn entry(&self, number: u64, stamp: &Stamp) -> Value {
        if self.url {
            let url = format!(
                "https://images.simulated.invalid/{}.png",
                stamp.part_id("img-", usize::try_from(number).unwrap_or(0))
            );
            return json!({"url": url, "revised_prompt": self.prompt});
        }
        json!({"b64_json": self.png(number)})
    }

    fn about(&self, stamp: &Stamp) -> Value {
        json!({"created_at": stamp.seconds(), "size": self.size, "quality": self.quality,
            "background": self.background, "output_format": self.output_format})
    }

    fn event(&self, word: &str, number: u64, stamp: &Stamp, more: &[(&str, Value)]) -> Bytes {
        let kind = format!("{}.{word}", if self.edit { "image_edit" } else { "image_generation" });
        let mut data = self.about(stamp);
        data["type"] = json!(kind);
        data["b64_json"] = json!(self.png(number));
        for (name, value) in more {
            data[*name] = value.clone();
        }
        named_event(&kind, &data).into()
    }

    fn streamed(&self, partials: u64, usage: &Usage, bench: &Bench<'_>) -> Form {
        let mut pieces = Vec::new();
        for number in 0..self.count {
            for index in 0..partials {
                let event = self.event(
                    "partial_image",
                    number + 1000 * (index + 1),
                    bench.stamp,
                    &[("partial_image_index", json!(index))],
                );
                pieces.push((event, PARTIAL));
            }
            let said: Vec<(&str, Value)> =
                bench.shows_usage().then(|| ("usage", native(usage))).into_iter().collect();
            pieces.push((self.event("completed", number, bench.stamp, &said), self.tokens()));
        }
        Form::Pieces { pieces, error: Some(Dialect::OpenAi) }
    }
}

/// Usage as the newer image models say it.
fn native(usage: &Usage) -> Value {
    json!({"input_tokens": usage.prompt, "output_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "input_tokens_details": {"text_tokens": usage.prompt - usage.media, "image_tokens": usage.media},
        "output_tokens_details": {"text_tokens": 0, "image_tokens": usage.completion_image}})
}

impl Job for Picture {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        &self.prompt
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        if bench.script.refusal == Some(true) {
            let message = "Your request was rejected by the safety system.";
            return Err(Failure::bad(message).code("moderation_blocked"));
        }
        let old = self.model.starts_with("dall-e");
        let mut usage = self.usage(bench);
        if old {
            usage = Usage { images: self.count, ..Usage::default() };
        }
        let says_usage = bench.shows_usage() && !old;
        if let Some(partials) = self.partials {
            return Ok(Made {
                form: self.streamed(partials, &usage, bench),
                content_type: "text/event-stream; charset=utf-8",
                usage,
                says_usage,
                headers: Vec::new(),
            });
        }
        let data: Vec<Value> = (0..self.count).map(|number| self.entry(number, bench.stamp)).collect();
        let mut body = json!({"created": bench.stamp.seconds(), "data": data});
        if !old {
            for name in ["size", "quality", "background", "output_format"] {
                body[name] = self.about(bench.stamp)[name].clone();
            }
        }
        if says_usage {
            body["usage"] = native(&usage);
        }
        Ok(Made::json(&body, usage, says_usage))
    }
}
