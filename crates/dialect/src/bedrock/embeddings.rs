//! Vectors over InvokeModel: each family of models has a body of its own.

use pricing::{Class, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors;
use super::family::Family;
use super::media::{self, Medium, Names, Source};
use super::request::encoded;
use crate::canonical::{EmbeddingInput, EmbeddingsRequest, Event, Part, PartKind, Task};
use crate::codec::{Encoded, Target};
use crate::error::{BadRequest, ProviderError};
use crate::vectors;
use crate::whole::Whole;

/// Texts that a call of Cohere's models takes at most.
const COHERE_INPUTS: usize = 96;

/// What a vector is for when nobody says; Cohere's models have to be told.
const COHERE_INPUT_TYPE: &str = "search_document";

pub(super) const EMBEDDINGS: Whole = Whole { encode, decode, classify: errors::classify };

fn encode(task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let Task::Embeddings(request) = task else {
        return Err(BadRequest::new("this endpoint makes embeddings only"));
    };
    let body = match Family::of(target) {
        Family::Cohere => cohere(request, target)?,
        Family::Nova => nova(request)?,
        _ => titan(request, target)?,
    };
    Ok(encoded(target, "invoke", body.to_string()))
}

/// What becomes one vector.
#[derive(Debug, Default)]
struct Input<'a> {
    text: Option<String>,
    medium: Option<Medium<'a>>,
}

/// # Errors
/// [`BadRequest`] for token ids, which no model here takes, and for several media in one input.
fn input(input: &EmbeddingInput) -> Result<Input<'_>, BadRequest> {
    let parts = match input {
        EmbeddingInput::Text(text) => return Ok(Input { text: Some(text.clone()), medium: None }),
        EmbeddingInput::Tokens(_) => return Err(BadRequest::new("this model takes texts, not token ids")),
        EmbeddingInput::Parts(parts) => parts,
    };
    let mut names = Names::default();
    let mut read = Input::default();
    for Part { kind, .. } in parts {
        let medium = match kind {
            PartKind::Text(text) => {
                read.text.get_or_insert_default().push_str(text);
                continue;
            }
            PartKind::Image { source, .. } => media::image(source)?,
            PartKind::Audio { data, format } => media::audio(format, data)?,
            PartKind::File { name, source } => media::file(name.as_deref(), source, &mut names)?,
            PartKind::Other(value) => media::other(value, &mut names)?,
        };
        if read.medium.replace(medium).is_some() {
            return Err(BadRequest::new("this model takes one image or recording for each input"));
        }
    }
    Ok(read)
}

fn only(request: &EmbeddingsRequest) -> Result<Input<'_>, BadRequest> {
    match &request.inputs[..] {
        [only] => input(only),
        _ => Err(BadRequest::new("this model takes one input for each request; send them one by one")),
    }
}

fn text(read: Input<'_>) -> Result<String, BadRequest> {
    match read {
        Input { text: Some(text), medium: None } => Ok(text),
        _ => Err(BadRequest::new("this model takes texts only")),
    }
}

fn titan(request: &EmbeddingsRequest, target: &Target<'_>) -> Result<Value, BadRequest> {
    let read = only(request)?;
    if !target.provider_model.contains("embed-image") {
        let mut body = json!({ "inputText": text(read)? });
        if let Some(dimensions) = request.dimensions.filter(|_| target.provider_model.contains("text-v2")) {
            body["dimensions"] = dimensions.into();
        }
        return Ok(body);
    }
    let mut body = json!({});
    if let Some(text) = read.text {
        body["inputText"] = text.into();
    }
    match read.medium {
        None => {}
        Some(Medium::Image(image)) => body["inputImage"] = data(&image.source).into(),
        Some(_) => return Err(BadRequest::new("this model takes texts and images only")),
    }
    if let Some(dimensions) = request.dimensions {
        body["embeddingConfig"] = json!({ "outputEmbeddingLength": dimensions });
    }
    Ok(body)
}

fn cohere(request: &EmbeddingsRequest, target: &Target<'_>) -> Result<Value, BadRequest> {
    if request.inputs.len() > COHERE_INPUTS {
        return Err(BadRequest::new(format!(
            "this model takes at most {COHERE_INPUTS} inputs for each request"
        )));
    }
    let input_type = request.input_type.as_deref().unwrap_or(COHERE_INPUT_TYPE);
    let mut body = json!({ "input_type": input_type });
    let inputs = request.inputs.iter().map(input).collect::<Result<Vec<_>, _>>()?;
    if inputs.iter().any(|input| input.medium.is_some()) {
        let inputs = inputs.iter().map(cohere_content).collect::<Result<Vec<_>, _>>()?;
        body["inputs"] = inputs.into();
    } else {
        body["texts"] = inputs.into_iter().map(text).collect::<Result<Vec<_>, _>>()?.into();
    }
    if target.provider_model.contains("embed-v4") {
        body["embedding_types"] = json!(["float"]);
        if let Some(dimensions) = request.dimensions {
            body["output_dimension"] = dimensions.into();
        }
    }
    Ok(body)
}

fn cohere_content(input: &Input<'_>) -> Result<Value, BadRequest> {
    let mut content = Vec::new();
    content.extend(input.text.as_deref().map(|text| json!({ "type": "text", "text": text })));
    match &input.medium {
        None => {}
        Some(Medium::Image(image)) => {
            let url = format!("data:image/{};base64,{}", image.format, data(&image.source));
            content.push(json!({ "type": "image_url", "image_url": url }));
        }
        Some(_) => return Err(BadRequest::new("this model takes texts and images only")),
    }
    Ok(json!({ "content": content }))
}

fn nova(request: &EmbeddingsRequest) -> Result<Value, BadRequest> {
    let purpose = match request.input_type.as_deref() {
        Some("search_query" | "query") => "GENERIC_RETRIEVAL",
        Some("classification") => "CLASSIFICATION",
        Some("clustering") => "CLUSTERING",
        _ => "GENERIC_INDEX",
    };
    let mut parameters = json!({ "embeddingPurpose": purpose });
    if let Some(dimensions) = request.dimensions {
        parameters["embeddingDimension"] = dimensions.into();
    }
    let (name, content) = match only(request)? {
        Input { text: Some(text), medium: None } => {
            ("text", json!({ "truncationMode": "NONE", "value": text }))
        }
        Input { text: None, medium: Some(Medium::Image(image)) } => {
            ("image", json!({ "format": image.format, "source": { "bytes": data(&image.source) } }))
        }
        Input { text: None, medium: Some(Medium::Audio(audio)) } => {
            ("audio", json!({ "format": audio.format, "source": { "bytes": data(&audio.source) } }))
        }
        _ => return Err(BadRequest::new("this model takes a text, an image or a recording for each input")),
    };
    parameters[name] = content;
    Ok(json!({ "taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": parameters }))
}

fn data<'a>(source: &'a Source<'_>) -> &'a str {
    match source {
        Source::Bytes(data) => data,
        Source::Text(text) => text,
    }
}

/// An answer of any of the families.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    embedding: Option<Vec<f32>>,
    input_text_token_count: Option<u64>,
    embeddings: Option<Many>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Many {
    Plain(Vec<Vec<f32>>),
    Named(Vec<Named>),
    ByType { float: Vec<Vec<f32>> },
}

#[derive(Debug, Deserialize)]
struct Named {
    embedding: Vec<f32>,
}

fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else { return Err(errors::unreadable(body)) };
    let vectors = match (answer.embedding, answer.embeddings) {
        (Some(one), _) => vec![one],
        (None, Some(Many::Plain(vectors) | Many::ByType { float: vectors })) => vectors,
        (None, Some(Many::Named(named))) => named.into_iter().map(|named| named.embedding).collect(),
        (None, None) => return Err(errors::unreadable(body)),
    };
    let start = Event::Start { id: None, model: None, system_fingerprint: None };
    let counted = answer.input_text_token_count.map(|tokens| Usage::default().with(Class::Input, tokens));
    Ok(vectors::answer(start, (0..).zip(vectors), counted))
}
