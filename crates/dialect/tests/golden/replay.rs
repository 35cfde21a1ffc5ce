//! Reasoning there and back: an answer goes to a client, who sends it back in the next turn.

use dialect::canonical::{Event, FinishReason, ReasoningDetail, ReasoningKind};
use dialect::client::Dialect;
use serde_json::{Value, json};

use crate::losses::{Fate, written};
use crate::providers::Provider;

/// A way to prove or to seal reasoning.
pub(crate) struct Reasoned {
    pub(crate) name: &'static str,
    format: &'static str,
    kind: ReasoningKind,
    /// What only its provider can read, and has to come back as it was.
    seal: &'static str,
    /// Providers that can read it.
    pub(crate) readers: &'static [&'static str],
}

pub(crate) const REASONED: [Reasoned; 3] = [
    Reasoned {
        name: "reasoning that Anthropic signed",
        format: "anthropic-claude-v1",
        kind: ReasoningKind::Text,
        seal: "c2lnbmVk",
        readers: &["anthropic", "vertex-anthropic", "bedrock"],
    },
    Reasoned {
        name: "reasoning that OpenAI sealed",
        format: "openai-responses-v1",
        kind: ReasoningKind::Encrypted,
        seal: "c2VhbGVk",
        readers: &["openai-responses"],
    },
    Reasoned {
        name: "Gemini's signature of a call",
        format: "google-gemini-v1",
        kind: ReasoningKind::Encrypted,
        seal: "Z2VtaW5p",
        readers: &["gemini"],
    },
];

impl Reasoned {
    pub(crate) fn fate(&self, client: Dialect, provider: &Provider) -> Fate {
        let sent = next_turn(client, &written(client, self.events()));
        let written = provider.written(client, &sent).unwrap();
        if written["body"].to_string().contains(self.seal) { Fate::Carried } else { Fate::Dropped }
    }

    /// An answer that reasons and calls a tool.
    fn events(&self) -> Vec<Event> {
        let is_text = self.kind == ReasoningKind::Text;
        let detail = ReasoningDetail {
            kind: self.kind,
            index: 0,
            id: (!is_text)
                .then(|| if self.format.starts_with("google") { "call_1" } else { "rs_1" }.to_owned()),
            format: Some(self.format.to_owned()),
            content: Some(if is_text { "I have to look." } else { self.seal }.to_owned()),
            signature: is_text.then(|| self.seal.to_owned()),
        };
        let call = Event::ToolCall {
            choice: 0,
            index: 0,
            id: Some("call_1".to_owned()),
            name: Some("pick".to_owned()),
            arguments: "{}".to_owned(),
        };
        let finish =
            Event::Finish { choice: 0, reason: FinishReason::ToolCalls, native: "tool_calls".to_owned() };
        vec![Event::Reasoning { choice: 0, detail }, call, finish]
    }
}

/// The next request of a client that sends back all it got, with the result of the call.
fn next_turn(client: Dialect, answer: &str) -> Value {
    let mut answer: Value = serde_json::from_str(answer).unwrap();
    let schema = json!({"type": "object", "properties": {}});
    let asked = json!({"role": "user", "content": "Look."});
    match client {
        Dialect::Chat => json!({
            "model": "author/model",
            "messages": [asked, answer["choices"][0]["message"].take(),
                         {"role": "tool", "tool_call_id": "call_1", "content": "done"}],
            "tools": [{"type": "function", "function": {"name": "pick", "parameters": schema}}],
            "reasoning": {"effort": "high"}, "max_tokens": 8_000,
        }),
        Dialect::Responses => {
            let mut input = vec![asked];
            input.append(answer["output"].as_array_mut().unwrap());
            input.push(json!({"type": "function_call_output", "call_id": "call_1", "output": "done"}));
            json!({
                "model": "author/model", "input": input, "reasoning": {"effort": "high"},
                "tools": [{"type": "function", "name": "pick", "parameters": schema, "strict": false}],
                "max_output_tokens": 8_000,
            })
        }
        _ => json!({
            "model": "author/model", "max_tokens": 8_000,
            "messages": [asked, {"role": "assistant", "content": answer["content"].take()},
                         {"role": "user", "content": [
                             {"type": "tool_result", "tool_use_id": "call_1", "content": "done"}]}],
            "tools": [{"name": "pick", "input_schema": schema}],
            "thinking": {"type": "enabled", "budget_tokens": 4_000},
        }),
    }
}

#[test]
fn reasoning_comes_back_to_who_can_read_it() {
    use crate::providers::{CLIENTS, PROVIDERS};
    let mut wrong = Vec::new();
    for reasoned in &REASONED {
        for (client, provider) in
            CLIENTS.iter().flat_map(|client| PROVIDERS.iter().map(move |to| (*client, to)))
        {
            let is_carried = reasoned.fate(client, provider) == Fate::Carried;
            if is_carried != reasoned.readers.contains(&provider.name) {
                wrong.push(format!(
                    "{} from {} at {}: {is_carried}",
                    reasoned.name,
                    client.as_str(),
                    provider.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
