//! From the bytes of a request to what will be said: the slow part, which runs on the blocking pool.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::answer::{self, Answer};
use crate::ask::Ask;
use crate::dialect::{Dialect, GeminiPath};
use crate::failure::Failure;
use crate::script::{Script, directive};
use crate::seed::{Dice, Hash};
use crate::simulator::Simulator;

/// A chat request as it arrived.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) dialect: Dialect,
    pub(crate) path: Option<GeminiPath>,
    pub(crate) provider: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The log's number of it.
    pub(crate) number: u64,
}

/// What is known of a request before it is answered.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// The body for the log.
    pub(crate) request: Option<Value>,
    pub(crate) script: Script,
    pub(crate) reply: Result<(Box<Ask>, Box<Answer>), Failure>,
}

impl Simulator {
    /// Reads the request and composes the answer. Loads the vocabulary when nothing has yet.
    pub(crate) fn prepare(&self, arrived: &Arrived) -> Prepared {
        let mut prepared = Prepared {
            model: arrived.path.as_ref().map_or_else(String::new, |path| path.model.clone()),
            stream: arrived.path.as_ref().is_some_and(|path| path.stream),
            request: None,
            script: Script::default(),
            reply: Err(Failure::bad("We could not parse the JSON body of your request.")),
        };
        let Ok(body) = serde_json::from_slice::<Value>(&arrived.body) else { return prepared };
        if let Some(model) = body["model"].as_str() {
            model.clone_into(&mut prepared.model);
        }
        prepared.reply = self.reply(arrived, &body, &mut prepared.script);
        if let Ok((ask, _)) = &prepared.reply {
            prepared.stream = ask.stream;
        }
        if arrived.body.len() <= self.config.log_body_bytes {
            prepared.request = Some(body);
        }
        prepared
    }

    fn reply(
        &self,
        arrived: &Arrived,
        body: &Value,
        script: &mut Script,
    ) -> Result<(Box<Ask>, Box<Answer>), Failure> {
        let dialect = arrived.dialect;
        let mut ask = dialect.parse(body, arrived.path.as_ref(), &arrived.headers, &arrived.provider)?;
        let conversation = ask.conversation();
        let (directive, plain) = directive(ask.prompt()).map_err(Failure::bad)?;
        if directive.is_some() {
            ask.replace_prompt(plain);
        }
        *script = self.script(arrived, &ask.model, directive, conversation);
        if ask.model.starts_with("nonexistent") {
            return Err(dialect.unknown_model(&ask.model));
        }
        let (tools, turns) = answer::count_prompt(&self.tokenizer, &ask);
        let prompt = tools + turns.iter().sum::<u64>();
        if prompt > self.config.context_tokens {
            return Err(dialect.too_long(prompt, self.config.context_tokens));
        }
        let mut answer = answer::compose(&ask, script, ask.seed(self.config.seed), self.config.label);
        // A request that is going to fail leaves no trace in the cache.
        if script.status.is_none() && script.hang != Some(true) {
            let minimum = self.config.cache_minimum_tokens;
            let cached = self.cache.pass(&arrived.provider, &ask, tools, &turns, minimum);
            answer.charge_prompt(tools, &turns, cached);
        }
        Ok((Box::new(ask), Box::new(answer)))
    }

    /// The script of this request: what admin calls have set, overlaid by its directive and by the delays of
    /// the configuration where neither says any.
    fn script(&self, arrived: &Arrived, model: &str, directive: Option<Script>, conversation: u64) -> Script {
        let mut dice = Dice::new(Hash::new().number(self.config.seed).number(arrived.number).value());
        let provider = &arrived.provider;
        let mut script = self.faults.take(provider, model, &mut dice).unwrap_or_default();
        if let Some(directive) = directive
            && self.faults.directive_applies(&directive, provider, model, conversation, &mut dice)
        {
            script = script.overlaid(&directive);
        }
        script
    }
}
