//! An answer as chunks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::usage::usage;
use super::vendor::{self, Place};
use super::{SOUND_SECONDS, error_body, finish_word, image, logprobs, sound_id};
use crate::answer::{Answer, Finish};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::quirks::{Thoughts, Vendor};
use crate::seed::{ALPHANUMERIC, Dice};
use crate::sound;
use crate::stamp::Stamp;
use crate::steps::Step;
use crate::wire::{Encode, data_event};

pub(super) struct Encoder {
    answer: Answer,
    stamp: Stamp,
    /// The request asked for usage.
    usage: bool,
    logprobs: Option<usize>,
    padding: Dice,
    /// The class of service.
    tier: &'static str,
}

impl Encoder {
    pub(super) fn new(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Self {
        let padding = Dice::new(stamp.seed);
        let usage = ask.stream_usage && answer.shows_usage;
        let (answer, stamp) = (answer.clone(), stamp.clone());
        Self { answer, stamp, usage, logprobs: ask.logprobs, padding, tier: ask.tier }
    }

    fn chunk(&mut self, choices: &Value, usage: Option<Value>) -> Vec<u8> {
        let place = if usage.is_some() { Place::Usage } else { Place::Middle };
        self.placed_chunk(choices, usage, place)
    }

    fn placed_chunk(&mut self, choices: &Value, usage: Option<Value>, place: Place) -> Vec<u8> {
        let mut chunk = json!({
            "id": self.stamp.response_id,
            "object": "chat.completion.chunk",
            "created": self.stamp.seconds(),
            "model": self.stamp.model,
            "service_tier": self.tier,
            "system_fingerprint": "fp_simulated",
            "choices": choices,
        });
        match usage {
            Some(usage) => chunk["usage"] = usage,
            None if self.usage => chunk["usage"] = Value::Null,
            None => {}
        }
        if self.stamp.quirks.openai {
            let length = 1 + self.padding.index(15);
            chunk["obfuscation"] = json!(self.padding.word(length, ALPHANUMERIC));
        }
        vendor::dress_chunk(&mut chunk, &self.answer, &self.stamp, place);
        data_event(&chunk)
    }

    fn delta(&mut self, choice: usize, delta: &Value) -> Vec<u8> {
        self.chunk(&json!([{"index": choice, "delta": delta, "logprobs": null, "finish_reason": null}]), None)
    }

    fn open(&mut self) -> Vec<u8> {
        let mut bytes = vendor::prelude(&self.stamp);
        for choice in 0..self.answer.completions.len() {
            let completion = &self.answer.completions[choice];
            let content = if completion.calls.is_empty() { json!("") } else { Value::Null };
            let delta = json!({"role": "assistant", "content": content, "refusal": null});
            let first = json!([{"index": choice, "delta": delta, "logprobs": null, "finish_reason": null}]);
            bytes.extend(self.placed_chunk(&first, None, Place::First));
        }
        bytes
    }

    fn text(&mut self, choice: usize, text: &str) -> Vec<u8> {
        let refused = self.answer.completions.get(choice).is_some_and(|done| done.finish == Finish::Refusal);
        if self.spoken(choice) {
            let id = sound_id(&self.stamp, choice);
            return self.delta(choice, &json!({"audio": {"id": id, "transcript": text}}));
        }
        let field = if refused { "refusal" } else { "content" };
        let delta = json!({field: text});
        let Some(most) = self.logprobs.filter(|_| !refused) else { return self.delta(choice, &delta) };
        let logprobs = logprobs::of(text, most);
        self.chunk(
            &json!([{"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": null}]),
            None,
        )
    }

    fn spoken(&self, choice: usize) -> bool {
        self.answer.completions.get(choice).is_some_and(|completion| completion.spoken)
    }

    fn sound(&mut self, choice: usize, text: &str) -> Vec<u8> {
        let id = sound_id(&self.stamp, choice);
        let data = STANDARD.encode(sound::samples(text));
        self.delta(choice, &json!({"audio": {"id": id, "data": data}}))
    }

    fn picture(&mut self, choice: usize, png: &Bytes) -> Vec<u8> {
        self.delta(choice, &json!({"role": "assistant", "content": "", "images": [image(png)]}))
    }

    fn call(&mut self, choice: usize, index: usize, name: &str, arguments: &str) -> Vec<u8> {
        let id = vendor::call_id(&self.stamp, choice, index);
        self.delta(
            choice,
            &json!({"tool_calls": [{"index": index, "id": id, "type": "function",
                "function": {"name": name, "arguments": arguments}}]}),
        )
    }

    fn finish(&mut self, choice: usize, finish: &Finish) -> Vec<u8> {
        let word = finish_word(&self.answer, finish).to_owned();
        let mut bytes = Vec::new();
        if self.spoken(choice) {
            let expires_at = self.stamp.seconds() + SOUND_SECONDS;
            let id = sound_id(&self.stamp, choice);
            bytes = self.delta(choice, &json!({"audio": {"id": id, "expires_at": expires_at}}));
        }
        let last = choice + 1 == self.answer.completions.len();
        // Fireworks repeats it for every choice.
        let here = last || self.stamp.quirks.vendor == Vendor::Fireworks;
        let here = self.usage && here && self.stamp.quirks.unasked_usage;
        let usage = here.then(|| usage(&self.answer.usage, &self.stamp));
        let end = json!([{"index": choice, "delta": {}, "logprobs": null, "finish_reason": word}]);
        bytes.extend(self.placed_chunk(&end, usage, Place::Finish { last }));
        bytes
    }

    fn close(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.usage && !self.stamp.quirks.unasked_usage {
            let usage = usage(&self.answer.usage, &self.stamp);
            let choices = vendor::usage_choices(&self.answer, &self.stamp);
            bytes = self.chunk(&choices, Some(usage));
        }
        if vendor::says_done(&self.stamp) {
            bytes.extend_from_slice(b"data: [DONE]\n\n");
        }
        bytes
    }
}

impl Encode for Encoder {
    fn encode(&mut self, step: &Step, _tokens: u64) -> Vec<u8> {
        let whole = self.stamp.quirks.whole_calls;
        match step {
            Step::Open => self.open(),
            Step::Thought { choice, text } => match self.stamp.quirks.thoughts {
                Thoughts::Field(field) => self.delta(*choice, &json!({field: text})),
                Thoughts::Hidden => Vec::new(),
            },
            Step::Text { choice, text } => self.text(*choice, text),
            Step::Sound { choice, text } => self.sound(*choice, text),
            Step::Picture { choice, png } => self.picture(*choice, png),
            Step::Call { choice, index, name } if !whole => self.call(*choice, *index, name, ""),
            Step::Arguments { choice, index, text } if !whole => self
                .delta(*choice, &json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]})),
            Step::CallEnd { choice, index, call } if whole => {
                self.call(*choice, *index, &call.name, &crate::answer::words(&call.pieces))
            }
            Step::Finish { choice, finish } => self.finish(*choice, finish),
            Step::Close => self.close(),
            Step::ThoughtsEnd { .. } | Step::Call { .. } | Step::Arguments { .. } | Step::CallEnd { .. } => {
                Vec::new()
            }
        }
    }

    fn fail(&mut self, failure: &Failure) -> Vec<u8> {
        vendor::spoken_error(failure, &error_body(failure, &self.stamp), &self.stamp)
    }
}
