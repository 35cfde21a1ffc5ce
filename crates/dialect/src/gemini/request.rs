//! The body and the path of a request.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::contents::{self, Content};
use super::generation::{self, GenerationConfig};
use super::tools;
use crate::canonical::Request;
use crate::codec::{AuthStyle, Encoded, Target};
use crate::error::BadRequest;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<tools::Tools<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    #[serde(skip_serializing_if = "GenerationConfig::is_empty")]
    generation_config: GenerationConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_settings: Option<&'a Value>,
}

pub(super) fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let conversation = contents::read(request, target)?;
    let tools = tools::read(request, target);
    let body = Body {
        system_instruction: conversation.system,
        contents: conversation.contents,
        generation_config: generation::config(request, target, !tools.is_empty())?,
        tool_config: tools::config(request, target, !tools.is_empty()),
        tools,
        safety_settings: ["safety_settings", "safetySettings"]
            .iter()
            .find_map(|name| request.extra.get(*name))
            .filter(|settings| settings.is_array()),
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| BadRequest::new(format!("the request cannot be written: {error}")))?;
    Ok(Encoded {
        path: path(target.provider_model, request.stream),
        headers: Vec::new(),
        auth: AuthStyle::XGoogApiKey,
        body: Bytes::from(body),
    })
}

/// Without `alt=sse` a stream would be one JSON array.
fn path(provider_model: &str, is_stream: bool) -> String {
    let model = provider_model.strip_prefix("models/").unwrap_or(provider_model);
    let method = if is_stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    format!("/v1beta/models/{model}:{method}")
}
