//! What an answer rests on, where providers tell it beside the answer and not in it.

use serde_json::{Map, Value, json};

use crate::canonical::Event;

/// Sources of one answer. Some providers repeat the whole list in every chunk.
#[derive(Default)]
pub(super) struct Sources {
    known: Vec<String>,
    waiting: Vec<Value>,
}

impl Sources {
    /// Takes lists of URLs or of objects that have one; `search_results` tell more than `citations`.
    pub(super) fn take(&mut self, search_results: Option<&Value>, citations: Option<&Value>) {
        let listed = |list: Option<&'_ Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
        for source in listed(search_results).iter().chain(&listed(citations)) {
            let text = |name: &str| source[name].as_str().unwrap_or_default();
            let url = source.as_str().unwrap_or(text("url"));
            if url.is_empty() || self.known.iter().any(|known| known == url) {
                continue;
            }
            self.known.push(url.to_owned());
            let mut citation = json!({"url": url, "title": text("title"), "start_index": 0, "end_index": 0});
            if !text("snippet").is_empty() {
                citation["content"] = json!(text("snippet"));
            }
            self.waiting.push(json!({"type": "url_citation", "url_citation": citation}));
        }
    }

    /// What has not been told yet, as annotations of a choice.
    pub(super) fn tell(&mut self, choice: u32, events: &mut Vec<Event>) {
        if !self.waiting.is_empty() {
            let annotations = Value::Array(std::mem::take(&mut self.waiting));
            let members = Map::from_iter([("annotations".to_owned(), annotations)]);
            events.push(Event::Extra { choice, members });
        }
    }
}
