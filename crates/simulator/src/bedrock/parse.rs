//! Reads a Converse request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::shape::CONVERSE;
use super::{extra, model_error};
use crate::anthropic::sign;
use crate::ask::{Ask, Caching, Format, Keep, Reasoning, Role, Tool, ToolChoice, Turn};
use crate::failure::Failure;
use crate::openai::{stop, tokens_of_effort};
use crate::route::Address;
use crate::strict::stranger;

const IMAGE: u64 = 1334;
const DOCUMENT: u64 = 1800;

/// # Errors
/// [`Failure`] as Bedrock would answer.
pub(super) fn parse(address: &Address, body: &Value) -> Result<Ask, Failure> {
    if let Some(way) = stranger(body, &CONVERSE) {
        return Err(extra(&way));
    }
    let model = address.model.as_deref().unwrap_or_default();
    let mut ask = Ask::new(model);
    ask.stream = address.stream;
    ask.turns = system(&body["system"])?;
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    read_messages(messages, &mut ask)?;
    read_tools(&body["toolConfig"], messages, &mut ask)?;
    let config = &body["inferenceConfig"];
    if config["temperature"].as_f64().is_some_and(|value| !(0.0..=1.0).contains(&value)) {
        return Err(Failure::bad(
            "1 validation error detected: Value at 'inferenceConfig.temperature' failed to satisfy constraint: Member must \
             have value less than or equal to 1",
        ));
    }
    ask.max_tokens = config["maxTokens"].as_u64();
    ask.stop = stop(&config["stopSequences"]);
    ask.reasoning = reasoning(&body["additionalModelRequestFields"], model);
    ask.format = format(&body["outputConfig"]["textFormat"])?;
    ask.caching = Caching::Marked;
    Ok(ask)
}

fn keep(block: &Value) -> Option<Keep> {
    let point = block.get("cachePoint")?;
    Some(if point["ttl"] == "1h" { Keep::Hour1 } else { Keep::Minutes5 })
}

fn system(blocks: &Value) -> Result<Vec<Turn>, Failure> {
    let mut turns: Vec<Turn> = Vec::new();
    for (at, block) in blocks.as_array().into_iter().flatten().enumerate() {
        if let Some(keep) = keep(block) {
            let Some(last) = turns.last_mut() else { return Err(leading_point()) };
            last.mark = Some(keep);
            continue;
        }
        let text = block["text"].as_str().unwrap_or_default();
        if text.is_empty() {
            return Err(blank(&format!("SystemContentBlock object at system.{at}")));
        }
        let mut turn = Turn::new(Role::System);
        turn.say(text);
        turns.push(turn);
    }
    Ok(turns)
}

fn leading_point() -> Failure {
    model_error("Malformed input request: a cachePoint must follow what it caches.")
}

fn blank(place: &str) -> Failure {
    Failure::bad(format!(
        "The text field in the {place} is blank. Add text to the text field, and try again."
    ))
}

fn read_messages(messages: &[Value], ask: &mut Ask) -> Result<(), Failure> {
    let mut expected = "user";
    let mut calls: Vec<&str> = Vec::new();
    if messages.is_empty() {
        return Err(Failure::bad(
            "A conversation must start with a user message. Try again with a conversation that \
                                 starts with a user message.",
        ));
    }
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role != expected && at == 0 {
            return Err(Failure::bad(
                "A conversation must start with a user message. Try again with a conversation \
                                     that starts with a user message.",
            ));
        }
        if role != expected {
            return Err(Failure::bad(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates \
                 between user and assistant roles and try again.",
            ));
        }
        expected = if role == "user" { "assistant" } else { "user" };
        let blocks = message["content"].as_array().map_or(&[][..], Vec::as_slice);
        if blocks.is_empty() {
            let message = format!(
                "The content field in the Message object at messages.{at} is empty. Add a ContentBlock object to the \
                 content field and try again."
            );
            return Err(Failure::bad(message));
        }
        check_results(blocks, &calls, at)?;
        calls = blocks.iter().filter_map(|block| block["toolUse"]["toolUseId"].as_str()).collect();
        let role = if role == "user" { Role::User } else { Role::Assistant };
        read_blocks(role, blocks, at, ask)?;
    }
    if expected == "user" {
        let message = "This model does not support assistant message prefill. The conversation must end with a user message.";
        return Err(model_error(message));
    }
    Ok(())
}

fn check_results(blocks: &[Value], calls: &[&str], at: usize) -> Result<(), Failure> {
    let results: Vec<&str> =
        blocks.iter().filter_map(|block| block["toolResult"]["toolUseId"].as_str()).collect();
    if results.len() > calls.len() || results.iter().any(|id| !calls.contains(id)) {
        return Err(Failure::bad(format!(
            "The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks of previous turn."
        )));
    }
    if let Some(id) = calls.iter().find(|id| !results.contains(id)) {
        return Err(Failure::bad(format!(
            "Expected toolResult blocks at messages.{at}.content for the following Ids: {id}"
        )));
    }
    Ok(())
}

fn read_blocks(role: Role, blocks: &[Value], at: usize, ask: &mut Ask) -> Result<(), Failure> {
    let mut turn = Turn::new(role);
    for (position, block) in blocks.iter().enumerate() {
        let place = format!("messages.{at}.content.{position}");
        if let Some(keep) = keep(block) {
            if turn.says_something() {
                ask.turns.push(std::mem::replace(&mut turn, Turn::new(role)));
            }
            // What it follows may be a result, which is a turn already.
            if let Some(last) = ask.turns.last_mut() {
                last.mark = Some(keep);
            }
        } else if block.get("toolResult").is_some() {
            ask.turns.push(result(&block["toolResult"], &place)?);
        } else {
            read_block(&mut turn, block, &place)?;
        }
    }
    if turn.says_something() {
        ask.turns.push(turn);
    }
    Ok(())
}

fn read_block(turn: &mut Turn, block: &Value, place: &str) -> Result<(), Failure> {
    let reasoning = &block["reasoningContent"]["reasoningText"];
    if let Some(text) = block["text"].as_str() {
        if text.trim().is_empty() {
            return Err(blank(&format!("ContentBlock object at {place}")));
        }
        turn.say(text);
    } else if let Some(image) = block.get("image") {
        check_bytes(image, place)?;
        turn.image(IMAGE);
    } else if let Some(document) = block.get("document") {
        check_bytes(document, place)?;
        turn.media_tokens += DOCUMENT;
    } else if let Some(call) = block.get("toolUse") {
        if !call["input"].is_object() {
            return Err(Failure::bad(format!(
                "The format of the value at {place}.toolUse.input is invalid. Provide a json object for the field and try \
                 again."
            )));
        }
        turn.extra.push_str(call["name"].as_str().unwrap_or_default());
        turn.extra.push_str(&call["input"].to_string());
    } else if reasoning.is_object() {
        let text = reasoning["text"].as_str().unwrap_or_default();
        if reasoning["signature"].as_str().is_some_and(|signature| signature != sign(text)) {
            return Err(model_error(&format!("{place}: Invalid `signature` in `thinking` block")));
        }
        turn.extra.push_str(text);
    } else {
        turn.extra.push_str(&block.to_string());
    }
    Ok(())
}

/// Links are not followed: the bytes themselves must be there, or a place in Amazon's own storage.
fn check_bytes(media: &Value, place: &str) -> Result<(), Failure> {
    let source = &media["source"];
    let held =
        source["bytes"].as_str().is_some_and(|data| STANDARD.decode(data).is_ok_and(|data| !data.is_empty()));
    if media["format"].is_string() && (held || source["s3Location"].is_object() || source["text"].is_string())
    {
        return Ok(());
    }
    Err(Failure::bad(format!("The source or the format of the media at {place} is invalid.")))
}

fn result(result: &Value, place: &str) -> Result<Turn, Failure> {
    let mut turn = Turn::new(Role::Tool);
    for block in result["content"].as_array().into_iter().flatten() {
        match block.get("json") {
            Some(json) => turn.say(&json.to_string()),
            None => read_block(&mut turn, block, place)?,
        }
    }
    Ok(turn)
}

fn read_tools(config: &Value, messages: &[Value], ask: &mut Ask) -> Result<(), Failure> {
    let blocks = messages.iter().flat_map(|message| message["content"].as_array().into_iter().flatten());
    let used =
        blocks.into_iter().any(|block| block.get("toolUse").is_some() || block.get("toolResult").is_some());
    let tools = config["tools"].as_array().map_or(&[][..], Vec::as_slice);
    if tools.is_empty() && used {
        return Err(Failure::bad(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
        ));
    }
    for (at, tool) in tools.iter().enumerate() {
        if let Some(keep) = keep(tool) {
            ask.tools_mark = Some(keep);
            continue;
        }
        let spec = &tool["toolSpec"];
        let schema = &spec["inputSchema"]["json"];
        if schema["type"] != "object" {
            return Err(Failure::bad(format!(
                "The value at toolConfig.tools.{at}.toolSpec.inputSchema.json.type must be one of the following: object."
            )));
        }
        ask.tools.push(Tool {
            name: spec["name"].as_str().unwrap_or_default().to_owned(),
            schema: schema.clone(),
            declaration: spec.to_string(),
        });
    }
    let choice = &config["toolChoice"];
    ask.tool_choice = match choice["tool"]["name"].as_str() {
        Some(name) => ToolChoice::Named(name.to_owned()),
        None if choice.get("any").is_some() => ToolChoice::Required,
        None => ToolChoice::Auto,
    };
    Ok(())
}

/// Each maker's own way to ask for thoughts.
fn reasoning(fields: &Value, model: &str) -> Option<Reasoning> {
    let thinking = &fields["thinking"];
    let budget = thinking["budget_tokens"].as_u64().or(fields["reasoning_config"]["budget_tokens"].as_u64());
    let effort = fields["reasoning_effort"]
        .as_str()
        .or(fields["reasoningConfig"]["maxReasoningEffort"].as_str())
        .or(fields["output_config"]["effort"].as_str());
    let on = thinking["type"] == "adaptive" || fields["reasoningConfig"]["type"] == "enabled";
    let own = ["gpt-oss", "deepseek.r1"].iter().any(|name| model.contains(name));
    let tokens = match (budget, effort) {
        (Some(budget), _) => (budget / 32).clamp(32, 256),
        (None, Some(effort)) => tokens_of_effort(effort),
        (None, None) if on || own => 64,
        (None, None) => 0,
    };
    (tokens > 0).then_some(Reasoning::shown(tokens, true))
}

/// The schema is a text.
fn format(format: &Value) -> Result<Format, Failure> {
    if format["type"] != "json_schema" {
        return Ok(Format::Text);
    }
    let schema = format["structure"]["jsonSchema"]["schema"].as_str().unwrap_or_default();
    let schema = serde_json::from_str(schema);
    schema.map(Format::Schema).map_err(|_| {
        Failure::bad(
            "The value at outputConfig.textFormat.structure.jsonSchema.schema is not a valid JSON schema.",
        )
    })
}
