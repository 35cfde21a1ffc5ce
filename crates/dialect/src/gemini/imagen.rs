//! Pictures by Imagen.

use pricing::{Class, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::request::{of_body, path};
use super::{errors, picture};
use crate::canonical::{Event, ImagesRequest, Task};
use crate::codec::{Encoded, Target};
use crate::error::{BadRequest, ErrorType, ProviderError};
use crate::raw::or_default;
use crate::whole::Whole;

/// Pictures that one call makes at most.
const MOST: u32 = 4;

pub(crate) const IMAGEN: Whole = Whole { encode, decode, classify: errors::classify };

fn encode(task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let Task::Images(request) = task else {
        return Err(BadRequest::new("this endpoint makes images only"));
    };
    if !request.references.is_empty() {
        return Err(BadRequest::new("this model makes images from words only"));
    }
    let count = request.n.unwrap_or(1).max(1);
    if count > MOST {
        return Err(BadRequest::new(format!("this model makes at most {MOST} images: lower `n`")));
    }
    let instances = json!([{ "prompt": request.prompt }]);
    let body = json!({ "instances": instances, "parameters": parameters(request, count) });
    of_body(&body, path(target, "predict"))
}

fn parameters(request: &ImagesRequest, count: u32) -> Value {
    let output = request.output_format.as_deref().and_then(|format| match format {
        "png" => Some(json!({ "mimeType": "image/png" })),
        "jpeg" => Some(json!({ "mimeType": "image/jpeg", "compressionQuality": request.output_compression })),
        _ => None,
    });
    let members = picture::members([
        ("sampleCount", Some(count.into())),
        ("aspectRatio", picture::aspect_ratio(request).map(Value::from)),
        ("sampleImageSize", picture::size(request).map(Value::from)),
        ("outputOptions", output),
        ("includeRaiReason", Some(true.into())),
    ]);
    Value::Object(members)
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "or_default")]
    predictions: Vec<Prediction>,
}

/// A picture, or why there is none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prediction {
    bytes_base64_encoded: Option<String>,
    mime_type: Option<String>,
    rai_filtered_reason: Option<String>,
}

fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else { return Err(errors::inside(body)) };
    if answer.predictions.is_empty() && body.windows(7).any(|window| window == b"\"error\"") {
        return Err(errors::inside(body));
    }
    let filtered = answer.predictions.iter().find_map(|prediction| prediction.rai_filtered_reason.clone());
    let mut events = vec![Event::Start { id: None, model: None, system_fingerprint: None }];
    let mut count = 0;
    for prediction in answer.predictions {
        let Some(data) = prediction.bytes_base64_encoded else { continue };
        let media_type = prediction.mime_type.unwrap_or_else(|| "image/png".to_owned());
        events.push(Event::Image { choice: 0, url: format!("data:{media_type};base64,{data}") });
        count += 1;
    }
    if count == 0 {
        // Without a reason all of them were filtered, too: the provider leaves such pictures out.
        let message = filtered.unwrap_or_else(|| "the provider refused to make this image".to_owned());
        let error = ProviderError::inside(0, &message, None);
        return Err(error.because_of_request(ErrorType::ContentPolicyViolation));
    }
    events.push(Event::Usage(Usage::default().with(Class::Picture, count)));
    events.push(Event::stop());
    Ok(events)
}
