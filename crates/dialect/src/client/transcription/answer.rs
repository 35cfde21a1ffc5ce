//! Writes the text of an answer, with its times where they were asked for.

use pricing::Class;
use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::canonical::Event;
use crate::client::error;
use crate::client::wire::append;
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};

/// What a verbose answer has beside its text.
const VERBOSE: [&str; 5] = ["task", "language", "duration", "segments", "words"];

pub(super) struct Answer {
    envelope: Envelope,
    is_verbose: bool,
    text: String,
    members: Map<String, Value>,
}

#[derive(Serialize)]
struct Body<'a> {
    text: &'a str,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
    usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
}

#[derive(Serialize)]
struct Usage {
    /// What of it is counted, as OpenAI names it: `tokens` or `duration`.
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<Number>,
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_token_details: Option<Details>,
    cost: Number,
}

#[derive(Serialize)]
struct Details {
    audio_tokens: u64,
    text_tokens: u64,
}

impl Answer {
    pub(super) fn new(envelope: Envelope, is_verbose: bool) -> Self {
        Self { envelope, is_verbose, text: String::new(), members: Map::new() }
    }

    fn usage(&self, bill: &Bill) -> Usage {
        let usage = &bill.usage;
        let input = usage.prompt_tokens().unwrap_or(u64::MAX);
        let output = usage.completion_tokens().unwrap_or(u64::MAX);
        let audio = usage.get(Class::AudioInput);
        let counted = Some(usage.get(Class::Second)).filter(|seconds| *seconds > 0);
        let seconds = self.members.get("duration").and_then(Value::as_number).cloned();
        Usage {
            r#type: if counted.is_some() { "duration" } else { "tokens" },
            seconds: seconds.or_else(|| counted.map(Number::from)),
            input_tokens: input,
            output_tokens: output,
            total_tokens: input.saturating_add(output),
            input_token_details: (audio > 0)
                .then(|| Details { audio_tokens: audio, text_tokens: input.saturating_sub(audio) }),
            cost: bill.cost.to_json_number(),
        }
    }
}

impl AnswerEncoder for Answer {
    fn event(&mut self, event: Event, _out: &mut Vec<u8>) {
        match event {
            Event::Text { text, .. } => self.text.push_str(&text),
            Event::Extra { members, .. } => self.members.extend(members),
            _ => {}
        }
    }

    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>) {
        let usage = self.usage(bill);
        let is_verbose = self.is_verbose;
        self.members.retain(|name, _| is_verbose && VERBOSE.contains(&name.as_str()));
        if is_verbose {
            self.members.entry("task").or_insert_with(|| "transcribe".into());
        }
        let routing = self.envelope.routing.as_ref();
        append(out, &Body { text: &self.text, members: &self.members, usage, openrouter_metadata: routing });
    }

    fn fail(&mut self, error: &PublicError, _bill: Option<&Bill>, out: &mut Vec<u8>) {
        out.extend(error::body(error));
    }
}
