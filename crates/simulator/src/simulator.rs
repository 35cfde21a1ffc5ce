//! The simulator's state, and how one request is answered.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Response};
use tokio::time::sleep;

use crate::body::{Body, Broken};
use crate::cache::PromptCache;
use crate::config::Config;
use crate::dialect::Dialect;
use crate::failure::{self, Failure};
use crate::fast::FastAnswers;
use crate::faults::Faults;
use crate::limits::{Left, Limits};
use crate::log::{Log, Outcome, Record};
use crate::payload::Payload;
use crate::player::spoil;
use crate::prepare::{Arrived, Prepared, Reply};
use crate::quirks::Quirks;
use crate::received::Received;
use crate::route::{Address, Host, Operation};
use crate::script::Script;
use crate::seed::{Dice, Hash};
use crate::stamp::Stamp;
use crate::stripe::{Outbox, Stripe};
use crate::tokens::Tokenizer;
use crate::vertex::AccessTokens;

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
    pub(crate) received: Received,
    pub(crate) cache: PromptCache,
    pub(crate) limits: Limits,
    pub(crate) fast: FastAnswers,
    pub(crate) tokens: AccessTokens,
    pub(crate) stripe: Stripe,
}

/// A request before its body is read.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) dialect: Dialect,
    pub(crate) operation: Operation,
    pub(crate) address: Address,
    pub(crate) provider: String,
    pub(crate) method: http::Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    /// Bytes of the body.
    pub(crate) length: usize,
}

/// What an answer is made with.
pub(crate) struct Setting {
    pub(crate) dialect: Dialect,
    pub(crate) array: bool,
    pub(crate) stamp: Stamp,
    pub(crate) left: Left,
    pub(crate) script: Script,
}

impl Simulator {
    /// Events of the simulated payment processor leave by `outbox`.
    pub(crate) fn new(config: Config, outbox: Outbox) -> Self {
        let began = unix_millis();
        Self {
            log: Arc::new(Log::new(config.log_capacity)),
            received: Received::default(),
            tokenizer: Tokenizer::default(),
            faults: Faults::default(),
            cache: PromptCache::default(),
            limits: Limits::default(),
            fast: FastAnswers::default(),
            tokens: AccessTokens::default(),
            stripe: Stripe::new(&config.stripe, began, outbox),
            began,
            config,
        }
    }

    /// Answers a request for something that a model does.
    ///
    /// # Errors
    /// [`Broken`] when the connection is to be closed without an answer.
    pub(crate) async fn answer(self: &Arc<Self>, call: Call, body: Bytes) -> Result<Response<Body>, Broken> {
        let now = unix_millis();
        let mut record = self.log.open(&call, now);
        record.entry.key_tail = call.dialect.wire().key(&call.headers, &call.query).as_deref().map(tail);
        let payload = Payload::read(&call.headers, body.clone()).await;
        let arrived = Arc::new(Arrived { call, payload, number: record.entry.id, now });
        let prepared = self.prepared(&arrived).await;
        let Prepared { stamp, request, script, reply } = prepared;
        self.received.keep(&arrived, &stamp.model, body);

        record.entry.model.clone_from(&stamp.model);
        record.entry.request = request;
        record.entry.fault = script.describe();
        record.entry.response_id.clone_from(&stamp.response_id);
        record.entry.request_id.clone_from(&stamp.request_id);
        record.entry.stream = reply.as_ref().map_or(arrived.call.address.stream, |reply| reply.streams());
        let tokens = reply.as_ref().map_or(0, |reply| reply.usage().prompt);
        let left = self.limits.pass(&arrived.call.provider, tokens, now);
        let Call { dialect, address: Address { array, .. }, .. } = arrived.call;
        let setting = Setting { dialect, array, stamp, left, script };
        match reply {
            Ok(reply) => self.play(setting, reply, record).await,
            Err(failure) => Ok(setting.refuse(&failure, record)),
        }
    }

    async fn prepared(self: &Arc<Self>, arrived: &Arc<Arrived>) -> Prepared {
        let (this, shared) = (Arc::clone(self), Arc::clone(arrived));
        let prepared = tokio::task::spawn_blocking(move || this.prepare(&shared)).await;
        prepared.unwrap_or_else(|_| Prepared {
            stamp: self.stamp(&arrived.call, "", arrived.number, arrived.now),
            request: None,
            script: Script::default(),
            reply: Err(Failure::new(500, "The simulator failed.")),
        })
    }

    async fn play(
        self: &Arc<Self>,
        setting: Setting,
        reply: Reply,
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
        let spoken = script.error_after_tokens.is_some() && reply.streams();
        if let Some(failure) = scripted(script, &setting.stamp.model).filter(|_| !spoken) {
            return Ok(setting.refuse(&failure, record));
        }
        record.entry.status = 200;
        record.entry.usage = reply.usage();
        record.entry.says_usage = reply.says_usage();
        record.publish();
        if script.garbage == Some(true) {
            record.end(Outcome::Spoiled);
            let mut garbage = vec![0; GARBAGE_BODY];
            spoil(&mut garbage, 0);
            let content_type = setting.content_type(&reply);
            return Ok(setting.respond(content_type, Body::whole(garbage)));
        }
        Ok(self.render(setting, reply, record))
    }

    pub(crate) fn stamp(&self, call: &Call, model: &str, number: u64, now: u64) -> Stamp {
        let seed = Hash::new().number(self.config.seed).number(self.began).field(call.provider.as_bytes());
        let seed = seed.number(number).value();
        let mut dice = Dice::new(seed);
        let wire = call.dialect.wire();
        // Hosts mark the ids of those who make the models.
        let marked = |id: String| match call.address.host {
            Host::Own => id,
            Host::Vertex => id.replacen("_01", "_vrtx_01", 1),
            Host::Bedrock => id.replacen("_01", "_bdrk_01", 1),
        };
        Stamp {
            response_id: marked(wire.response_id(&mut dice)),
            request_id: marked(wire.request_id(&mut dice)),
            millis: now,
            model: model.to_owned(),
            host: call.address.host,
            quirks: Quirks::of(&call.provider, model),
            seed,
        }
    }
}

/// The failure that a script answers with instead of an answer.
fn scripted(script: &Script, model: &str) -> Option<Failure> {
    let status = script.status.or_else(|| script.error_after_tokens.map(|_| 500))?;
    Some(failure::scripted(script, status, model))
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
