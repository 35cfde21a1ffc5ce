//! Sources of an answer as public annotations.

use serde_json::{Value, json};

/// Sources that a search found. Places count as the provider counts them, in bytes of the text.
pub(super) fn grounding(metadata: &Value) -> Vec<Value> {
    let sources: Vec<(&str, &str)> = items(metadata, "groundingChunks").filter_map(source).collect();
    let mut annotations = Vec::new();
    for support in items(metadata, "groundingSupports") {
        let segment = support.get("segment").unwrap_or(&Value::Null);
        let indices = items(support, "groundingChunkIndices").filter_map(Value::as_u64);
        let cited = indices.filter_map(|index| sources.get(usize::try_from(index).ok()?));
        annotations.extend(cited.map(|(url, title)| annotation(url, title, segment)));
    }
    if annotations.is_empty() {
        annotations.extend(sources.iter().map(|(url, title)| annotation(url, title, &Value::Null)));
    }
    annotations
}

/// Sources that the text repeats.
pub(super) fn recitation(metadata: &Value) -> Vec<Value> {
    let (newer, older) = (items(metadata, "citations"), items(metadata, "citationSources"));
    newer
        .chain(older)
        .filter_map(|citation| {
            let title = citation.get("title").and_then(Value::as_str).unwrap_or_default();
            Some(annotation(citation.get("uri")?.as_str()?, title, citation))
        })
        .collect()
}

fn source(chunk: &Value) -> Option<(&str, &str)> {
    let source = chunk.get("web").or_else(|| chunk.get("retrievedContext")).or_else(|| chunk.get("maps"))?;
    Some((source.get("uri")?.as_str()?, source.get("title").and_then(Value::as_str).unwrap_or_default()))
}

fn annotation(url: &str, title: &str, segment: &Value) -> Value {
    let number = |name: &str| segment.get(name).and_then(Value::as_u64).unwrap_or(0);
    json!({
        "type": "url_citation",
        "url_citation": {
            "url": url,
            "title": title,
            "content": segment.get("text").and_then(Value::as_str).unwrap_or_default(),
            "start_index": number("startIndex"),
            "end_index": number("endIndex"),
        },
    })
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
