//! Tools and which of them must be called.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::blocks::Block;
use super::family::{Family, Traits};
use super::turns::Conversation;
use crate::canonical::{Request, Tool, ToolChoice};
use crate::codec::Target;
use crate::tool_input;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    tools: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Entry<'a> {
    Tool {
        #[serde(rename = "toolSpec")]
        spec: Spec<'a>,
    },
    Mark(Block<'a>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: Schema<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Schema<'a> {
    json: Cow<'a, Value>,
}

impl<'a> ToolConfig<'a> {
    /// One tool, which the model has to call.
    pub(super) fn only(name: &'a str, description: &'a str, input: &'a Value, traits: &Traits) -> Self {
        let input_schema = Schema { json: tool_input::schema(Some(input)) };
        let spec = Spec { name, description: Some(description), input_schema, strict: None };
        Self { tools: vec![Entry::Tool { spec }], tool_choice: Some(named(name, traits)) }
    }

    /// Whether the model is free to call a tool or not.
    pub(super) const fn is_free(&self) -> bool {
        self.tool_choice.is_none()
    }
}

/// The `toolConfig` member. There is no way to forbid calls but to leave the tools out, and a conversation that
/// has calls is refused without tools; then the model may call them again.
pub(super) fn config<'a>(
    request: &'a Request,
    target: &Target<'_>,
    traits: &Traits,
    conversation: &Conversation<'_>,
) -> Option<ToolConfig<'a>> {
    let is_forbidden = request.tool_choice == Some(ToolChoice::None) || !target.takes("tools");
    if is_forbidden && !conversation.has_calls() {
        return None;
    }
    let mut tools: Vec<Entry<'_>> = Vec::new();
    let only = only(request, traits);
    for tool in request.tools.iter().filter(|tool| only.is_none_or(|name| name == tool.name)) {
        tools.push(Entry::Tool { spec: spec(tool, traits) });
        let mark = tool.cache_control.as_ref().filter(|_| traits.caches_tools);
        tools.extend(Block::cache_point(mark, traits).map(Entry::Mark));
    }
    if tools.is_empty() && conversation.has_calls() {
        tools = called(request);
    }
    let tool_choice = if is_forbidden { None } else { choice(request, traits) };
    (!tools.is_empty()).then_some(ToolConfig { tools, tool_choice })
}

/// The one tool to offer, to a model that cannot be told which to call.
fn only<'a>(request: &'a Request, traits: &Traits) -> Option<&'a str> {
    match &request.tool_choice {
        Some(ToolChoice::Named(name)) if traits.family == Family::Mistral && traits.can_be_forced => {
            Some(name)
        }
        _ => None,
    }
}

fn choice(request: &Request, traits: &Traits) -> Option<Value> {
    match request.tool_choice.as_ref().filter(|_| traits.can_be_forced)? {
        ToolChoice::Required => Some(json!({ "any": {} })),
        ToolChoice::Named(name) => Some(named(name, traits)),
        ToolChoice::Auto | ToolChoice::None => None,
    }
}

/// Mistral's models can be made to call some tool, but not told which.
fn named(name: &str, traits: &Traits) -> Value {
    match traits.family {
        Family::Mistral => json!({ "any": {} }),
        _ => json!({ "tool": { "name": name } }),
    }
}

fn spec<'a>(tool: &'a Tool, traits: &Traits) -> Spec<'a> {
    Spec {
        name: &tool.name,
        description: tool.description.as_deref().filter(|description| !description.trim().is_empty()),
        input_schema: Schema { json: tool_input::schema(tool.parameters.as_ref()) },
        strict: tool.strict.filter(|strict| *strict && traits.structured_outputs),
    }
}

/// The tools that were called so far, for a conversation that goes on without them.
fn called(request: &Request) -> Vec<Entry<'_>> {
    let mut names: Vec<&str> = Vec::new();
    for call in request.messages.iter().flat_map(|message| &message.tool_calls) {
        if !names.contains(&call.name.as_str()) {
            names.push(&call.name);
        }
    }
    let names = names.into_iter();
    names
        .map(|name| Entry::Tool {
            spec: Spec {
                name,
                description: None,
                input_schema: Schema { json: tool_input::schema(None) },
                strict: None,
            },
        })
        .collect()
}
