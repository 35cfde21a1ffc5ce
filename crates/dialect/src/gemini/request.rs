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
    #[serde(skip_serializing_if = "str::is_empty")]
    service_tier: &'a str,
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
        service_tier: target.service_tier,
    };
    of_body(&body, path(target, generating(request.stream)))
}

/// The method that makes an answer. Without `alt=sse` a stream would be one JSON array.
pub(super) const fn generating(is_stream: bool) -> &'static str {
    if is_stream { "streamGenerateContent?alt=sse" } else { "generateContent" }
}

/// The path of a method of the target's model.
pub(super) fn path(target: &Target<'_>, method: &str) -> String {
    format!("/v1beta/models/{}:{method}", model_name(target))
}

/// The model's name without the folder that some calls want before it.
pub(super) fn model_name<'a>(target: &Target<'a>) -> &'a str {
    target.provider_model.strip_prefix("models/").unwrap_or(target.provider_model)
}

/// A request of one of the further modalities.
///
/// # Errors
/// [`BadRequest`] when the body cannot be written.
pub(super) fn of_body(body: &impl Serialize, path: String) -> Result<Encoded, BadRequest> {
    let body = serde_json::to_vec(body).map_err(BadRequest::unwritable)?;
    Ok(Encoded { path, headers: Vec::new(), auth: AuthStyle::XGoogApiKey, body: Bytes::from(body) })
}
