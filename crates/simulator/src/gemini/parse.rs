//! Reads a `generateContent` request.

use serde_json::Value;

use super::keys::camel;
use super::shape::REQUEST;
use super::sign_call;
use crate::ask::{Ask, Caching, Format, Reasoning, Role, Sound, Tool, ToolChoice, Turn};
use crate::failure::Failure;
use crate::openai::{stop, tokens_of_effort};
use crate::route::Address;
use crate::strict::stranger;

const IMAGE: u64 = 258;
const AUDIO: u64 = 160;
/// What stands for a signature when the history came from another provider.
const PLACEHOLDER: &str = "skip_thought_signature_validator";

/// # Errors
/// [`Failure`] as Gemini would answer.
pub(super) fn parse(body: &Value, address: &Address) -> Result<Ask, Failure> {
    let body = &camel(body);
    if let Some(way) = stranger(body, &REQUEST) {
        return Err(unknown(&way));
    }
    let model = address.model.as_deref().unwrap_or_default();
    let mut ask = Ask::new(model);
    ask.stream = address.stream;
    if body.get("contents").is_none_or(|contents| contents.as_array().is_none_or(Vec::is_empty)) {
        return Err(Failure::bad("* GenerateContentRequest.contents: contents is not specified\n"));
    }
    let system = &body["systemInstruction"];
    if !system["parts"].is_null() {
        let mut turn = Turn::new(Role::System);
        read_parts(&mut turn, &system["parts"], model)?;
        ask.turns.push(turn);
    }
    for content in body["contents"].as_array().into_iter().flatten() {
        ask.turns.extend(turns(content, model)?);
    }
    ask.tools = tools(&body["tools"]);
    ask.tool_choice = tool_choice(&body["toolConfig"]["functionCallingConfig"]);
    read_generation(&body["generationConfig"], &mut ask)?;
    ask.caching = Caching::Automatic { step: 1, writes: false };
    let modalities = body["generationConfig"]["responseModalities"].as_array().into_iter().flatten();
    let spoken = modalities.filter_map(Value::as_str).any(|name| name.eq_ignore_ascii_case("audio"));
    ask.sound = spoken.then_some(Sound::Pcm);
    ask.picture = picture(&body["generationConfig"]["responseModalities"], model);
    Ok(ask)
}

/// A member that is not known, and where it stands.
fn unknown(way: &[String]) -> Failure {
    let (name, place) = way.split_last().map_or(("", &[][..]), |(name, place)| (name.as_str(), place));
    let mut at = String::new();
    for step in place {
        match step.parse::<usize>() {
            Ok(position) => at.push_str(&format!("[{position}]")),
            Err(_) if at.is_empty() => at.push_str(step),
            Err(_) => at.push_str(&format!(".{step}")),
        }
    }
    let at = if at.is_empty() { at } else { format!(" at '{at}'") };
    Failure::bad(format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field."))
}

/// Whether an answer holds a picture: of models that are named for it, unless only text is wanted.
fn picture(modalities: &Value, model: &str) -> bool {
    let wanted = modalities.as_array().is_none_or(|list| {
        list.iter().filter_map(Value::as_str).any(|name| name.eq_ignore_ascii_case("image"))
    });
    model.contains("image") && wanted
}

fn either<'a>(fields: &'a Value, first: &str, second: &str) -> &'a Value {
    if fields[first].is_null() { &fields[second] } else { &fields[first] }
}

fn read_generation(config: &Value, ask: &mut Ask) -> Result<(), Failure> {
    if config["temperature"].as_f64().is_some_and(|value| !(0.0..=2.0).contains(&value)) {
        return Err(Failure::bad(
            "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n",
        ));
    }
    ask.max_tokens = config["maxOutputTokens"].as_u64();
    ask.stop = stop(&config["stopSequences"]);
    if ask.stop.len() > 5 {
        return Err(Failure::bad("The number of stop sequences must be at most 5."));
    }
    ask.choices = usize::try_from(config["candidateCount"].as_u64().unwrap_or(1)).unwrap_or(1);
    ask.seed = config["seed"].as_i64();
    let schema = either(config, "responseJsonSchema", "responseSchema");
    ask.format = match config["responseMimeType"].as_str() {
        Some("application/json") if schema.is_object() => Format::Schema(schema.clone()),
        Some("application/json") => Format::Object,
        _ => Format::Text,
    };
    let thinking = &config["thinkingConfig"];
    let tokens = match (thinking["thinkingBudget"].as_i64(), thinking["thinkingLevel"].as_str()) {
        (Some(_), Some(_)) => {
            return Err(Failure::bad("Only one of thinking_budget and thinking_level may be set."));
        }
        (Some(0), None) => 0,
        (Some(budget), None) if budget > 0 => (budget.unsigned_abs() / 16).clamp(16, 256),
        (_, Some(level)) => tokens_of_effort(&level.to_ascii_lowercase()),
        _ if thinking.is_object() => 64,
        _ => 0,
    };
    let visible = thinking["includeThoughts"] == true;
    ask.reasoning = (tokens > 0).then_some(Reasoning::shown(tokens, visible));
    Ok(())
}

/// The turns of one content: function responses are turns of their own.
fn turns(content: &Value, model: &str) -> Result<Vec<Turn>, Failure> {
    let role = match content["role"].as_str() {
        Some("user" | "function") | None => Role::User,
        Some("model") => Role::Assistant,
        Some(_) => return Err(Failure::bad("Please use a valid role: user, model.")),
    };
    let mut turn = Turn::new(role);
    read_parts(&mut turn, &content["parts"], model)?;
    let mut turns: Vec<Turn> = content["parts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|part| part.get("functionResponse"))
        .map(response)
        .collect::<Result<_, _>>()?;
    if turn.says_something() {
        turns.push(turn);
    }
    Ok(turns)
}

fn response(response: &Value) -> Result<Turn, Failure> {
    let Some(object) = response["response"].as_object() else {
        return Err(Failure::bad(
            "Invalid value at 'contents.parts.function_response.response' (type.googleapis.com/google.protobuf.Struct)",
        ));
    };
    let mut turn = Turn::new(Role::Tool);
    let only = ["result", "output", "content"].into_iter().find_map(|key| object.get(key));
    match only {
        Some(Value::String(text)) => turn.say(text),
        Some(value) if object.len() == 1 => turn.say(&value.to_string()),
        _ => turn.say(&response["response"].to_string()),
    }
    Ok(turn)
}

fn read_parts(turn: &mut Turn, parts: &Value, model: &str) -> Result<(), Failure> {
    let mut first_call = true;
    for part in parts.as_array().into_iter().flatten() {
        if part["thought"] == true {
            turn.extra.push_str(part["text"].as_str().unwrap_or_default());
        } else if let Some(text) = part["text"].as_str() {
            turn.say(text);
        } else if is_sound(part) {
            turn.sound(AUDIO);
        } else if part.get("inlineData").is_some() || part.get("fileData").is_some() {
            turn.image(IMAGE);
        } else if let Some(call) = part.get("functionCall") {
            if first_call {
                check_signature(part, model)?;
            }
            first_call = false;
            turn.extra.push_str(&call.to_string());
        }
    }
    Ok(())
}

fn is_sound(part: &Value) -> bool {
    let kinds = [&part["inlineData"]["mimeType"], &part["fileData"]["mimeType"]];
    kinds.iter().any(|kind| kind.as_str().is_some_and(|kind| kind.starts_with("audio/")))
}

/// Gemini 3 wants the signature of the first call of each turn back.
fn check_signature(part: &Value, model: &str) -> Result<(), Failure> {
    let name = part["functionCall"]["name"].as_str().unwrap_or_default();
    let signature = part["thoughtSignature"].as_str();
    if signature
        .is_some_and(|signature| signature != PLACEHOLDER && plain(signature) != plain(&sign_call(name)))
    {
        return Err(Failure::bad("Thought signature is not valid."));
    }
    if signature.is_none() && model.contains("gemini-3") {
        return Err(Failure::bad(format!(
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work \
             correctly. Function call `default_api:{name}`."
        )));
    }
    Ok(())
}

/// Bytes are written in either alphabet of base64, padded or not.
fn plain(signature: &str) -> String {
    signature.trim_end_matches('=').replace('-', "+").replace('_', "/")
}

fn tools(list: &Value) -> Vec<Tool> {
    let all =
        list.as_array().into_iter().flatten().filter_map(|tool| tool["functionDeclarations"].as_array());
    all.flatten()
        .map(|declaration| Tool {
            name: declaration["name"].as_str().unwrap_or_default().to_owned(),
            schema: either(declaration, "parametersJsonSchema", "parameters").clone(),
            declaration: declaration.to_string(),
        })
        .collect()
}

fn tool_choice(config: &Value) -> ToolChoice {
    let allowed = config["allowedFunctionNames"].as_array();
    match (config["mode"].as_str(), allowed.map(Vec::as_slice)) {
        (Some("NONE"), _) => ToolChoice::Nothing,
        (Some("ANY"), Some([only])) => ToolChoice::Named(only.as_str().unwrap_or_default().to_owned()),
        (Some("ANY"), _) => ToolChoice::Required,
        _ => ToolChoice::Auto,
    }
}
