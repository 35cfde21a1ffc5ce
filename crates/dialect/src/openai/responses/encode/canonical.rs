//! Writes a request of another dialect as a body of this one; [`super::shape`] then treats it like one of a
//! client's.

use serde_json::{Map, Value, json};

use super::super::super::encode::canonical::url;
use super::super::super::quirks::Quirks;
use super::super::reasoning_format;
use crate::canonical::{
    Media, Message, Part, PartKind, ReasoningDetail, ReasoningKind, Request, ResponseFormat, Speaker, Tool,
    ToolCall, ToolChoice,
};
use crate::codec::Target;
use crate::members::{Member, Members};

/// Members that mean the same here as in other dialects.
const SHARED: [&str; 7] = [
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "top_logprobs",
    "truncation",
];

pub(super) fn body<'a>(request: &'a Request, target: &Target<'_>) -> Members<'a> {
    let mut body = Members(Vec::new());
    let writer = Writer { format: reasoning_format(target), quirks: Quirks::of(target) };
    body.make("input", request.messages.iter().flat_map(|message| writer.items(message)).collect::<Vec<_>>());
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
    optional("text", text(request));
    optional("temperature", request.temperature.map(Value::from));
    optional("top_p", request.top_p.map(Value::from));
    optional("user", request.user.as_deref().map(Value::from));
    let goes_on = |name: &str| SHARED.contains(&name) || writer.quirks.lists("accepts", name);
    for (name, value) in request.extra.iter().filter(|(name, _)| goes_on(name)) {
        body.set(name.as_str(), Member::Made(value.clone()));
    }
    body
}

struct Writer<'a> {
    /// Whose sealed reasoning may go out.
    format: &'a str,
    quirks: Quirks<'a>,
}

impl Writer<'_> {
    /// One turn: what was thought, what was said, what was called.
    fn items(&self, message: &Message) -> Vec<Value> {
        let role = match message.speaker {
            Speaker::Developer if self.quirks.is("developer_role", "system") => "system",
            Speaker::Developer => "developer",
            Speaker::System => "system",
            Speaker::User => "user",
            Speaker::Assistant => return self.answer(message),
            Speaker::Tool => return vec![output(message)],
        };
        vec![json!({"role": role, "content": content(message, "input_text")})]
    }

    fn answer(&self, message: &Message) -> Vec<Value> {
        let mut items = self.reasoning(&message.reasoning);
        let mut parts: Vec<Value> = message.content.iter().filter_map(said).collect();
        parts.extend(message.refusal.as_ref().map(|text| json!({"type": "refusal", "refusal": text})));
        if !parts.is_empty() {
            items.push(json!({"type": "message", "role": "assistant", "content": parts}));
        }
        items.extend(message.tool_calls.iter().map(call));
        items
    }

    /// Pieces that share an id were one item.
    fn reasoning(&self, details: &[ReasoningDetail]) -> Vec<Value> {
        let alike = |one: &ReasoningDetail, next: &ReasoningDetail| one.id.is_some() && one.id == next.id;
        details.chunk_by(alike).filter_map(|pieces| self.thought(pieces)).collect()
    }

    /// Only what the endpoint can open, or what it takes in plain text.
    fn thought(&self, pieces: &[ReasoningDetail]) -> Option<Value> {
        let is_own =
            |detail: &&ReasoningDetail| detail.format.as_deref().is_none_or(|format| format == self.format);
        let texts = |kind: ReasoningKind, name: &str| -> Vec<Value> {
            let of_kind = pieces.iter().filter(|detail| detail.kind == kind);
            let texts = of_kind.filter_map(ReasoningDetail::text).filter(|text| !text.is_empty());
            texts.map(|text| json!({"type": name, "text": text})).collect()
        };
        let mut item = json!({"type": "reasoning", "summary": texts(ReasoningKind::Summary, "summary_text")});
        let content = texts(ReasoningKind::Text, "reasoning_text");
        let sealed = pieces.iter().filter(is_own).find(|detail| detail.kind == ReasoningKind::Encrypted);
        match sealed.and_then(|detail| detail.content.as_deref()) {
            Some(sealed) => item["encrypted_content"] = json!(sealed),
            None if self.quirks.text("send_reasoning_back").is_none() => return None,
            None if content.is_empty() && item["summary"].as_array().is_none_or(Vec::is_empty) => {
                return None;
            }
            None => {}
        }
        if !content.is_empty() {
            item["content"] = json!(content);
        }
        if let Some(id) = pieces.iter().filter(is_own).find_map(|detail| detail.id.as_ref()) {
            item["id"] = json!(id);
        }
        Some(item)
    }
}

/// One plain text is a string, the rest are parts.
fn content(message: &Message, kind: &str) -> Value {
    match message.content.as_slice() {
        [] => json!(""),
        [Part { kind: PartKind::Text(text), cache_control: None }] => json!(named(message, text)),
        parts => {
            let mut name = message.name.as_deref();
            parts.iter().map(|part| shown(part, kind, &mut name)).collect()
        }
    }
}

/// There are no names of speakers here, so a name leads the text.
fn named(message: &Message, text: &str) -> String {
    match message.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => format!("{name}: {text}"),
        None => text.to_owned(),
    }
}

fn shown(part: &Part, kind: &str, name: &mut Option<&str>) -> Value {
    let mut value = match &part.kind {
        PartKind::Text(text) => {
            let text = name.take().map_or_else(|| text.clone(), |name| format!("{name}: {text}"));
            json!({"type": kind, "text": text})
        }
        PartKind::Image { source, detail } => {
            let mut image = match source {
                Media::Id(id) => json!({"type": "input_image", "file_id": id}),
                source => json!({"type": "input_image", "image_url": url(source)}),
            };
            image["detail"] = json!(detail.as_deref().unwrap_or("auto"));
            image
        }
        PartKind::Audio { data, format } => {
            json!({"type": "input_audio", "input_audio": {"data": data, "format": format}})
        }
        PartKind::File { name, source } => file(name.as_deref(), source),
        PartKind::Other(value) => value.clone(),
    };
    if let (Some(marker), Value::Object(members)) = (&part.cache_control, &mut value) {
        members.insert("cache_control".to_owned(), marker.clone());
    }
    value
}

fn file(name: Option<&str>, source: &Media) -> Value {
    let mut file = Map::from_iter([("type".to_owned(), json!("input_file"))]);
    match source {
        Media::Id(id) => file.insert("file_id".to_owned(), json!(id)),
        Media::Url(url) => file.insert("file_url".to_owned(), json!(url)),
        inline @ Media::Inline { .. } => {
            // Data without a name is refused.
            file.insert("filename".to_owned(), json!(name.unwrap_or("file.pdf")));
            file.insert("file_data".to_owned(), json!(url(inline)))
        }
    };
    Value::Object(file)
}

/// What an assistant may be shown to have said: images are not among it.
fn said(part: &Part) -> Option<Value> {
    match &part.kind {
        PartKind::Text(text) if !text.is_empty() => Some(json!({"type": "output_text", "text": text})),
        _ => None,
    }
}

fn call(call: &ToolCall) -> Value {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    json!({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments})
}

fn output(message: &Message) -> Value {
    let mut texts = Vec::new();
    for part in &message.content {
        match &part.kind {
            PartKind::Text(text) => texts.push(text.as_str()),
            _ => {
                return json!({"type": "function_call_output", "call_id": message.tool_call_id,
                               "output": content(message, "input_text")});
            }
        }
    }
    json!({"type": "function_call_output", "call_id": message.tool_call_id, "output": texts.concat()})
}

/// Schemas are kept to here unless that is denied, while other dialects ask for it.
fn tool(tool: &Tool) -> Value {
    let mut value = json!({
        "type": "function",
        "name": tool.name,
        "parameters": tool.parameters.clone().unwrap_or_else(|| json!({"type": "object", "properties": {}})),
        "strict": tool.strict.unwrap_or(false),
    });
    if let Some(description) = &tool.description {
        value["description"] = json!(description);
    }
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
        ToolChoice::Named(name) => json!({"type": "function", "name": name}),
    }
}

fn text(request: &Request) -> Option<Value> {
    let mut text = Map::new();
    if let Some(format) = &request.response_format {
        text.insert("format".to_owned(), format_of(format));
    }
    if let Some(verbosity) = request.extra.get("verbosity") {
        text.insert("verbosity".to_owned(), verbosity.clone());
    }
    (!text.is_empty()).then_some(Value::Object(text))
}

fn format_of(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema, strict, description } => {
            let mut format = json!({"type": "json_schema", "name": name, "schema": schema});
            if let Some(strict) = strict {
                format["strict"] = json!(strict);
            }
            if let Some(description) = description {
                format["description"] = json!(description);
            }
            format
        }
        ResponseFormat::Other(value) => value.clone(),
    }
}
