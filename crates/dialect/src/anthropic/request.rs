//! The body and the headers of a request.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::thinking::{self, Situation};
use super::turns::{self, Turn};
use super::{blocks, lists, schema, structured, text, tools, verbatim};
use crate::canonical::{Request, ResponseFormat};
use crate::client::Dialect;
use crate::codec::{AuthStyle, Encoded, Target};
use crate::end_user;
use crate::error::BadRequest;

const VERSION: &str = "2023-06-01";

/// Completion tokens at most when neither the client nor the catalogue says: what the oldest models take.
const DEFAULT_MAX_TOKENS: u64 = 4_096;

/// The feature that lets tools be `strict`; clients name it to have it.
const STRICT_TOOLS: &str = "structured-outputs-2025-11-13";

/// Features that may be named, and characters of each.
const BETAS: usize = 32;
const BETA_LENGTH: usize = 128;

/// The feature that lifts the limit of a prompt, at another price: only where the catalogue has that price.
const LONG_CONTEXT: &str = "context-1m";

/// The feature that lets blocks name uploaded files.
const FILES: &str = "files-api-2025-04-14";

#[derive(Debug, Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<turns::System<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<tools::Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    output_config: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<&'a Value>,
}

pub(super) fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    crate::structured::check_names(request)?;
    let mut betas = betas(request)?;
    betas.retain(|beta| !beta.starts_with(LONG_CONTEXT) || lists(target, "accepts", LONG_CONTEXT));
    if request.messages.iter().any(blocks::names_file) && !betas.contains(&FILES) {
        betas.push(FILES);
    }
    let own = request.original.as_ref().filter(|original| original.dialect == Dialect::Messages);
    let body = match own {
        Some(original) => verbatim::body(request, &original.body, target)?,
        None => body(request, target, betas.contains(&STRICT_TOOLS))?,
    };
    Ok(Encoded {
        path: text(target, "path").unwrap_or("/v1/messages").to_owned(),
        headers: headers(&betas)?,
        auth: match text(target, "auth") {
            Some("bearer") => AuthStyle::Bearer,
            Some("api-key") => AuthStyle::ApiKey,
            Some("none") => AuthStyle::None,
            _ => AuthStyle::XApiKey,
        },
        body: Bytes::from(body),
    })
}

/// The body of a request in another dialect.
fn body(request: &Request, target: &Target<'_>, takes_strict: bool) -> Result<Vec<u8>, BadRequest> {
    let conversation = turns::read(request, target)?;
    let tools = tools::read(request, target, takes_strict);
    let max_tokens = max_tokens(request, target);
    let situation = Situation {
        max_tokens,
        tool_is_forced: tools.is_forced,
        blocks_thinking: conversation.blocks_thinking,
    };
    let thinking = thinking::plan(request, target, &situation)?;
    let tools = structured::tool(request, target, &thinking, conversation.is_prefilled()).unwrap_or(tools);
    let sampling = thinking::sampling(request, target, &thinking);
    let body = Body {
        model: target.provider_model,
        max_tokens,
        system: conversation.system,
        messages: conversation.turns,
        stream: request.stream,
        tools: tools.tools,
        tool_choice: tools.choice,
        output_config: output_config(request, target, thinking.effort),
        thinking: thinking.thinking,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        stop_sequences: stop_sequences(request, target),
        metadata: metadata(request),
        service_tier: service_tier(request, target),
        cache_control: request.extra.get("cache_control").filter(|marker| marker.is_object()),
    };
    serde_json::to_vec(&body).map_err(BadRequest::unwritable)
}

/// The end user by a name that does not say who it is.
pub(super) fn metadata(request: &Request) -> Option<Value> {
    request.user.as_deref().map(|user| json!({ "user_id": end_user::hashed(user) }))
}

/// Never above what the client asked for: credit was set aside for that.
pub(super) fn max_tokens(request: &Request, target: &Target<'_>) -> u64 {
    match (request.max_tokens, target.max_output) {
        (Some(asked), Some(most)) => asked.min(most),
        (Some(asked), None) => asked,
        (None, most) => most.unwrap_or(DEFAULT_MAX_TOKENS),
    }
}

/// Sequences of nothing but white space are refused upstream.
pub(super) fn stop_sequences<'a>(request: &'a Request, target: &Target<'_>) -> Vec<&'a str> {
    if !target.takes("stop") {
        return Vec::new();
    }
    request.stop.iter().map(String::as_str).filter(|stop| !stop.trim().is_empty()).collect()
}

fn output_config(request: &Request, target: &Target<'_>, effort: Option<&str>) -> Map<String, Value> {
    let mut config = Map::new();
    if let Some(effort) = effort {
        config.insert("effort".to_owned(), effort.into());
    }
    if let Some(ResponseFormat::JsonSchema { schema, .. }) = &request.response_format
        && structured::is_native(target)
        && schema.as_object().is_some_and(|members| !members.is_empty())
    {
        let format = json!({ "type": "json_schema", "schema": schema::for_output(schema) });
        config.insert("format".to_owned(), format);
    }
    config
}

/// `auto` takes of the capacity that an account has bought; what else a client may call tiers is not sold here.
pub(super) fn service_tier(request: &Request, target: &Target<'_>) -> Option<&'static str> {
    if target.service_tier == "priority" {
        return Some("auto");
    }
    match request.extra.get("service_tier").and_then(Value::as_str) {
        Some("default" | "standard_only") => Some("standard_only"),
        _ => None,
    }
}

/// Features that the client named, as a list or with commas between them, each once.
///
/// # Errors
/// [`BadRequest`] for a name that no feature has: it would be another header's, or nobody's.
fn betas(request: &Request) -> Result<Vec<&str>, BadRequest> {
    let named: Vec<&str> = match request.extra.get("anthropic_beta") {
        Some(Value::String(names)) => names.split(',').collect(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut betas = Vec::with_capacity(named.len());
    for name in named.into_iter().map(str::trim).filter(|name| !name.is_empty()) {
        if name.len() > BETA_LENGTH || !name.chars().all(allowed) || betas.len() >= BETAS {
            return Err(BadRequest::new(format!(
                "`anthropic_beta` must name at most {BETAS} features, each in up to {BETA_LENGTH} letters, digits, `-`, `_` and `.`"
            )));
        }
        if !betas.contains(&name) {
            betas.push(name);
        }
    }
    Ok(betas)
}

fn headers(betas: &[&str]) -> Result<Vec<(HeaderName, HeaderValue)>, BadRequest> {
    let version = (HeaderName::from_static("anthropic-version"), HeaderValue::from_static(VERSION));
    if betas.is_empty() {
        return Ok(vec![version]);
    }
    let value = HeaderValue::from_str(&betas.join(","))
        .map_err(|error| BadRequest::new(format!("`anthropic_beta` cannot be sent: {error}")))?;
    Ok(vec![version, (HeaderName::from_static("anthropic-beta"), value)])
}
