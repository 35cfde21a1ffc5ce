//! Completions as they were before chat.

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::embeddings::inputs;
use super::usage::usage;
use super::{
    bad_key, error_body, errors, finish_word, key, logprobs, stop, unknown_model, usual_headers, wait,
};
use crate::answer::Answer;
use crate::ask::{Ask, Caching, Role, Turn};
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::quirks::Quirks;
use crate::seed::{ALPHANUMERIC, Dice};
use crate::stamp::Stamp;
use crate::steps::Step;
use crate::tokens::Tokenizer;
use crate::wire::{Encode, Wire, data_event};

/// What a request that says no limit gets.
const USUAL_TOKENS: u64 = 16;
const MOST_LOGPROBS: u64 = 5;

/// Legacy completions.
pub(crate) struct Completions;

impl Wire for Completions {
    fn parse(&self, arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
        parse(arrived, body)
    }

    fn body(&self, ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
        let choices: Vec<Value> = answer
            .completions
            .iter()
            .enumerate()
            .map(|(index, completion)| {
                let text = format!("{}{}", echo(ask, index), completion.words());
                json!({"text": text, "index": index, "logprobs": flat_logprobs(ask, &text, 0),
                    "finish_reason": finish_word(answer, &completion.finish)})
            })
            .collect();
        let mut body = head(stamp, &json!(choices));
        if answer.shows_usage {
            body["usage"] = usage(&answer.usage, stamp);
        }
        body
    }

    fn encoder(&self, ask: &Ask, answer: &Answer, stamp: &Stamp, _events: bool) -> Box<dyn Encode> {
        let said = vec![0; answer.completions.len()];
        Box::new(Encoder { ask: ask.clone(), answer: answer.clone(), stamp: stamp.clone(), said })
    }

    fn error_body(&self, failure: &Failure, stamp: &Stamp) -> Value {
        error_body(failure, stamp)
    }

    fn refined(&self, failure: Failure, stamp: &Stamp) -> Failure {
        errors::refined(failure, stamp)
    }

    fn key(&self, headers: &HeaderMap, _query: &str) -> Option<String> {
        key(headers)
    }

    fn bad_key(&self, key: Option<&str>) -> Failure {
        bad_key(key)
    }

    fn unknown_model(&self, model: &str) -> Failure {
        unknown_model(404, model)
    }

    fn too_long(&self, tokens: u64, most: u64) -> Failure {
        Failure::bad(format!(
            "This model's maximum context length is {most} tokens, however you requested {tokens} tokens. Please reduce \
             your prompt; or completion length."
        ))
    }

    fn response_id(&self, dice: &mut Dice) -> String {
        format!("cmpl-{}", dice.word(29, ALPHANUMERIC))
    }

    fn headers(&self, headers: &mut HeaderMap, stamp: &Stamp, left: Left) {
        usual_headers(headers, stamp, left);
    }

    fn failure_headers(&self, headers: &mut HeaderMap, failure: &Failure) {
        wait(headers, failure);
    }
}

fn parse(arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
    let named = body["model"].as_str().filter(|model| !model.is_empty());
    let Some(model) = arrived.call.address.model.as_deref().or(named) else {
        return Err(Failure::bad("you must provide a model parameter"));
    };
    if body["logprobs"].as_u64().is_some_and(|most| most > MOST_LOGPROBS) {
        return Err(Failure::bad("Invalid 'logprobs': expected a value between 0 and 5.").param("logprobs"));
    }
    let quirks = Quirks::of(&arrived.call.provider, model);
    let prompts = inputs(&body["prompt"]);
    let mut ask = Ask::new(model);
    for prompt in &prompts {
        let mut turn = Turn::new(Role::User);
        match prompt.tokens {
            Some(tokens) => turn.media_tokens = tokens,
            None => turn.say(&prompt.text),
        }
        ask.turns.push(turn);
    }
    if ask.turns.is_empty() {
        // No prompt is the beginning of a document.
        ask.turns.push(Turn::new(Role::User));
    }
    let copies = usize::try_from(body["n"].as_u64().unwrap_or(1)).unwrap_or(1).clamp(1, 128);
    let texts = ask.turns.iter().map(|turn| turn.text.clone());
    let texts: Vec<String> = texts.flat_map(|text| std::iter::repeat_n(text, copies)).collect();
    ask.choices = texts.len();
    if prompts.len() > 1 {
        ask.prompts.clone_from(&texts);
    }
    if body["echo"] == true {
        ask.echo = json!(texts);
    }
    ask.stream = body["stream"] == true;
    ask.stream_usage = quirks.unasked_usage || body["stream_options"]["include_usage"] == true;
    ask.max_tokens = Some(body["max_tokens"].as_u64().unwrap_or(USUAL_TOKENS));
    ask.stop = stop(&body["stop"]);
    ask.seed = body["seed"].as_i64();
    ask.logprobs = body["logprobs"].as_u64().and_then(|most| usize::try_from(most).ok());
    ask.caching = Caching::Automatic { step: 128, writes: false };
    Ok(ask)
}

/// The prompt, when it is to be repeated before the text.
fn echo(ask: &Ask, choice: usize) -> &str {
    ask.echo[choice].as_str().unwrap_or_default()
}

/// The old form of probabilities: columns. `offset` is where the text begins, in characters.
fn flat_logprobs(ask: &Ask, text: &str, offset: usize) -> Value {
    let Some(most) = ask.logprobs else { return Value::Null };
    let (mut tokens, mut values, mut tops, mut offsets) = (vec![], vec![], vec![], vec![]);
    let mut at = offset;
    for piece in Tokenizer::split(text) {
        values.push(logprobs::logprob(&piece.text));
        let alternatives = logprobs::alternatives(&piece.text, most).into_iter();
        tops.push(alternatives.map(|(token, value)| (token, json!(value))).collect::<Map<_, _>>());
        offsets.push(at);
        at += piece.text.chars().count();
        tokens.push(piece.text);
    }
    json!({"tokens": tokens, "token_logprobs": values, "top_logprobs": tops, "text_offset": offsets})
}

fn head(stamp: &Stamp, choices: &Value) -> Value {
    json!({"id": stamp.response_id, "object": "text_completion", "created": stamp.seconds(),
        "model": stamp.model, "choices": choices})
}

struct Encoder {
    ask: Ask,
    answer: Answer,
    stamp: Stamp,
    /// Characters said of each choice.
    said: Vec<usize>,
}

impl Encoder {
    fn text(&mut self, choice: usize, text: &str, finish: Option<&str>) -> Vec<u8> {
        let offset = self.said[choice];
        self.said[choice] += text.chars().count();
        let logprobs = flat_logprobs(&self.ask, text, offset);
        let choices = json!([{"text": text, "index": choice, "logprobs": logprobs, "finish_reason": finish}]);
        let mut chunk = head(&self.stamp, &choices);
        if self.says_usage() {
            chunk["usage"] = Value::Null;
        }
        data_event(&chunk)
    }

    fn says_usage(&self) -> bool {
        self.ask.stream_usage && self.answer.shows_usage
    }

    fn open(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for choice in 0..self.said.len() {
            let echo = echo(&self.ask, choice).to_owned();
            if !echo.is_empty() {
                bytes.extend(self.text(choice, &echo, None));
            }
        }
        bytes
    }

    fn close(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.says_usage() {
            let mut chunk = head(&self.stamp, &json!([]));
            chunk["usage"] = usage(&self.answer.usage, &self.stamp);
            bytes = data_event(&chunk);
        }
        bytes.extend_from_slice(b"data: [DONE]\n\n");
        bytes
    }
}

impl Encode for Encoder {
    fn encode(&mut self, step: &Step, _tokens: u64) -> Vec<u8> {
        match step {
            Step::Open => self.open(),
            Step::Text { choice, text } => self.text(*choice, text, None),
            Step::Finish { choice, finish } => {
                let word = finish_word(&self.answer, finish).to_owned();
                self.text(*choice, "", Some(&word))
            }
            Step::Close => self.close(),
            _ => Vec::new(),
        }
    }

    fn fail(&mut self, failure: &Failure) -> Vec<u8> {
        data_event(&error_body(failure, &self.stamp))
    }
}
