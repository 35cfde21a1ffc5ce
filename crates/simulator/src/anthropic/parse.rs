//! Reads a messages request.

use serde_json::Value;

use super::shape::MESSAGES;
use super::sign;
use crate::ask::{Ask, Caching, Document, Format, Keep, Reasoning, Role, Tool, ToolChoice, Turn};
use crate::failure::Failure;
use crate::openai::tokens_of_effort;
use crate::prepare::Arrived;
use crate::route::Host;
use crate::strict::stranger;

const IMAGE: u64 = 1334;
const DOCUMENT: u64 = 1800;

/// # Errors
/// [`Failure`] as Anthropic would answer.
pub(super) fn parse(arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
    let model = model(arrived, body)?;
    if let Some(way) = stranger(body, &MESSAGES) {
        return Err(extra(&way.join(".")));
    }
    let Some(max_tokens) = body["max_tokens"].as_u64() else {
        return Err(Failure::bad("max_tokens: Field required"));
    };
    check(body, max_tokens)?;
    let mut ask = Ask::new(model);
    ask.reasoning = reasoning(body, max_tokens)?;
    ask.turns = system(&body["system"]);
    ask.turns.extend(messages(body, ask.reasoning.is_some())?);
    read_tools(body, &mut ask)?;
    // Vertex names the stream twice.
    ask.documents = documents(body);
    ask.stream = body["stream"] == true || arrived.call.address.stream;
    ask.format = format(body);
    ask.max_tokens = Some(max_tokens);
    ask.stop = crate::openai::stop(&body["stop_sequences"]);
    ask.caching = Caching::Marked;
    if let Some(keep) = keep(body)
        && let Some(last) = ask.turns.last_mut()
    {
        last.mark = Some(keep);
    }
    Ok(ask)
}

fn extra(name: &str) -> Failure {
    Failure::bad(format!("{name}: Extra inputs are not permitted"))
}

/// The model, where the host wants it named, and the version, where it wants that.
fn model<'a>(arrived: &'a Arrived, body: &'a Value) -> Result<&'a str, Failure> {
    let address = &arrived.call.address;
    let version = match address.host {
        Host::Own => return own_model(arrived, body),
        Host::Vertex => "vertex-2023-10-16",
        Host::Bedrock => "bedrock-2023-05-31",
    };
    if body["anthropic_version"] != version {
        return Err(Failure::bad("anthropic_version: Field required"));
    }
    let elsewhere: &[&str] = if address.host == Host::Vertex { &["model"] } else { &["model", "stream"] };
    match elsewhere.iter().find(|name| body.get(**name).is_some()) {
        Some(name) => Err(extra(name)),
        None => Ok(address.model.as_deref().unwrap_or_default()),
    }
}

fn own_model<'a>(arrived: &Arrived, body: &'a Value) -> Result<&'a str, Failure> {
    if !arrived.call.headers.contains_key("anthropic-version") {
        return Err(Failure::bad("anthropic-version: header is required"));
    }
    if body.get("anthropic_version").is_some() {
        return Err(extra("anthropic_version"));
    }
    body["model"]
        .as_str()
        .filter(|model| !model.is_empty())
        .ok_or_else(|| Failure::bad("model: Field required"))
}

fn check(body: &Value, max_tokens: u64) -> Result<(), Failure> {
    if max_tokens == 0 {
        return Err(Failure::bad("max_tokens: must be greater than or equal to 1"));
    }
    if body["temperature"].as_f64().is_some_and(|value| !(0.0..=1.0).contains(&value)) {
        return Err(Failure::bad("temperature: range: 0..1"));
    }
    let marks = body.to_string().matches("\"cache_control\":{").count();
    if marks > 4 {
        return Err(Failure::bad(format!(
            "A maximum of 4 blocks with cache_control may be provided. Found {marks}."
        )));
    }
    Ok(())
}

fn reasoning(body: &Value, max_tokens: u64) -> Result<Option<Reasoning>, Failure> {
    let thinking = &body["thinking"];
    let visible = thinking["display"] != "omitted";
    match thinking["type"].as_str() {
        Some("enabled") => {
            let budget = thinking["budget_tokens"].as_u64().unwrap_or(0);
            if budget < 1024 {
                return Err(Failure::bad(
                    "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
                ));
            }
            if budget >= max_tokens {
                return Err(Failure::bad("`max_tokens` must be greater than `thinking.budget_tokens`."));
            }
            Ok(Some(Reasoning::shown((budget / 32).clamp(32, 256), visible)))
        }
        Some("adaptive") => {
            let tokens = tokens_of_effort(body["output_config"]["effort"].as_str().unwrap_or("medium"));
            Ok((tokens > 0).then_some(Reasoning::shown(tokens, visible)))
        }
        _ => Ok(None),
    }
}

fn keep(block: &Value) -> Option<Keep> {
    let control = block.get("cache_control").filter(|control| control.is_object())?;
    Some(if control["ttl"] == "1h" { Keep::Hour1 } else { Keep::Minutes5 })
}

fn system(system: &Value) -> Vec<Turn> {
    match system {
        Value::String(text) => {
            let mut turn = Turn::new(Role::System);
            turn.say(text);
            vec![turn]
        }
        // Each block is a place where a cached prefix may end.
        Value::Array(blocks) => blocks
            .iter()
            .map(|block| {
                let mut turn = Turn::new(Role::System);
                turn.say(block["text"].as_str().unwrap_or_default());
                turn.mark = keep(block);
                turn
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn messages(body: &Value, thinks: bool) -> Result<Vec<Turn>, Failure> {
    let Some(messages) = body["messages"].as_array() else {
        return Err(Failure::bad("messages: Field required"));
    };
    if messages.is_empty() {
        return Err(Failure::bad("messages: at least one message is required"));
    }
    let mut calls: Vec<&str> = Vec::new();
    let mut turns = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let role = match message["role"].as_str() {
            Some("user") => Role::User,
            Some("assistant") if at > 0 => Role::Assistant,
            Some("assistant") => {
                return Err(Failure::bad("messages: first message must use the \"user\" role"));
            }
            other => {
                return Err(Failure::bad(format!(
                    "messages: Unexpected role {:?}. Allowed roles are \"user\" or \"assistant\".",
                    other.unwrap_or_default()
                )));
            }
        };
        let blocks = blocks(&message["content"], at)?;
        check_results(&blocks, &calls, at)?;
        calls = blocks
            .iter()
            .filter(|block| block["type"] == "tool_use")
            .filter_map(|b| b["id"].as_str())
            .collect();
        let resumes = thinks && !calls.is_empty() && answered(messages, at);
        if resumes && !matches!(blocks[0]["type"].as_str(), Some("thinking" | "redacted_thinking")) {
            return Err(Failure::bad(format!(
                "messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{}`. When \
                 `thinking` is enabled, a final `assistant` message must start with a thinking block.",
                blocks[0]["type"].as_str().unwrap_or_default()
            )));
        }
        read_blocks(role, &blocks, at, &mut turns)?;
    }
    if calls.is_empty() { Ok(turns) } else { Err(unanswered(messages.len() - 1, &calls)) }
}

/// Whether the message after `at` is the last: the turn that the thoughts belong to goes on.
fn answered(messages: &[Value], at: usize) -> bool {
    at + 2 == messages.len()
}

fn blocks(content: &Value, at: usize) -> Result<Vec<&Value>, Failure> {
    let blocks: Vec<&Value> = match content {
        Value::Array(blocks) => blocks.iter().collect(),
        Value::String(text) if !text.trim().is_empty() => vec![content],
        Value::Null => return Err(Failure::bad(format!("messages.{at}.content: Field required"))),
        _ => Vec::new(),
    };
    let blank = |block: &&Value| block["type"] == "text" && block["text"].as_str().is_none_or(str::is_empty);
    if blocks.is_empty() {
        return Err(Failure::bad(format!("messages.{at}: all messages must have non-empty content")));
    }
    if blocks.iter().any(blank) {
        return Err(Failure::bad("messages: text content blocks must be non-empty"));
    }
    Ok(blocks)
}

/// The texts that may be cited.
fn documents(body: &Value) -> Vec<Document> {
    let messages = body["messages"].as_array().into_iter().flatten();
    let blocks = messages.flat_map(|message| message["content"].as_array().into_iter().flatten());
    let cited = blocks.filter(|block| block["type"] == "document" && block["citations"]["enabled"] == true);
    cited
        .enumerate()
        .map(|(at, block)| Document {
            id: at.to_string(),
            title: block["title"].as_str().unwrap_or("the document").to_owned(),
            text: block["source"]["data"].as_str().unwrap_or_default().to_owned(),
            native: block["title"].clone(),
        })
        .filter(|document| !document.text.is_empty())
        .collect()
}

fn unanswered(at: usize, calls: &[&str]) -> Failure {
    Failure::bad(format!(
        "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` \
         block must have a corresponding `tool_result` block in the next message.",
        calls.join(", ")
    ))
}

fn check_results(blocks: &[&Value], calls: &[&str], at: usize) -> Result<(), Failure> {
    let results: Vec<&str> = blocks
        .iter()
        .filter(|block| block["type"] == "tool_result")
        .filter_map(|block| block["tool_use_id"].as_str())
        .collect();
    if let Some(stray) = results.iter().find(|id| !calls.contains(id)) {
        return Err(Failure::bad(format!(
            "messages.{at}.content: unexpected `tool_use_id` found in `tool_result` blocks: {stray}. Each `tool_result` \
             block must have a corresponding `tool_use` block in the previous message."
        )));
    }
    if calls.iter().all(|call| results.contains(call)) { Ok(()) } else { Err(unanswered(at - 1, calls)) }
}

fn read_blocks(role: Role, blocks: &[&Value], at: usize, turns: &mut Vec<Turn>) -> Result<(), Failure> {
    let mut turn = Turn::new(role);
    for (position, block) in blocks.iter().enumerate() {
        match block["type"].as_str() {
            Some("tool_result") => turns.push(result(block)),
            Some("thinking") => {
                check_thinking(block, at, position)?;
                turn.extra.push_str(block["thinking"].as_str().unwrap_or_default());
            }
            Some("redacted_thinking") => turn.extra.push_str(block["data"].as_str().unwrap_or_default()),
            _ => read_block(&mut turn, block),
        }
        if block["type"] != "tool_result"
            && let Some(keep) = keep(block)
        {
            turn.mark = Some(keep);
            turns.push(std::mem::replace(&mut turn, Turn::new(role)));
        }
    }
    if turn.says_something() {
        turns.push(turn);
    }
    Ok(())
}

fn read_block(turn: &mut Turn, block: &Value) {
    match block["type"].as_str() {
        None => turn.say(block.as_str().unwrap_or_default()),
        Some("text") => turn.say(block["text"].as_str().unwrap_or_default()),
        Some("image") => turn.image(IMAGE),
        Some("document") => turn.media_tokens += DOCUMENT,
        Some("tool_use") => {
            turn.extra.push_str(block["name"].as_str().unwrap_or_default());
            turn.extra.push_str(&block["input"].to_string());
        }
        _ => turn.extra.push_str(&block.to_string()),
    }
}

fn result(block: &Value) -> Turn {
    let mut turn = Turn::new(Role::Tool);
    match &block["content"] {
        Value::String(text) => turn.say(text),
        Value::Array(parts) => parts.iter().for_each(|part| read_block(&mut turn, part)),
        _ => {}
    }
    turn.mark = keep(block);
    turn
}

fn check_thinking(block: &Value, at: usize, position: usize) -> Result<(), Failure> {
    let thoughts = block["thinking"].as_str().unwrap_or_default();
    // Thoughts that were not shown cannot be checked.
    let signature = block["signature"].as_str().unwrap_or_default();
    if signature == sign(thoughts) || (thoughts.is_empty() && signature.starts_with("Sim")) {
        return Ok(());
    }
    Err(Failure::bad(format!("messages.{at}.content.{position}: Invalid `signature` in `thinking` block")))
}

fn read_tools(body: &Value, ask: &mut Ask) -> Result<(), Failure> {
    for (at, tool) in body["tools"].as_array().into_iter().flatten().enumerate() {
        if tool["type"].as_str().is_some_and(|kind| kind != "custom") {
            continue;
        }
        if tool["input_schema"]["type"].is_null() {
            return Err(Failure::bad(format!("tools.{at}.custom.input_schema.type: Field required")));
        }
        if tool["input_schema"]["type"] != "object" {
            return Err(Failure::bad(format!(
                "tools.{at}.custom.input_schema.type: Input should be 'object'"
            )));
        }
        ask.tools.push(Tool {
            name: tool["name"].as_str().unwrap_or_default().to_owned(),
            schema: tool["input_schema"].clone(),
            declaration: tool.to_string(),
        });
        ask.tools_mark = keep(tool).or(ask.tools_mark);
    }
    let choice = &body["tool_choice"];
    ask.parallel = choice["disable_parallel_tool_use"] != true;
    ask.tool_choice = match choice["type"].as_str() {
        Some("any") => ToolChoice::Required,
        Some("none") => ToolChoice::Nothing,
        Some("tool") => ToolChoice::Named(choice["name"].as_str().unwrap_or_default().to_owned()),
        _ => ToolChoice::Auto,
    };
    let forced = matches!(ask.tool_choice, ToolChoice::Required | ToolChoice::Named(_));
    if forced && ask.reasoning.is_some() {
        return Err(Failure::bad("Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(())
}

fn format(body: &Value) -> Format {
    let format = [&body["output_config"]["format"], &body["output_format"]]
        .into_iter()
        .find(|format| format["type"] == "json_schema");
    format.map_or(Format::Text, |format| Format::Schema(format["schema"].clone()))
}
