//! The simulator's state, and how one request is answered.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use tokio::time::sleep;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::body::{Body, Broken};
use crate::cache::PromptCache;
use crate::config::Config;
use crate::dialect::{Dialect, GeminiPath, Stamp};
use crate::failure::{self, Failure};
use crate::fast::FastAnswers;
use crate::faults::Faults;
use crate::headers::{headers, wait};
use crate::limits::{Left, Limits};
use crate::log::{Log, Outcome, Record};
use crate::player::{Player, Source, Written, byte_position, spoil};
use crate::prepare::{Arrived, Prepared};
use crate::quirks::Quirks;
use crate::script::Script;
use crate::seed::{Dice, Hash};
use crate::steps::steps;
use crate::tokens::Tokenizer;

/// How many bytes of garbage stand for a body.
const GARBAGE_BODY: usize = 256;

#[derive(Debug)]
pub(crate) struct Simulator {
    pub(crate) config: Config,
    /// When it began: the ids of its answers are not those of an earlier life, which somebody may have kept.
    began: u64,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) faults: Faults,
    pub(crate) log: Arc<Log>,
    pub(crate) cache: PromptCache,
    pub(crate) limits: Limits,
    pub(crate) fast: FastAnswers,
}

/// A chat request before its body is read.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) dialect: Dialect,
    pub(crate) path: Option<GeminiPath>,
    pub(crate) provider: String,
    pub(crate) headers: HeaderMap,
    pub(crate) query: String,
}

/// What an answer is made with.
struct Setting {
    dialect: Dialect,
    events: bool,
    stamp: Stamp,
    left: Left,
    script: Script,
}

impl Simulator {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            log: Arc::new(Log::new(config.log_capacity)),
            tokenizer: Tokenizer::default(),
            faults: Faults::default(),
            cache: PromptCache::default(),
            limits: Limits::default(),
            fast: FastAnswers::default(),
            began: unix_millis(),
            config,
        }
    }

    /// Answers a chat request.
    ///
    /// # Errors
    /// [`Broken`] when the connection is to be closed without an answer.
    pub(crate) async fn chat(self: &Arc<Self>, call: Call, body: Bytes) -> Result<Response<Body>, Broken> {
        let now = unix_millis();
        let Call { dialect, path, provider, headers, query } = call;
        let mut record = self.log.open(&provider, dialect, now);
        let key = dialect.key(&headers, &query);
        record.entry.key_tail = key.as_deref().map(tail);
        let events = path.as_ref().is_none_or(|path| path.events);
        let number = record.entry.id;
        let arrived = Arrived { dialect, path, provider: provider.clone(), headers, body, number };
        let prepared = self.prepared(arrived, key.as_deref()).await;

        record.entry.model.clone_from(&prepared.model);
        record.entry.stream = prepared.stream;
        record.entry.request = prepared.request;
        record.entry.fault = prepared.script.describe();
        let tokens = prepared.reply.as_ref().map_or(0, |(_, answer)| answer.usage.prompt);
        let left = self.limits.pass(&provider, tokens, now);
        let stamp = self.stamp(dialect, &provider, &prepared.model, number, now);
        record.entry.response_id.clone_from(&stamp.response_id);
        record.entry.request_id.clone_from(&stamp.request_id);
        let mut setting = Setting { dialect, events, stamp, left, script: prepared.script };
        if let Ok((ask, _)) = &prepared.reply {
            setting.stamp.shows_thoughts = ask.reasoning.is_none_or(|reasoning| reasoning.visible);
        }
        match prepared.reply {
            Ok((ask, answer)) => self.play(setting, *ask, *answer, record).await,
            Err(failure) => Ok(refuse(&setting, &failure, record)),
        }
    }

    async fn prepared(self: &Arc<Self>, arrived: Arrived, key: Option<&str>) -> Prepared {
        let wrong = key.map_or(self.config.require_key, |key| key.contains("invalid"));
        let refused = wrong.then(|| arrived.dialect.bad_key(key));
        let this = Arc::clone(self);
        let prepared = tokio::task::spawn_blocking(move || match refused {
            None => this.prepare(&arrived),
            Some(failure) => Prepared::refused(failure),
        });
        prepared.await.unwrap_or_else(|_| Prepared::refused(Failure::new(500, "The simulator failed.")))
    }

    async fn play(
        self: &Arc<Self>,
        setting: Setting,
        ask: Ask,
        answer: Answer,
        mut record: Record,
    ) -> Result<Response<Body>, Broken> {
        let script = &setting.script;
        if script.hang == Some(true) {
            record.entry.stalled = true;
            record.publish();
            std::future::pending::<()>().await;
        }
        if let Some(millis) = script.answer_delay_ms {
            record.publish();
            sleep(Duration::from_millis(millis)).await;
        }
        if script.cut_at_byte == Some(0) {
            record.end(Outcome::Cut);
            return Err(Broken);
        }
        let spoken = script.error_after_tokens.is_some() && ask.stream;
        if let Some(failure) = scripted(script, &ask.model).filter(|_| !spoken) {
            return Ok(refuse(&setting, &failure, record));
        }
        record.entry.status = 200;
        record.entry.usage = answer.usage;
        record.entry.says_usage = answer.shows_usage && (ask.stream_usage || !ask.stream);
        record.publish();
        if script.garbage == Some(true) {
            record.end(Outcome::Spoiled);
            let mut garbage = vec![0; GARBAGE_BODY];
            spoil(&mut garbage, 0);
            return Ok(respond(&setting, ask.stream, Body::whole(garbage)));
        }
        Ok(if ask.stream {
            self.stream(setting, &ask, &answer, record)
        } else {
            self.whole(setting, &answer, record)
        })
    }

    fn stream(&self, setting: Setting, ask: &Ask, answer: &Answer, record: Record) -> Response<Body> {
        let Setting { dialect, events, stamp, script, .. } = &setting;
        let steps = steps(answer, dialect.grouping(), &script.breakpoints(), stamp.seed);
        let encoder = dialect.encoder(ask, answer, stamp, *events);
        let source = Source::Steps { steps: steps.into_iter(), encoder, passed: 0 };
        let failure = failure::scripted(script, script.status.unwrap_or(529), &ask.model);
        let error = dialect.error_event(&failure, stamp);
        let player = Player::new(source, self.paced(script), error, record);
        let body = Body::Pieces(player.stream());
        respond(&setting, true, body)
    }

    fn whole(&self, setting: Setting, answer: &Answer, record: Record) -> Response<Body> {
        let mut bytes = setting.dialect.body(answer, &setting.stamp).to_string().into_bytes();
        let total = answer.usage.completion;
        let length = bytes.len() as u64;
        let mut script = self.paced(&setting.script);
        let at = |tokens: Option<u64>| tokens.map(|tokens| byte_position(tokens, total, length));
        if let Some(position) = at(script.garbage_after_tokens.take()) {
            spoil(&mut bytes, position);
        }
        let cut = at(script.cut_after_tokens.take()).or_else(|| at(script.end_after_tokens.take()));
        script.cut_at_byte = script.cut_at_byte.or(cut);
        let stall = at(script.stall_after_tokens.take()).and_then(|at| usize::try_from(at).ok());
        let mut bytes = Bytes::from(bytes);
        let source = match stall {
            None => Source::Whole(Some(Written { bytes, tokens: total, before: 0 })),
            Some(at) => {
                bytes.truncate(at);
                Source::Stalled(Some(Written { bytes, tokens: 0, before: 0 }))
            }
        };
        let player = Player::new(source, script, Bytes::new(), record);
        let mut response = respond(&setting, false, Body::Pieces(player.stream()));
        response.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
        response
    }

    /// A script with the configured delays where it says none.
    fn paced(&self, script: &Script) -> Script {
        let mut script = script.clone();
        script.delay_ms = script.delay_ms.or(Some(self.config.delay_ms));
        script.first_token_delay_ms = script.first_token_delay_ms.or(Some(self.config.first_token_delay_ms));
        script
    }

    pub(crate) fn stamp(
        &self,
        dialect: Dialect,
        provider: &str,
        model: &str,
        number: u64,
        now: u64,
    ) -> Stamp {
        let seed = Hash::new().number(self.config.seed).number(self.began).field(provider.as_bytes());
        let seed = seed.number(number).value();
        let mut dice = Dice::new(seed);
        Stamp {
            response_id: dialect.response_id(&mut dice),
            request_id: dialect.request_id(&mut dice),
            millis: now,
            model: model.to_owned(),
            quirks: Quirks::of(provider, model),
            shows_thoughts: true,
            seed,
        }
    }
}

impl Prepared {
    fn refused(failure: Failure) -> Self {
        Self {
            model: String::new(),
            stream: false,
            request: None,
            script: Script::default(),
            reply: Err(failure),
        }
    }
}

/// The failure that a script answers with instead of an answer.
fn scripted(script: &Script, model: &str) -> Option<Failure> {
    let status = script.status.or_else(|| script.error_after_tokens.map(|_| 500))?;
    Some(failure::scripted(script, status, model))
}

fn refuse(setting: &Setting, failure: &Failure, mut record: Record) -> Response<Body> {
    record.entry.status = failure.status;
    record.end(Outcome::Failed);
    let body = setting.dialect.error_body(failure, &setting.stamp).to_string();
    let mut response = respond(setting, false, Body::whole(body));
    *response.status_mut() =
        StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    wait(response.headers_mut(), setting.dialect, failure);
    response
}

fn respond(setting: &Setting, stream: bool, body: Body) -> Response<Body> {
    let usual = setting.dialect.content_type(stream, setting.events);
    let mut response = Response::new(body);
    *response.headers_mut() = headers(setting.dialect, &setting.stamp, setting.left, usual);
    let said = setting.script.content_type.as_deref().map(HeaderValue::from_str);
    if let Some(Ok(said)) = said {
        response.headers_mut().insert(CONTENT_TYPE, said);
    }
    response
}

/// The last four characters of a key.
fn tail(key: &str) -> String {
    let start = key.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    key[start..].to_owned()
}

pub(crate) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
