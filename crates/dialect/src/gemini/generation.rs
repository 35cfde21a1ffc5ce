//! The `generationConfig` of a request.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{generation_of, thinking, tools};
use crate::canonical::{Request, ResponseFormat};
use crate::codec::Target;
use crate::error::BadRequest;

/// Stop sequences that the provider takes at most.
const STOP_SEQUENCES: usize = 5;

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    response_modalities: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speech_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Value>,
}

impl GenerationConfig<'_> {
    pub(super) fn is_empty(&self) -> bool {
        *self == GenerationConfig::default()
    }
}

/// Reads what a request says of the generation.
///
/// # Errors
/// [`BadRequest`] when a model that always thinks is asked not to.
pub(super) fn config<'a>(
    request: &'a Request,
    target: &Target<'_>,
    has_tools: bool,
) -> Result<GenerationConfig<'a>, BadRequest> {
    let most = target.max_output.unwrap_or(u64::MAX);
    let mut config = GenerationConfig {
        max_output_tokens: request.max_tokens.map(|asked| asked.min(most)),
        candidate_count: request.n.filter(|n| *n > 1),
        thinking_config: thinking::config(request, target)?,
        response_modalities: modalities(request),
        image_config: image_config(request),
        speech_config: request.extra.get("audio").and_then(|audio| speech_config(audio["voice"].as_str()?)),
        ..GenerationConfig::default()
    };
    set_sampling(&mut config, request, target);
    set_format(&mut config, request, target, has_tools);
    if target.takes("stop") {
        let stops = request.stop.iter().map(String::as_str).filter(|stop| !stop.is_empty());
        config.stop_sequences = stops.take(STOP_SEQUENCES).collect();
    }
    if request.extra.get("logprobs") == Some(&Value::Bool(true)) && target.takes("logprobs") {
        config.response_logprobs = Some(true);
        config.logprobs = request.extra.get("top_logprobs").and_then(Value::as_u64);
    }
    Ok(config)
}

fn set_sampling(config: &mut GenerationConfig<'_>, request: &Request, target: &Target<'_>) {
    if target.takes("seed") {
        config.seed = request.seed.map(seed);
    }
    if target.quirk("sampling_params") == Some(false) {
        return;
    }
    let taken = |value: Option<f64>, name: &str| value.filter(|_| target.takes(name));
    config.temperature = taken(request.temperature, "temperature").map(|value| value.clamp(0.0, 2.0));
    config.top_p = taken(request.top_p, "top_p");
    config.top_k = request.top_k.filter(|_| target.takes("top_k"));
    config.presence_penalty = taken(request.presence_penalty, "presence_penalty");
    config.frequency_penalty = taken(request.frequency_penalty, "frequency_penalty");
}

/// The provider's seeds have 32 bits; larger ones fold, so that equal seeds stay equal.
fn seed(seed: i64) -> i32 {
    i32::try_from(seed).or_else(|_| i32::try_from(seed.rem_euclid(i64::from(i32::MAX)))).unwrap_or_default()
}

/// Before the third generation a model with functions cannot be held to JSON as well: the functions win.
fn set_format(config: &mut GenerationConfig<'_>, request: &Request, target: &Target<'_>, has_tools: bool) {
    let is_old = generation_of(target.provider_model).is_some_and(|generation| generation < 3);
    let takes_format = target.takes("response_format") || target.takes("structured_outputs");
    if !takes_format || (has_tools && is_old) {
        return;
    }
    match &request.response_format {
        Some(ResponseFormat::JsonObject) => config.response_mime_type = Some("application/json"),
        Some(ResponseFormat::JsonSchema { schema, .. }) => {
            config.response_mime_type = Some("application/json");
            config.response_json_schema =
                schema.as_object().filter(|members| !members.is_empty()).map(|_| tools::schema(schema));
        }
        Some(ResponseFormat::Text | ResponseFormat::Other(_)) | None => {}
    }
}

fn modalities(request: &Request) -> Vec<String> {
    let named = request.extra.get("modalities").and_then(Value::as_array);
    let wanted: Vec<String> =
        named.into_iter().flatten().filter_map(Value::as_str).map(str::to_ascii_uppercase).collect();
    if wanted == ["TEXT"] { Vec::new() } else { wanted }
}

fn image_config(request: &Request) -> Option<Value> {
    let asked = request.extra.get("image_config")?.as_object()?;
    let names = [("aspect_ratio", "aspectRatio"), ("image_size", "imageSize")];
    let config: Map<String, Value> = names
        .into_iter()
        .filter_map(|(public, native)| Some((native.to_owned(), asked.get(public)?.clone())))
        .collect();
    (!config.is_empty()).then(|| json!(config))
}

/// How a voice of the provider's is named.
pub(super) fn speech_config(voice: &str) -> Option<Value> {
    let config = || json!({ "voiceConfig": { "prebuiltVoiceConfig": { "voiceName": voice } } });
    (!voice.is_empty()).then(config)
}
