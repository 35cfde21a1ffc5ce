//! From the bytes of a request to what will be answered: the slow part, which runs on the blocking pool.

use serde_json::Value;

use crate::answer::{self, Answer, Usage};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::job::{self, Bench, Made};
use crate::payload::Payload;
use crate::route::{Host, Operation};
use crate::script::{Script, directive};
use crate::seed::{Dice, Hash, hash_text};
use crate::simulator::{Call, Simulator};
use crate::stamp::Stamp;
use crate::vertex;

/// A request as it arrived.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) call: Call,
    pub(crate) payload: Payload,
    /// The log's number of it.
    pub(crate) number: u64,
    /// Unix milliseconds.
    pub(crate) now: u64,
}

/// What is known of a request before it is answered.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) stamp: Stamp,
    /// The body for the log.
    pub(crate) request: Option<Value>,
    pub(crate) script: Script,
    pub(crate) reply: Result<Reply, Failure>,
}

/// What will be answered.
#[derive(Debug)]
pub(crate) enum Reply {
    Said(Box<Ask>, Box<Answer>),
    Made(Box<Made>),
}

impl Reply {
    pub(crate) fn usage(&self) -> Usage {
        match self {
            Self::Said(_, answer) => answer.usage,
            Self::Made(made) => made.usage,
        }
    }

    /// Whether the answer, when it is complete, says its usage.
    pub(crate) fn says_usage(&self) -> bool {
        match self {
            Self::Said(ask, answer) => answer.shows_usage && (ask.stream_usage || !ask.stream),
            Self::Made(made) => made.says_usage,
        }
    }

    /// Whether it leaves in events.
    pub(crate) fn streams(&self) -> bool {
        match self {
            Self::Said(ask, _) => ask.stream,
            Self::Made(made) => matches!(made.form, job::Form::Pieces { error: Some(_), .. }),
        }
    }
}

impl Simulator {
    /// Reads the request and composes the answer. Loads the vocabulary when nothing has yet.
    pub(crate) fn prepare(&self, arrived: &Arrived) -> Prepared {
        let body = arrived.payload.value();
        let said = body.as_ref().and_then(|body| body["model"].as_str());
        let model = arrived.call.address.model.clone().or_else(|| said.map(str::to_owned));
        let mut prepared = Prepared {
            stamp: self.stamp(
                &arrived.call,
                model.as_deref().unwrap_or_default(),
                arrived.number,
                arrived.now,
            ),
            request: None,
            script: Script::default(),
            reply: Err(Failure::bad("We could not parse the JSON body of your request.")),
        };
        let wire = arrived.call.dialect.wire();
        if let Err(failure) = self.guard(arrived) {
            prepared.reply = Err(wire.refined(failure, &prepared.stamp));
            return prepared;
        }
        let Some(body) = body else { return prepared };
        let reply = match arrived.call.operation {
            Operation::Chat => self.said(arrived, &body, &mut prepared),
            _ => self.made(arrived, &body, &mut prepared),
        };
        prepared.reply = reply.map_err(|failure| wire.refined(failure, &prepared.stamp));
        if arrived.call.length <= self.config.log_body_bytes {
            prepared.request = Some(body);
        }
        prepared
    }

    /// Refuses whoever has no key, or a wrong one.
    fn guard(&self, arrived: &Arrived) -> Result<(), Failure> {
        let call = &arrived.call;
        let wire = call.dialect.wire();
        if call.address.host == Host::Vertex {
            return vertex::admit(&call.headers, &self.tokens, arrived.now);
        }
        wire.admit(arrived)?;
        let key = wire.key(&call.headers, &call.query);
        let wrong = key.as_deref().map_or(self.config.require_key, |key| key.contains("invalid"));
        if wrong { Err(wire.bad_key(key.as_deref())) } else { Ok(()) }
    }

    fn said(&self, arrived: &Arrived, body: &Value, prepared: &mut Prepared) -> Result<Reply, Failure> {
        let wire = arrived.call.dialect.wire();
        let mut ask = wire.parse(arrived, body)?;
        let conversation = ask.conversation();
        let (directive, plain) = directive(ask.prompt()).map_err(Failure::bad)?;
        if directive.is_some() {
            ask.replace_prompt(plain);
        }
        prepared.script = self.script(arrived, &ask.model, directive, conversation);
        let script = &prepared.script;
        if ask.model.starts_with("nonexistent") {
            return Err(wire.unknown_model(&ask.model));
        }
        let (tools, turns) = answer::count_prompt(&self.tokenizer, &ask);
        let prompt = tools + turns.iter().sum::<u64>();
        if prompt > self.config.context_tokens {
            return Err(wire.too_long(prompt, self.config.context_tokens));
        }
        let mut answer = answer::compose(&ask, script, ask.seed(self.config.seed), self.config.label);
        // A request that is going to fail leaves no trace in the cache.
        if script.status.is_none() && script.hang != Some(true) {
            let minimum = self.config.cache_minimum_tokens;
            let cached = self.cache.pass(&arrived.call.provider, &ask, tools, &turns, minimum);
            answer.charge_prompt(tools, &turns, cached);
        }
        Ok(Reply::Said(Box::new(ask), Box::new(answer)))
    }

    fn made(&self, arrived: &Arrived, body: &Value, prepared: &mut Prepared) -> Result<Reply, Failure> {
        let job = job::read(arrived, body)?;
        let (directive, plain) = directive(job.text()).map_err(Failure::bad)?;
        prepared.script = self.script(arrived, job.model(), directive, hash_text(job.text()));
        if job.model().starts_with("nonexistent") {
            return Err(arrived.call.dialect.wire().unknown_model(job.model()));
        }
        let bench = Bench {
            tokenizer: &self.tokenizer,
            script: &prepared.script,
            stamp: &prepared.stamp,
            plain: &plain,
            context_tokens: self.config.context_tokens,
        };
        Ok(Reply::Made(Box::new(job.make(&bench)?)))
    }

    /// The script of this request: what admin calls have set, overlaid by its directive and by the delays of
    /// the configuration where neither says any.
    fn script(&self, arrived: &Arrived, model: &str, directive: Option<Script>, conversation: u64) -> Script {
        let mut dice = Dice::new(Hash::new().number(self.config.seed).number(arrived.number).value());
        let provider = &arrived.call.provider;
        let mut script = self.faults.take(provider, model, &mut dice).unwrap_or_default();
        if let Some(directive) = directive
            && self.faults.directive_applies(&directive, provider, model, conversation, &mut dice)
        {
            script = script.overlaid(&directive);
        }
        script
    }
}
