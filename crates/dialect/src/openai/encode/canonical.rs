//! Writes a request of another dialect as a chat body; [`super::shape`] then treats it like a client's.

use serde_json::{Map, Value, json};

use crate::canonical::{
    Media, Message, Part, PartKind, Request, ResponseFormat, Speaker, Tool, ToolCall, ToolChoice,
};
use crate::media::known_type;
use crate::members::{Member, Members};
use crate::reasoning_details::DetailBody;

pub(super) fn body(request: &Request) -> Members<'_> {
    let mut body = Members(Vec::new());
    body.make("messages", request.messages.iter().map(message).collect::<Vec<_>>());
    if !request.tools.is_empty() {
        body.make("tools", request.tools.iter().map(tool).collect::<Vec<_>>());
    }
    let mut optional = |name: &'static str, value: Option<Value>| {
        if let Some(value) = value {
            body.make(name, value);
        }
    };
    optional("tool_choice", request.tool_choice.as_ref().map(tool_choice));
    optional("parallel_tool_calls", request.parallel_tool_calls.map(Value::from));
    optional("response_format", request.response_format.as_ref().map(response_format));
    optional("temperature", request.temperature.map(Value::from));
    optional("top_p", request.top_p.map(Value::from));
    optional("top_k", request.top_k.map(Value::from));
    optional("min_p", request.min_p.map(Value::from));
    optional("frequency_penalty", request.frequency_penalty.map(Value::from));
    optional("presence_penalty", request.presence_penalty.map(Value::from));
    optional("repetition_penalty", request.repetition_penalty.map(Value::from));
    optional("seed", request.seed.map(Value::from));
    optional("stop", (!request.stop.is_empty()).then(|| json!(request.stop)));
    optional("n", request.n.map(Value::from));
    for (name, value) in &request.extra {
        body.set(name.as_str(), Member::Made(value.clone()));
    }
    body
}

fn message(message: &Message) -> Value {
    let role = match message.speaker {
        Speaker::System => "system",
        Speaker::Developer => "developer",
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
        Speaker::Tool => "tool",
    };
    let mut members = Map::new();
    members.insert("role".to_owned(), json!(role));
    members.insert("content".to_owned(), content(message));
    let mut optional = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    optional("name", message.name.as_deref().map(Value::from));
    optional("refusal", message.refusal.as_deref().map(Value::from));
    optional("tool_call_id", message.tool_call_id.as_deref().map(Value::from));
    let calls = || message.tool_calls.iter().map(tool_call).collect::<Vec<_>>();
    optional("tool_calls", (!message.tool_calls.is_empty()).then(|| Value::from(calls())));
    let details = || message.reasoning.iter().map(DetailBody::of).collect::<Vec<_>>();
    optional("reasoning_details", (!message.reasoning.is_empty()).then(|| json!(details())));
    Value::Object(members)
}

/// One plain text is a string, nothing an assistant said is null, the rest are parts.
fn content(message: &Message) -> Value {
    match message.content.as_slice() {
        [] if message.speaker == Speaker::Assistant && !message.tool_calls.is_empty() => Value::Null,
        [] => json!(""),
        [Part { kind: PartKind::Text(text), cache_control: None }] => json!(text),
        parts => parts.iter().map(part).collect(),
    }
}

fn part(part: &Part) -> Value {
    let mut value = match &part.kind {
        PartKind::Text(text) => json!({"type": "text", "text": text}),
        PartKind::Image { source, detail } => {
            let mut image = json!({"url": url(source)});
            if let Some(detail) = detail {
                image["detail"] = json!(detail);
            }
            json!({"type": "image_url", "image_url": image})
        }
        PartKind::Audio { data, format } => {
            json!({"type": "input_audio", "input_audio": {"data": data, "format": format}})
        }
        PartKind::File { name, source } => json!({"type": "file", "file": file(name.as_deref(), source)}),
        PartKind::Other(value) => value.clone(),
    };
    if let (Some(marker), Value::Object(members)) = (&part.cache_control, &mut value) {
        members.insert("cache_control".to_owned(), marker.clone());
    }
    value
}

pub(in super::super) fn url(source: &Media) -> String {
    match source {
        Media::Url(url) | Media::Id(url) => url.clone(),
        Media::Inline { media_type, data } => format!("data:{media_type};base64,{data}"),
    }
}

fn file(name: Option<&str>, source: &Media) -> Value {
    let mut file = match source {
        Media::Id(id) => json!({"file_id": id}),
        Media::Inline { media_type, data } => {
            json!({"file_data": format!("data:{};base64,{data}", known_type(media_type, data, name))})
        }
        Media::Url(url) => json!({"file_data": url}),
    };
    if let Some(name) = name {
        file["filename"] = json!(name);
    }
    file
}

fn tool_call(call: &ToolCall) -> Value {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

fn tool(tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), json!(tool.name));
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), json!(description));
    }
    if let Some(parameters) = &tool.parameters {
        function.insert("parameters".to_owned(), parameters.clone());
    }
    if let Some(strict) = tool.strict {
        function.insert("strict".to_owned(), json!(strict));
    }
    let mut value = json!({"type": "function", "function": function});
    if let Some(marker) = &tool.cache_control {
        value["cache_control"] = marker.clone();
    }
    value
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::None => json!("none"),
        ToolChoice::Auto => json!("auto"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

fn response_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema, strict, description } => {
            let mut members = json!({"name": name, "schema": schema});
            if let Some(strict) = strict {
                members["strict"] = json!(strict);
            }
            if let Some(description) = description {
                members["description"] = json!(description);
            }
            json!({"type": "json_schema", "json_schema": members})
        }
        ResponseFormat::Other(value) => value.clone(),
    }
}
