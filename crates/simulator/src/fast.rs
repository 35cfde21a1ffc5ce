//! Precomputed answers for benchmarks: fixed text, fixed usage, no parsing, no log entries.
//!
//! The admin's script of the provider shapes them: `tokens` is the number of chunks, `answer_delay_ms`,
//! `first_token_delay_ms` and `delay_ms` the pace; everything else is ignored.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use memchr::memmem;
use tokio::time::{Instant, sleep, sleep_until};

use crate::answer::{Answer, Completion, Usage};
use crate::ask::Ask;
use crate::body::Body;
use crate::dialect::Dialect;
use crate::faults::ANY;
use crate::quirks::Quirks;
use crate::script::Script;
use crate::seed::{ALPHANUMERIC, Dice};
use crate::simulator::{Call, Simulator, unix_millis};
use crate::steps::{Grouping, steps};
use crate::tokens::Piece;

/// What every fast answer says its prompt was.
pub const FAST_PROMPT_TOKENS: u64 = 400;
/// Chunks, and tokens, of a fast answer unless a script says otherwise.
pub const FAST_TOKENS: u64 = 128;

/// The text of one chunk: numbered, so that a lost chunk shows.
#[must_use]
pub fn fast_piece(number: u64) -> String {
    format!(" w{number:05}")
}

/// Answers by dialect, number of tokens and whether they are streamed.
#[derive(Debug, Default)]
pub(crate) struct FastAnswers(RwLock<HashMap<(Dialect, u64, bool), Arc<Template>>>);

/// The bytes of an answer with the places of its id.
#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    /// Where each write ends.
    ends: Vec<usize>,
    ids: Vec<usize>,
    id_length: usize,
}

impl FastAnswers {
    fn template(&self, simulator: &Simulator, call: &Call, tokens: u64, stream: bool) -> Arc<Template> {
        let key = (call.dialect, tokens, stream);
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(known);
        }
        let made = Arc::new(Template::make(simulator, call, tokens, stream));
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&made));
        made
    }
}

impl Template {
    fn make(simulator: &Simulator, call: &Call, tokens: u64, stream: bool) -> Self {
        let wire = call.dialect.wire();
        let mut stamp = simulator.stamp(call, "fast", 0, unix_millis());
        stamp.quirks = Quirks::of("default", "fast");
        let answer = answer(tokens);
        let mut ask = Ask::new("fast".to_owned());
        ask.stream = stream;
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        if stream {
            let mut encoder = wire.encoder(&ask, &answer, &stamp, true);
            for paced in steps(&answer, Grouping(1, 1), &[], 0) {
                let write = encoder.encode(&paced.step, paced.tokens);
                if !write.is_empty() {
                    bytes.extend(write);
                    ends.push(bytes.len());
                }
            }
        } else {
            bytes = wire.body(&ask, &answer, &stamp).to_string().into_bytes();
            ends.push(bytes.len());
        }
        let ids = memmem::find_iter(&bytes, stamp.response_id.as_bytes()).collect();
        Self { bytes, ends, ids, id_length: stamp.response_id.len() }
    }

    /// The bytes with an id of their own.
    fn stamped(&self, dice: &mut Dice) -> Bytes {
        let mut bytes = BytesMut::from(self.bytes.as_slice());
        // The last characters are enough to tell answers apart.
        let tail = dice.word(12, ALPHANUMERIC);
        for at in &self.ids {
            let end = at + self.id_length;
            bytes[end - tail.len()..end].copy_from_slice(tail.as_bytes());
        }
        bytes.freeze()
    }
}

fn answer(tokens: u64) -> Answer {
    let text: Vec<Piece> = (0..tokens).map(|number| Piece { text: fast_piece(number), tokens: 1 }).collect();
    let completion = Completion { text, ..Completion::default() };
    let usage = Usage { prompt: FAST_PROMPT_TOKENS, completion: tokens, ..Usage::default() };
    Answer { completions: vec![completion], usage, finish: None, shows_usage: true }
}

impl Simulator {
    /// The fast answer to a chat request.
    pub(crate) async fn chat_fast(self: &Arc<Self>, call: Call, body: &[u8], number: u64) -> Response<Body> {
        let (dialect, provider) = (call.dialect, &call.provider);
        let mut dice = Dice::new(self.config.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let script = self.faults.take(provider, ANY, &mut dice).unwrap_or_default();
        let named = !call.address.method.is_empty();
        let stream = if named { call.address.stream } else { streams(dialect, body) };
        let tokens = script.tokens.unwrap_or(FAST_TOKENS);
        let template = self.fast.template(self, &call, tokens, stream);
        self.log.count_fast(provider, FAST_PROMPT_TOKENS, tokens);
        if let Some(millis) = script.answer_delay_ms {
            sleep(Duration::from_millis(millis)).await;
        }
        let bytes = template.stamped(&mut dice);
        let body = if stream { pieces(bytes, template, &script) } else { Body::Whole(Some(bytes)) };
        let mut response = Response::new(body);
        let content_type = HeaderValue::from_static(dialect.wire().content_type(stream, true));
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }
}

/// Whether a body asks for a stream, without reading it.
fn streams(dialect: Dialect, body: &[u8]) -> bool {
    let after = memmem::find(body, b"\"stream\":").map(|at| &body[at + b"\"stream\":".len()..]);
    let word = after.map(<[u8]>::trim_ascii_start);
    match dialect {
        Dialect::Ollama => !word.is_some_and(|word| word.starts_with(b"false")),
        _ => word.is_some_and(|word| word.starts_with(b"true")),
    }
}

fn pieces(bytes: Bytes, template: Arc<Template>, script: &Script) -> Body {
    let first = Duration::from_millis(script.first_token_delay_ms.unwrap_or(0));
    let delay = Duration::from_millis(script.delay_ms.unwrap_or(0));
    if first.is_zero() && delay.is_zero() {
        let slices = template.ends.len();
        let mut start = 0;
        let all = (0..slices).map(move |at| {
            let slice = bytes.slice(start..template.ends[at]);
            start = template.ends[at];
            Ok(slice)
        });
        return Body::Pieces(Box::pin(futures::stream::iter(all)));
    }
    let due = Instant::now() + first;
    let paced = futures::stream::unfold(
        (bytes, template, 0_usize, due),
        move |(bytes, template, at, due)| async move {
            let end = *template.ends.get(at)?;
            if at > 0 {
                sleep_until(due).await;
            }
            let start = if at == 0 { 0 } else { template.ends[at - 1] };
            let slice = bytes.slice(start..end);
            let next = if at == 0 { due } else { due + delay };
            Some((Ok(slice), (bytes, template, at + 1, next)))
        },
    );
    Body::Pieces(Box::pin(paced))
}
