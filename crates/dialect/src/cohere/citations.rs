//! What the text rests on, as annotations.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::canonical::Event;

/// A stretch of a text, in characters of it, with the documents and tool results that it rests on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Citation {
    start: Option<u64>,
    end: Option<u64>,
    content_index: Option<u64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    sources: Option<Vec<Value>>,
}

impl Citation {
    /// The content that its places are counted in.
    pub(super) fn content_index(&self) -> u64 {
        self.content_index.unwrap_or(0)
    }

    /// Whether it is of the plan, which is the first text that a client gets.
    pub(super) fn is_of_plan(&self) -> bool {
        self.kind.as_deref() == Some("PLAN")
    }

    /// One annotation for each source. `before` is how many characters a client had got when the cited content
    /// began. Sources without a URL are named by their id. Nobody sees where thoughts are cited.
    pub(super) fn annotations(&self, before: u64, events: &mut Vec<Event>) {
        if self.kind.as_deref() == Some("THINKING_CONTENT") {
            return;
        }
        let place = |at: Option<u64>| before.saturating_add(at.unwrap_or(0));
        let annotation = |source: &Value| {
            let data = source.get("document").or_else(|| source.get("tool_output")).unwrap_or(&Value::Null);
            let text = |name: &str| data[name].as_str().filter(|text| !text.is_empty());
            let url = text("url").or(source["id"].as_str())?;
            let mut citation = json!({
                "url": url,
                "title": text("title").unwrap_or_default(),
                "start_index": place(self.start),
                "end_index": place(self.end),
            });
            if let Some(snippet) = text("snippet") {
                citation["content"] = json!(snippet);
            }
            Some(json!({"type": "url_citation", "url_citation": citation}))
        };
        let annotations: Vec<Value> = self.sources.iter().flatten().filter_map(annotation).collect();
        if !annotations.is_empty() {
            let members = Map::from_iter([("annotations".to_owned(), Value::Array(annotations))]);
            events.push(Event::Extra { choice: 0, members });
        }
    }
}
