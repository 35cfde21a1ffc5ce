//! Reads a request and words every refusal.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::canonical::{Message, Part, Request, Speaker};
use crate::client::body::{self, Body, Head, items, text};
use crate::client::options;
use crate::client::path::{Members, Path};
use crate::client::platform;
use crate::client::wishes::Wishes;
use crate::error::BadRequest;

/// Members of conversations that a prompt has no use for.
const NOT_HERE: [&str; 8] = [
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "modalities",
    "audio",
];
const LOGPROBS: u32 = 20;
/// Prompts that are looked at before there are too many.
const PROMPTS: usize = 2_048;

/// A request, with what is not of its canonical form.
pub(super) struct Read<'a> {
    pub(super) head: Head,
    pub(super) request: Request,
    /// The parameters that are set, by the names that catalogues list.
    pub(super) set: Vec<&'static str>,
    pub(super) wishes: Wishes<'a>,
    pub(super) session_id: Option<String>,
}

pub(super) fn read(body: &[u8]) -> Result<Read<'_>, BadRequest> {
    let mut body = Body::of(body)?;
    let head = Head::read(&mut body)?;
    let wishes = Wishes {
        service_tier: body.look_at("service_tier"),
        prompt_cache_key: body.look_at("prompt_cache_key"),
        plugins: body.look_at("plugins"),
        route: body.look_at("route"),
        preset: body.look_at("preset"),
        ..Wishes::default()
    };
    let session_id = body.name("session_id")?;
    let prompt = prompt(&mut body)?;
    body.boolean("echo")?;
    let has_suffix = body.string("suffix")?.is_some_and(|suffix| !suffix.is_empty());
    let best_of = body.integer("best_of", 1..=128)?;
    let logprobs = logprobs(&mut body)?;
    for name in NOT_HERE {
        body.raw(name);
    }
    let path = Path::Root;
    let mut members = Members::of(Value::Object(body.values()), &path)?;
    let mut request = Request {
        model: head.model(),
        messages: vec![Message::of(Speaker::User, vec![Part::text(prompt)])],
        reasoning: options::reasoning(&mut members)?,
        max_tokens: options::max_tokens(&mut members)?,
        stop: options::stop(&mut members)?,
        stream: members.boolean("stream")?.unwrap_or(false),
        user: head.user.clone(),
        ..Request::default()
    };
    options::sampling(&mut members, &mut request)?;
    if best_of.is_some_and(|best_of| best_of > request.n.unwrap_or(1)) {
        return Err(BadRequest::new(
            "`best_of` must be at most `n`: what is thrown away would be paid for, too",
        ));
    }
    request.extra = members.rest();
    request.extra.retain(|name, _| !platform::MEMBERS.contains(&name.as_str()));
    if let Some(count) = logprobs {
        request.extra.insert("logprobs".to_owned(), json!(true));
        request.extra.insert("top_logprobs".to_owned(), json!(count));
    }
    let set = parameters(&request, has_suffix);
    Ok(Read { head, request, set, wishes, session_id })
}

fn parameters(request: &Request, has_suffix: bool) -> Vec<&'static str> {
    let has = |name: &str| request.extra.contains_key(name);
    body::set(&[
        ("reasoning", request.reasoning.is_some()),
        ("max_tokens", request.max_tokens.is_some()),
        ("temperature", request.temperature.is_some()),
        ("top_p", request.top_p.is_some()),
        ("top_k", request.top_k.is_some()),
        ("min_p", request.min_p.is_some()),
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
        ("repetition_penalty", request.repetition_penalty.is_some()),
        ("seed", request.seed.is_some()),
        ("stop", !request.stop.is_empty()),
        ("logit_bias", has("logit_bias")),
        ("logprobs", has("logprobs")),
        ("response_format", has("response_format")),
        ("suffix", has_suffix),
    ])
}

/// One text, bare or in a list.
fn prompt(body: &mut Body<'_>) -> Result<String, BadRequest> {
    let path = body.path.member("prompt");
    let value = body.raw("prompt").ok_or_else(|| BadRequest::new("`prompt` is required: send a text"))?;
    if !value.get().starts_with('[') {
        return not_empty(value, &path);
    }
    match items(value, &path, PROMPTS)?.as_slice() {
        [] => Err(path.must("not be empty")),
        [one] if one.get().starts_with('"') => not_empty(one, &path.item(0)),
        [first, ..] if !first.get().starts_with('"') => {
            Err(path.must("be text: token ids are of one model's tokenizer and are not served"))
        }
        _ => Err(path.must("be one text: send a request for each prompt")),
    }
}

fn not_empty(value: &RawValue, path: &Path<'_>) -> Result<String, BadRequest> {
    match text(value, path)? {
        text if text.is_empty() => Err(path.must("not be empty")),
        text => Ok(text),
    }
}

/// How many alternatives are wanted for each token; chat's switch asks for none.
fn logprobs(body: &mut Body<'_>) -> Result<Option<u32>, BadRequest> {
    let top = body.integer("top_logprobs", 0..=LOGPROBS)?;
    let path = body.path.member("logprobs");
    match body.raw("logprobs").map(RawValue::get) {
        None | Some("false") => Ok(None),
        Some("true") => Ok(Some(top.unwrap_or(0))),
        Some(count) => match count.parse() {
            Ok(count) if count <= LOGPROBS => Ok(Some(count)),
            _ => Err(path.must(&format!("be an integer from 0 to {LOGPROBS}"))),
        },
    }
}

/// The prompt, where the client wants it repeated before the completion.
pub(super) fn echoed(request: &Request) -> Option<String> {
    let mut body = Body::of(&request.original.as_ref()?.body).ok()?;
    if body.boolean("echo").ok()? != Some(true) {
        return None;
    }
    let mut prompt = String::new();
    request.messages.first()?.for_each_text(|text| prompt.push_str(text));
    Some(prompt)
}
