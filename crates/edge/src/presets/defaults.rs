//! What a workspace says for requests that leave it open: the model, and which of the platform's tools they may not
//! name.

use bytes::Bytes;
use dialect::canonical::Operation;
use dialect::client::{Dialect, Peek};
use dialect::error::{BadRequest, ErrorType};
use serde::Deserialize;

use super::LONG;
use super::members::Members;
use crate::auth::Context;
use crate::http::reply::Refusal;
use crate::store::workspaces::Defaults;

/// The default model of a kind of work. `of_images` = an image is to be made.
fn model(dialect: Dialect, defaults: &Defaults, of_images: bool) -> Option<&str> {
    match dialect.operation() {
        Operation::Chat if of_images => defaults.image_model.as_ref().or(defaults.text_model.as_ref()),
        Operation::Chat => defaults.text_model.as_ref(),
        Operation::Images => defaults.image_model.as_ref(),
        Operation::Embeddings | Operation::Rerank | Operation::Speech | Operation::Transcription => None,
    }
    .map(String::as_str)
}

/// Names the default model, where there is one, in a body that names neither a model nor a preset. Whether it did.
///
/// # Errors
/// [`BadRequest`] when it cannot be written.
pub(super) fn name_model(
    dialect: Dialect,
    defaults: &Defaults,
    members: &mut Members<'_>,
) -> Result<bool, BadRequest> {
    if ["model", "models", "preset"].iter().any(|name| members.has(name)) {
        return Ok(false);
    }
    let outputs: Vec<String> = members.read("modalities").unwrap_or_default();
    let of_images = outputs.iter().any(|output| output == "image");
    match model(dialect, defaults, of_images) {
        Some(model) => members.put_value("model", &model).map(|()| true),
        None => Ok(false),
    }
}

/// The body with the default model of the caller's workspace; `None` when it names a model, or a preset that may
/// name one, and when there is no such default.
///
/// # Errors
/// A [`Refusal`] when the body cannot be written.
pub(crate) async fn with_model(
    caller: &Context,
    dialect: Dialect,
    body: &Bytes,
) -> Result<Option<Bytes>, Refusal> {
    let defaults = &caller.governance.defaults;
    if defaults.text_model.is_none() && defaults.image_model.is_none() {
        return Ok(None);
    }
    let (defaults, body) = (defaults.clone(), body.clone());
    let length = body.len();
    let write = move || -> Result<Option<Bytes>, BadRequest> {
        // What is no object is refused in words by whoever reads it whole.
        let Ok(mut members) = Members::of(&body) else { return Ok(None) };
        let is_named = name_model(dialect, &defaults, &mut members)?;
        is_named.then(|| members.write()).transpose()
    };
    Ok(off_loop(length, write).await??)
}

/// Refuses a request that names a tool of the platform which its workspace disabled.
///
/// # Errors
/// A [`Refusal`] with 403 that names the tool.
pub(crate) async fn check_tools(caller: &Context, body: &Bytes, peek: &Peek) -> Result<(), Refusal> {
    let defaults = &caller.governance.defaults;
    if defaults.disabled_server_tools.is_empty() || !peek.parameters.contains(&"tools") {
        return Ok(());
    }
    let (disabled, body) = (defaults.disabled_server_tools.clone(), body.clone());
    let named = off_loop(body.len(), move || disabled_tool(&disabled, &body)).await?;
    named.map_or(Ok(()), |tool| {
        let message = format!("The server tool `{tool}` is disabled in this workspace. Leave it out.");
        Err(Refusal::new(ErrorType::PermissionDenied, message))
    })
}

/// The first tool of a body that is disabled.
fn disabled_tool(disabled: &[String], body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Tool {
        #[serde(default, rename = "type")]
        kind: String,
    }
    let tools: Vec<Tool> = Members::of(body).ok()?.read("tools")?;
    tools.into_iter().map(|tool| tool.kind).find(|kind| disabled.contains(kind))
}

/// Does what reads a body of so many bytes, a long one on the blocking pool.
async fn off_loop<T: Send + 'static>(
    length: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    if length <= LONG {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| rpc::Fault::internal().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Defaults {
        Defaults {
            text_model: Some("a/text".to_owned()),
            image_model: Some("a/image".to_owned()),
            ..Defaults::default()
        }
    }

    fn named(dialect: Dialect, body: &str) -> Option<String> {
        let mut members = Members::of(body.as_bytes()).unwrap();
        name_model(dialect, &defaults(), &mut members).unwrap().then(|| members.read("model").unwrap())
    }

    #[test]
    fn a_body_without_a_model_gets_that_of_its_kind_of_work() {
        for dialect in [Dialect::Chat, Dialect::Completions, Dialect::Responses, Dialect::Messages] {
            assert_eq!(named(dialect, "{}").as_deref(), Some("a/text"));
        }
        let picture = r#"{"modalities":["image","text"],"model":null}"#;
        assert_eq!(named(Dialect::Chat, picture).as_deref(), Some("a/image"));
        assert_eq!(named(Dialect::Images, "{}").as_deref(), Some("a/image"));
        for dialect in [Dialect::Embeddings, Dialect::Rerank, Dialect::Speech, Dialect::Transcription] {
            assert_eq!(named(dialect, "{}"), None);
        }
    }

    #[test]
    fn a_body_that_says_it_itself_stays_as_it_is() {
        for body in [r#"{"model":"x"}"#, r#"{"models":["x"]}"#, r#"{"preset":"x"}"#] {
            assert_eq!(named(Dialect::Chat, body), None, "{body}");
        }
    }

    #[test]
    fn a_disabled_tool_is_found_among_others() {
        let disabled = ["openrouter:web_search".to_owned()];
        let body = br#"{"tools":[{"type":"function","function":{"name":"f"}},{"name":"x"},
                        {"type":"openrouter:web_search"}]}"#;
        assert_eq!(disabled_tool(&disabled, body).as_deref(), Some("openrouter:web_search"));
        assert_eq!(disabled_tool(&disabled, br#"{"tools":[{"type":"openrouter:datetime"}]}"#), None);
        assert_eq!(disabled_tool(&disabled, b"{}"), None);
    }
}
