//! Content that comes as a list of parts: text, thinking, images; others are internals of providers.

use serde_json::{Value, json};

use crate::canonical::{Event, ReasoningDetail};

/// What a part says.
pub(super) enum Said {
    Text(String),
    Refusal(String),
    Reasoning(ReasoningDetail),
    Image(Event),
    Nothing,
}

/// Reads one part of a choice's content.
pub(super) fn read(choice: u32, mut part: Value) -> Said {
    let kind = part["type"].as_str().unwrap_or("text").to_owned();
    let signature = part["signature"].as_str().map(str::to_owned);
    let text_of = |list: &[Value]| list.iter().filter_map(|piece| piece["text"].as_str()).collect::<String>();
    let member = if kind == "output_text" { "text" } else { kind.as_str() };
    match (kind.as_str(), part.get_mut(member).map(Value::take)) {
        ("text" | "output_text", Some(Value::String(text))) if !text.is_empty() => Said::Text(text),
        ("refusal", Some(Value::String(text))) if !text.is_empty() => Said::Refusal(text),
        ("thinking", Some(Value::String(text))) => thought(text, signature),
        ("thinking", Some(Value::Array(pieces))) => thought(text_of(&pieces), signature),
        ("reasoning", _) => summarized(&part, &text_of),
        ("image_url", Some(url)) => {
            image(choice, &json!({"image_url": url})).map_or(Said::Nothing, Said::Image)
        }
        _ => Said::Nothing,
    }
}

/// `{"type": "reasoning", "summary": [{"text", "signature"}]}`
fn summarized(part: &Value, text_of: &dyn Fn(&[Value]) -> String) -> Said {
    let pieces = part["summary"].as_array().map(Vec::as_slice).unwrap_or_default();
    let signature = pieces.iter().find_map(|piece| piece["signature"].as_str());
    thought(text_of(pieces), signature.map(str::to_owned))
}

fn thought(text: String, signature: Option<String>) -> Said {
    if text.is_empty() && signature.is_none() {
        return Said::Nothing;
    }
    Said::Reasoning(ReasoningDetail { content: Some(text), signature, ..ReasoningDetail::default() })
}

/// An image of `images` or of a part.
pub(super) fn image(choice: u32, image: &Value) -> Option<Event> {
    let url = image.get("image_url")?;
    let url = url.as_str().or_else(|| url.get("url")?.as_str())?;
    Some(Event::Image { choice, url: url.to_owned() })
}
