//! What an answer says in the end, folded from events and from what a client receives.

use std::collections::BTreeMap;

use dialect::canonical::Event;
use dialect::error::ProviderError;
use pricing::Usage;
use serde_json::Value;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) choices: BTreeMap<u64, Choice>,
    /// Prompt, completion and total tokens.
    pub(crate) usage: Option<(u64, u64, u64)>,
    pub(crate) failure: Option<ProviderError>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) text: String,
    pub(crate) refusal: String,
    pub(crate) reasoning: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) finish: Option<String>,
    /// The provider's own word for it.
    pub(crate) native: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

impl Answer {
    /// Visible text of all choices.
    pub(crate) fn text_length(&self) -> usize {
        self.choices.values().map(|choice| choice.text.chars().count()).sum()
    }

    pub(crate) fn reasoning_length(&self) -> usize {
        self.choices.values().map(|choice| choice.reasoning.chars().count()).sum()
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.choices.values().flat_map(|choice| &choice.calls)
    }

    fn choice(&mut self, index: u64) -> &mut Choice {
        self.choices.entry(index).or_default()
    }
}

impl Choice {
    fn call(&mut self, index: usize) -> &mut Call {
        assert!(index <= self.calls.len(), "calls are numbered in order");
        if index == self.calls.len() {
            self.calls.push(Call::default());
        }
        &mut self.calls[index]
    }
}

/// Folds events.
pub(crate) fn events(events: &[Event]) -> Answer {
    let mut answer = Answer::default();
    for event in events {
        match event {
            Event::Text { choice, text } => answer.choice((*choice).into()).text.push_str(text),
            Event::Refusal { choice, text } => answer.choice((*choice).into()).refusal.push_str(text),
            Event::Reasoning { choice, detail } => {
                answer.choice((*choice).into()).reasoning.push_str(detail.text().unwrap_or_default());
            }
            Event::ToolCall { choice, index, id, name, arguments } => {
                let call = answer.choice((*choice).into()).call(*index as usize);
                call.id = call.id.take().or_else(|| id.clone());
                call.name.push_str(name.as_deref().unwrap_or_default());
                call.arguments.push_str(arguments);
            }
            Event::Finish { choice, reason, native } => {
                let choice = answer.choice((*choice).into());
                assert_eq!(choice.finish, None, "a choice finishes once");
                choice.finish = Some(reason.as_str().to_owned());
                choice.native = Some(native.clone()).filter(|native| !native.is_empty());
            }
            Event::Usage(usage) => answer.usage = Some(totals(usage)),
            Event::Failure(error) => answer.failure = Some(error.clone()),
            _ => {}
        }
    }
    answer
}

pub(crate) fn totals(usage: &Usage) -> (u64, u64, u64) {
    let (prompt, completion) = (usage.prompt_tokens().unwrap(), usage.completion_tokens().unwrap());
    (prompt, completion, prompt + completion)
}

/// Folds a chat stream as a strict client reads it.
pub(crate) fn chat_stream(bytes: &[u8]) -> Answer {
    let mut frames = Vec::new();
    let mut decoder = dialect::sse::Decoder::default();
    decoder.push(bytes, |_, data| frames.push(data.to_vec())).unwrap();
    assert_eq!(frames.pop().as_deref(), Some(&b"[DONE]"[..]));
    let mut answer = Answer::default();
    let count = frames.len();
    for (at, frame) in frames.iter().enumerate() {
        let chunk: Value = serde_json::from_slice(frame).unwrap();
        assert_eq!(chunk["object"], "chat.completion.chunk");
        for key in ["usage", "system_fingerprint", "error"] {
            assert!(!chunk.get(key).is_some_and(Value::is_null), "{key} is null");
        }
        let choices = chunk["choices"].as_array().unwrap();
        assert_eq!(chunk.get("usage").is_some(), at + 1 == count, "usage comes once and last");
        assert_eq!(choices.is_empty(), at + 1 == count);
        for choice in choices {
            chat_delta(&mut answer, choice);
        }
        if chunk.get("usage").is_some() {
            answer.usage = Some(chat_usage(&chunk["usage"]));
        }
    }
    answer
}

fn chat_delta(answer: &mut Answer, wire: &Value) {
    let index = wire["index"].as_u64().unwrap();
    let is_new = !answer.choices.contains_key(&index);
    let choice = answer.choice(index);
    let delta = wire["delta"].as_object().unwrap();
    assert_eq!(delta.get("role").is_some(), is_new, "a choice begins with its role and says it once");
    assert!(wire.get("finish_reason").is_some());
    let text = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
    choice.text.push_str(text("content"));
    choice.refusal.push_str(text("refusal"));
    choice.reasoning.push_str(text("reasoning"));
    for wire in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let index = usize::try_from(wire["index"].as_u64().unwrap()).unwrap();
        let is_new = index == choice.calls.len();
        assert_eq!(wire.get("id").is_some() && wire.get("type").is_some(), is_new);
        let call = choice.call(index);
        if let Some(id) = wire["id"].as_str() {
            call.id = Some(id.to_owned());
        }
        call.name.push_str(wire["function"]["name"].as_str().unwrap_or_default());
        call.arguments.push_str(wire["function"]["arguments"].as_str().unwrap());
    }
    if let Some(reason) = wire["finish_reason"].as_str() {
        assert_eq!(choice.finish.replace(reason.to_owned()), None);
        choice.native = wire["native_finish_reason"].as_str().map(str::to_owned);
    }
}

/// Folds a whole chat answer as a strict client reads it.
pub(crate) fn chat_whole(bytes: &[u8]) -> Answer {
    let body: Value = serde_json::from_slice(bytes).unwrap();
    assert_eq!(body["object"], "chat.completion");
    assert!(body.get("system_fingerprint").is_some());
    let mut answer = Answer { usage: Some(chat_usage(&body["usage"])), ..Answer::default() };
    for wire in body["choices"].as_array().unwrap() {
        let message = &wire["message"];
        assert_eq!(message["role"], "assistant");
        assert!(!message.get("tool_calls").is_some_and(Value::is_null));
        let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
        let call = |wire: &Value| Call {
            id: wire["id"].as_str().map(str::to_owned),
            name: wire["function"]["name"].as_str().unwrap().to_owned(),
            arguments: wire["function"]["arguments"].as_str().unwrap().to_owned(),
        };
        let choice = Choice {
            text: text("content"),
            refusal: text("refusal"),
            reasoning: text("reasoning"),
            calls: calls.map(call).collect(),
            finish: wire["finish_reason"].as_str().map(str::to_owned),
            native: wire["native_finish_reason"].as_str().map(str::to_owned),
        };
        answer.choices.insert(wire["index"].as_u64().unwrap(), choice);
    }
    answer
}

fn chat_usage(usage: &Value) -> (u64, u64, u64) {
    let count = |name: &str| usage[name].as_u64().unwrap();
    assert!(usage["cost"].is_number() && usage["cost_details"]["upstream_inference_prompt_cost"].is_number());
    (count("prompt_tokens"), count("completion_tokens"), count("total_tokens"))
}

/// An answer as it must come out of the chat encoders: calls have ids and arguments, a plain stop after
/// calls is `tool_calls`, and there is a finish.
pub(crate) fn as_client_sees(mut answer: Answer) -> Answer {
    answer.choices.entry(0).or_default();
    for choice in answer.choices.values_mut() {
        for call in &mut choice.calls {
            call.id = None;
            if call.arguments.trim().is_empty() {
                call.arguments = "{}".to_owned();
            }
        }
        let finish = choice.finish.take().unwrap_or_else(|| "stop".to_owned());
        let wants_tools = finish == "stop" && !choice.calls.is_empty();
        choice.finish = Some(if wants_tools { "tool_calls".to_owned() } else { finish });
    }
    answer
}

/// Leaves the ids out of a comparison once it is sure that there are some.
pub(crate) fn without_ids(mut answer: Answer) -> Answer {
    for choice in answer.choices.values_mut() {
        for call in &mut choice.calls {
            assert!(call.id.take().is_some_and(|id| !id.is_empty()));
        }
    }
    answer
}
