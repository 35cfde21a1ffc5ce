//! Writes an answer that is not streamed.

use serde_json::{Map, Value};

use super::logprobs;
use super::write::{Body, ChoiceBody, finish_reason};
use crate::canonical::{Event, FinishReason};
use crate::client::error::ErrorBody;
use crate::client::usage::UsageBody;
use crate::client::wire::append;
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};

pub(super) struct Whole {
    envelope: Envelope,
    echo: String,
    system_fingerprint: Option<String>,
    choices: Vec<Choice>,
}

#[derive(Default)]
struct Choice {
    index: u32,
    text: String,
    reasoning: String,
    logprobs: Option<Map<String, Value>>,
    offset: usize,
    finish: Option<(FinishReason, String)>,
}

impl Whole {
    /// `echo` stands before the text of each choice.
    pub(super) fn new(envelope: Envelope, echo: String) -> Self {
        Self { envelope, echo, system_fingerprint: None, choices: Vec::new() }
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let place = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            let offset = self.echo.chars().count();
            self.choices.push(Choice { index, text: self.echo.clone(), offset, ..Choice::default() });
            self.choices.len() - 1
        });
        &mut self.choices[place]
    }

    fn write(&mut self, error: Option<&PublicError>, bill: Option<&Bill>, out: &mut Vec<u8>) {
        self.choice(0);
        self.choices.sort_by_key(|choice| choice.index);
        let mut body = Body::of(&self.envelope);
        body.system_fingerprint = self.system_fingerprint.as_deref();
        body.choices = self.choices.iter().map(|choice| choice.body(error.is_some())).collect();
        body.error = error.map(ErrorBody::of);
        body.usage = bill.map(UsageBody::of);
        body.openrouter_metadata = self.envelope.routing.as_ref();
        append(out, &body);
    }
}

impl Choice {
    fn body(&self, is_broken: bool) -> ChoiceBody<'_> {
        let reason = if is_broken {
            Some(FinishReason::Error)
        } else {
            self.finish.as_ref().map(|(reason, _)| *reason)
        };
        ChoiceBody {
            text: self.text.clone(),
            index: self.index,
            logprobs: self.logprobs.as_ref(),
            finish_reason: Some(finish_reason(reason)),
            native_finish_reason: self.finish.as_ref().map(|(_, native)| native.as_str()),
            reasoning: Some(self.reasoning.as_str()).filter(|text| !text.is_empty()),
        }
    }
}

impl AnswerEncoder for Whole {
    fn event(&mut self, event: Event, _out: &mut Vec<u8>) {
        match event {
            Event::Start { system_fingerprint, .. } => self.system_fingerprint = system_fingerprint,
            Event::Text { choice, text } | Event::Refusal { choice, text } => {
                self.choice(choice).text.push_str(&text);
            }
            Event::Reasoning { choice, detail } if !self.envelope.exclude_reasoning => {
                self.choice(choice).reasoning.push_str(detail.text().unwrap_or_default());
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
        self.write(None, Some(bill), out);
    }

    fn fail(&mut self, error: &PublicError, bill: Option<&Bill>, out: &mut Vec<u8>) {
        self.write(Some(error), bill, out);
    }
}
