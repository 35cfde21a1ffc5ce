//! Writes answers and streams of answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{error_body, sign_call};
use crate::answer::{Answer, Call, Completion, Finish, Usage};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::route::Host;
use crate::sound::samples;
use crate::stamp::Stamp;
use crate::steps::Step;
use crate::wire::Encode;

fn finish_reason<'a>(answer: &'a Answer, finish: &Finish) -> &'a str {
    if let Some(word) = &answer.finish {
        return word;
    }
    match finish {
        Finish::Length => "MAX_TOKENS",
        Finish::Refusal => "SAFETY",
        // Calls end with STOP as well.
        _ => "STOP",
    }
}

/// Usage with the thoughts beside the candidates. `candidates` and `thoughts` are what was said so far.
fn usage(usage: &Usage, candidates: u64, thoughts: u64, host: Host) -> Value {
    let text = usage.prompt - usage.media;
    let mut details = vec![json!({"modality": "TEXT", "tokenCount": text})];
    if usage.media > usage.audio {
        details.push(json!({"modality": "IMAGE", "tokenCount": usage.media - usage.audio}));
    }
    if usage.audio > 0 {
        details.push(json!({"modality": "AUDIO", "tokenCount": usage.audio}));
    }
    let mut object = json!({
        "promptTokenCount": usage.prompt,
        "totalTokenCount": usage.prompt + candidates + thoughts,
        "promptTokensDetails": details,
    });
    if candidates > 0 {
        object["candidatesTokenCount"] = json!(candidates);
    }
    let image = usage.completion_image.min(candidates);
    if image > 0 {
        object["candidatesTokensDetails"] = json!([{"modality": "IMAGE", "tokenCount": image}]);
    } else if usage.completion_audio > 0 && candidates > 0 {
        object["candidatesTokensDetails"] = json!([{"modality": "AUDIO", "tokenCount": candidates}]);
    } else if candidates > 0 && host == Host::Vertex {
        object["candidatesTokensDetails"] = json!([{"modality": "TEXT", "tokenCount": candidates}]);
    }
    if host == Host::Vertex {
        object["trafficType"] = json!("ON_DEMAND");
    }
    if thoughts > 0 {
        object["thoughtsTokenCount"] = json!(thoughts);
    }
    if usage.cache_read > 0 {
        object["cachedContentTokenCount"] = json!(usage.cache_read);
        object["cacheTokensDetails"] = json!([{"modality": "TEXT", "tokenCount": usage.cache_read}]);
    }
    object
}

fn response(candidates: &Value, usage: Option<Value>, stamp: &Stamp) -> Value {
    let mut body = json!({
        "candidates": candidates,
        "modelVersion": stamp.model,
        "responseId": stamp.response_id,
    });
    if stamp.host == Host::Vertex {
        body["createTime"] = json!(stamp.rfc3339(0));
    }
    if let Some(usage) = usage {
        body["usageMetadata"] = usage;
    }
    body
}

fn call_part(call: &Call, index: usize) -> Value {
    let mut part = json!({"functionCall": {"name": call.name, "args": call.arguments}});
    // Of parallel calls only the first is signed.
    if index == 0 {
        part["thoughtSignature"] = json!(sign_call(&call.name));
    }
    part
}

pub(super) fn body(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
    let candidates: Vec<Value> = answer
        .completions
        .iter()
        .enumerate()
        .map(|(index, completion)| {
            let parts = parts(completion, answer.usage.reasoning > 0 && ask.shows_thoughts());
            let mut content = json!({"role": "model"});
            if !parts.is_empty() {
                content["parts"] = json!(parts);
            }
            json!({"content": content, "finishReason": finish_reason(answer, &completion.finish), "index": index})
        })
        .collect();
    let said = answer.usage.completion - answer.usage.reasoning;
    let usage = answer.shows_usage.then(|| usage(&answer.usage, said, answer.usage.reasoning, stamp.host));
    response(&json!(candidates), usage, stamp)
}

fn parts(completion: &Completion, thoughts: bool) -> Vec<Value> {
    let mut parts = Vec::new();
    if completion.finish == Finish::Refusal {
        return parts;
    }
    if thoughts && !completion.thoughts.is_empty() {
        parts.push(json!({"text": completion.thinking(), "thought": true}));
    }
    if completion.spoken {
        parts.push(sound(&completion.words()));
    } else if !completion.text.is_empty() {
        parts.push(json!({"text": completion.words()}));
    }
    parts.extend(completion.picture.as_deref().map(picture));
    let complete = completion.calls.iter().enumerate().filter(|(_, call)| call.complete);
    parts.extend(complete.map(|(index, call)| call_part(call, index)));
    parts
}

/// A text, spoken.
fn sound(text: &str) -> Value {
    let data = STANDARD.encode(samples(text));
    json!({"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": data}})
}

fn picture(png: &[u8]) -> Value {
    json!({"inlineData": {"mimeType": "image/png", "data": STANDARD.encode(png)}})
}

pub(super) struct Encoder {
    answer: Answer,
    stamp: Stamp,
    shows_thoughts: bool,
    /// Server-sent events, else one JSON array.
    events: bool,
    written: u64,
    candidates: u64,
    thoughts: u64,
    /// Choices that still go on; the last finish carries the totals.
    open: usize,
}

impl Encoder {
    pub(super) fn new(ask: &Ask, answer: &Answer, stamp: &Stamp, events: bool) -> Self {
        let open = answer.completions.len();
        Self {
            answer: answer.clone(),
            stamp: stamp.clone(),
            shows_thoughts: ask.shows_thoughts(),
            events,
            written: 0,
            candidates: 0,
            thoughts: 0,
            open,
        }
    }

    fn event(&mut self, choice: usize, parts: &Value, finish: Option<&str>) -> Vec<u8> {
        let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": choice});
        if let Some(finish) = finish {
            candidate["finishReason"] = json!(finish);
        }
        let host = self.stamp.host;
        let usage =
            self.answer.shows_usage.then(|| usage(&self.answer.usage, self.candidates, self.thoughts, host));
        let body = response(&json!([candidate]), usage, &self.stamp);
        self.frame(&body)
    }

    fn frame(&mut self, body: &Value) -> Vec<u8> {
        self.written += 1;
        if self.events {
            return format!("data: {body}\r\n\r\n").into_bytes();
        }
        let lead = if self.written == 1 { "[" } else { ",\r\n" };
        format!("{lead}{body:#}").into_bytes()
    }

    fn finish(&mut self, choice: usize, finish: &Finish) -> Vec<u8> {
        self.open = self.open.saturating_sub(1);
        if self.open == 0 {
            self.thoughts = self.answer.usage.reasoning;
            self.candidates = self.answer.usage.completion - self.answer.usage.reasoning;
        }
        let word = finish_reason(&self.answer, finish).to_owned();
        self.event(choice, &json!([{"text": ""}]), Some(&word))
    }
}

impl Encode for Encoder {
    fn encode(&mut self, step: &Step, tokens: u64) -> Vec<u8> {
        match step {
            Step::Thought { .. } => self.thoughts += tokens,
            _ => self.candidates += tokens,
        }
        match step {
            Step::Thought { choice, text } if self.shows_thoughts => {
                self.event(*choice, &json!([{"text": text, "thought": true}]), None)
            }
            Step::Text { choice, .. } if self.silent(*choice) => Vec::new(),
            Step::Sound { choice, text } => self.event(*choice, &json!([sound(text)]), None),
            Step::Text { choice, text } => self.event(*choice, &json!([{"text": text}]), None),
            Step::Picture { choice, png } => self.event(*choice, &json!([picture(png)]), None),
            Step::CallEnd { choice, index, call } if call.complete => {
                self.event(*choice, &json!([call_part(call, *index)]), None)
            }
            Step::Finish { choice, finish } => self.finish(*choice, finish),
            Step::Close if !self.events => b"]\r\n".to_vec(),
            _ => Vec::new(),
        }
    }

    /// Without the framing that the events before it have.
    fn fail(&mut self, failure: &Failure) -> Vec<u8> {
        format!("{:#}", error_body(failure)).into_bytes()
    }
}

impl Encoder {
    /// Whether the text is not said: because it is spoken, or because it is a refusal.
    fn silent(&self, choice: usize) -> bool {
        let completion = self.answer.completions.get(choice);
        completion.is_some_and(|completion| completion.spoken || completion.finish == Finish::Refusal)
    }
}
