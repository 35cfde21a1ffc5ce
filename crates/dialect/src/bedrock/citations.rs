//! Sources of an answer: of the web as public annotations, of the client's own documents in the form in which
//! the models that cite them name them elsewhere.

use serde_json::{Map, Value, json};

/// The members for a text from `start` to `end` that rests on `citations`; none when there are none.
pub(super) fn members(citations: &[Value], start: usize, end: usize) -> Map<String, Value> {
    let (mut annotations, mut of_documents) = (Vec::new(), Vec::new());
    for citation in citations {
        match citation["location"]["web"]["url"].as_str() {
            Some(url) => annotations.push(json!({
                "type": "url_citation",
                "url_citation": {
                    "url": url,
                    "title": text(&citation["title"]),
                    "content": quoted(citation),
                    "start_index": start,
                    "end_index": end,
                },
            })),
            None => of_documents.push(of_document(citation)),
        }
    }
    let lists = [("annotations", annotations), ("citations", of_documents)];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    lists.map(|(name, list)| (name.to_owned(), Value::Array(list))).collect()
}

fn of_document(citation: &Value) -> Value {
    let kinds = [
        ("documentChar", "char_location", "start_char_index", "end_char_index"),
        ("documentPage", "page_location", "start_page_number", "end_page_number"),
        ("documentChunk", "content_block_location", "start_block_index", "end_block_index"),
    ];
    let known = kinds.iter().find_map(|kind| Some((citation["location"].get(kind.0)?, kind)));
    let Some((place, (_, kind, start, end))) = known else { return citation.clone() };
    json!({
        "type": kind,
        "cited_text": quoted(citation),
        "document_index": place["documentIndex"].as_u64().unwrap_or(0),
        "document_title": citation["title"].as_str(),
        *start: place["start"].as_u64().unwrap_or(0),
        *end: place["end"].as_u64().unwrap_or(0),
    })
}

fn quoted(citation: &Value) -> String {
    citation["sourceContent"].as_array().into_iter().flatten().map(|piece| text(&piece["text"])).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
