//! Makes a preset of a request's body. Nothing is inferred: what the body does not set, the preset does not.

use bytes::Bytes;
use dialect::client::{Dialect, Peek};
use dialect::error::BadRequest;
use serde_json::{Map, Value, json};

use super::members::{Members, raw};
use super::{chat, messages, named, responses, shared, system};
use crate::admission;

/// Bytes of a configuration with its system prompt.
const MAX_BYTES: usize = 256 * 1024;
/// Members that are a request's own in every dialect; they are not so much as looked at, but for system text.
const CONTENT: [&str; 4] = ["messages", "input", "prompt", "stream"];

/// What a body says that a preset keeps.
#[derive(Debug, PartialEq)]
pub(crate) struct Captured {
    /// Members of a chat request.
    pub(crate) config: Map<String, Value>,
    pub(crate) system_prompt: Option<String>,
}

/// Reads a body in one of the dialects that conversations are held in.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong, as a request with this body would be refused.
pub(crate) fn capture(dialect: Dialect, body: &[u8]) -> Result<Captured, BadRequest> {
    let members = Members::of(body)?;
    refuse_references(&members)?;
    check(dialect, &members)?;
    let sent = members.values(|name| !CONTENT.contains(&name))?;
    caching(&sent)?;
    let mut config = match dialect {
        Dialect::Responses => responses::config(sent),
        Dialect::Messages => messages::config(sent),
        _ => chat::config(sent),
    };
    config.retain(|name, value| shared::is_held(name) && !value.is_null());
    let captured = Captured { config, system_prompt: system::text(dialect, &members) };
    if captured.bytes() > MAX_BYTES {
        return Err(BadRequest::new(format!("a preset holds at most {MAX_BYTES} bytes")));
    }
    Ok(captured)
}

impl Captured {
    fn bytes(&self) -> usize {
        let config = raw(&self.config).map_or(usize::MAX, |config| config.get().len());
        config.saturating_add(self.system_prompt.as_ref().map_or(0, String::len))
    }
}

/// A preset that takes over another one's settings would change when that one does.
fn refuse_references(members: &Members<'_>) -> Result<(), BadRequest> {
    let models = members.read::<Vec<String>>("models").unwrap_or_default();
    let model = members.read::<String>("model");
    if members.has("preset") || model.iter().chain(&models).any(|name| named::refers(name)) {
        return Err(BadRequest::new("a preset cannot refer to another one: name a model"));
    }
    Ok(())
}

/// Has the dialect look at the body, with the shortest conversation there is in the place of its own.
fn check(dialect: Dialect, members: &Members<'_>) -> Result<(), BadRequest> {
    let mut request = members.without(&CONTENT);
    let (name, content) = match dialect {
        Dialect::Responses => ("input", json!("x")),
        _ => ("messages", json!([{"role": "user", "content": "x"}])),
    };
    request.put_value(name, &content)?;
    // So that a model may be missing.
    request.put_value("preset", &"x")?;
    let body: Bytes = request.write()?;
    let peek: Peek = dialect.peek(&body)?;
    admission::preferences(peek.provider.as_deref(), peek.partition)?;
    admission::plugins(peek.plugins.as_deref(), &admission::DefaultPlugins::default()).map(drop)
}

fn caching(sent: &Map<String, Value>) -> Result<(), BadRequest> {
    let [enabled, ttl] = shared::CACHING;
    if sent.get(enabled).is_some_and(|value| !value.is_boolean()) {
        return Err(BadRequest::new(format!("`{enabled}` must be true or false")));
    }
    if sent.get(ttl).is_some_and(|value| value.as_u64().is_none_or(|seconds| seconds == 0)) {
        return Err(BadRequest::new(format!("`{ttl}` must be an integer of at least 1")));
    }
    Ok(())
}
