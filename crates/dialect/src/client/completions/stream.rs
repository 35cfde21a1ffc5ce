//! Writes a streamed answer. Reasons to end wait for the end, so that each choice has exactly one.

use serde_json::{Map, Value};

use super::logprobs;
use super::write::{Body, ChoiceBody, finish_reason};
use crate::canonical::{Event, FinishReason};
use crate::client::error::ErrorBody;
use crate::client::wire::{DONE, append_frame};
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};

pub(super) struct Stream {
    envelope: Envelope,
    echo: String,
    system_fingerprint: Option<String>,
    choices: Vec<Choice>,
}

struct Choice {
    index: u32,
    has_begun: bool,
    /// Waiting for the next chunk of this choice.
    logprobs: Option<Map<String, Value>>,
    offset: usize,
    finish: Option<(FinishReason, String)>,
}

impl Stream {
    /// `echo` stands before the text of each choice.
    pub(super) fn new(envelope: Envelope, echo: String) -> Self {
        Self { envelope, echo, system_fingerprint: None, choices: Vec::new() }
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let place = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            let offset = self.echo.chars().count();
            self.choices.push(Choice { index, has_begun: false, logprobs: None, offset, finish: None });
            self.choices.len() - 1
        });
        &mut self.choices[place]
    }

    /// A chunk with the next text of a choice, and before its first one what is repeated.
    fn piece(&mut self, index: u32, text: &str, reasoning: Option<&str>, is_last: bool, out: &mut Vec<u8>) {
        let choice = self.choice(index);
        let is_first = !std::mem::replace(&mut choice.has_begun, true);
        let logprobs = choice.logprobs.take();
        let finish = if is_last { choice.finish.take() } else { None };
        let before = if is_first { self.echo.as_str() } else { "" };
        let body = ChoiceBody {
            text: [before, text].concat(),
            index,
            logprobs: logprobs.as_ref(),
            finish_reason: is_last.then(|| finish_reason(finish.as_ref().map(|(reason, _)| *reason))),
            native_finish_reason: finish.as_ref().map(|(_, native)| native.as_str()),
            reasoning,
        };
        append_frame(out, &Body { choices: vec![body], ..self.body() });
    }

    fn body(&self) -> Body<'_> {
        Body { system_fingerprint: self.system_fingerprint.as_deref(), ..Body::of(&self.envelope) }
    }
}

impl AnswerEncoder for Stream {
    fn event(&mut self, event: Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { system_fingerprint, .. } => self.system_fingerprint = system_fingerprint,
            Event::Text { choice, text } | Event::Refusal { choice, text } => {
                self.piece(choice, &text, None, false, out);
            }
            Event::Reasoning { choice, detail } if !self.envelope.exclude_reasoning => {
                if let Some(text) = detail.text().filter(|text| !text.is_empty()) {
                    self.piece(choice, "", Some(text), false, out);
                }
            }
            Event::ChoiceExtra { choice, members } => {
                let choice = self.choice(choice);
                let lists =
                    members.get("logprobs").and_then(|value| logprobs::lists(value, &mut choice.offset));
                if let Some(lists) = lists {
                    logprobs::append(choice.logprobs.get_or_insert_default(), lists);
                }
            }
            Event::Finish { choice, reason, native } => self.choice(choice).finish = Some((reason, native)),
            _ => {}
        }
    }

    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>) {
        self.choice(0);
        let mut indexes: Vec<u32> = self.choices.iter().map(|choice| choice.index).collect();
        indexes.sort_unstable();
        for index in indexes {
            self.piece(index, "", None, true, out);
        }
        append_frame(out, &self.body().ended(&self.envelope, bill));
        out.extend_from_slice(DONE);
    }

    fn fail(&mut self, error: &PublicError, bill: Option<&Bill>, out: &mut Vec<u8>) {
        let choice =
            ChoiceBody { finish_reason: Some(FinishReason::Error.as_str()), ..ChoiceBody::default() };
        append_frame(out, &Body { choices: vec![choice], error: Some(ErrorBody::of(error)), ..self.body() });
        if let Some(bill) = bill {
            append_frame(out, &self.body().ended(&self.envelope, bill));
        }
        out.extend_from_slice(DONE);
    }
}
