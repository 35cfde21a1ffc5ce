//! A request as it is to be executed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use dialect::canonical::{Operation, Part, PartKind, Task};
use dialect::client::{Dialect, Envelope};
use dialect::codec::{Adapter, Target, adapter};
use dialect::error::BadRequest;
use identity::GenerationId;
use pricing::{Class, PriceBook, Usage};
use rpc::router::Attempt;
use rpc::worker::Start;
use rpc::{Fault, convert};
use serde_json::{Map, Value};

use super::echo::Echoes;
use crate::spool::Key;

/// Bodies longer than this are transformed where they hold up nobody else.
const LARGE: usize = 64 * 1024;

/// The member under which a request carries the client's `anthropic-beta` header.
const BETA: &str = "anthropic_beta";

/// One execution's request, decoded.
pub(crate) struct Job {
    pub(crate) key: Key,
    /// What the edge sent.
    pub(crate) start: Start,
    pub(crate) dialect: Dialect,
    pub(crate) task: Task,
    pub(crate) began: Instant,
    echoes: Echoes,
}

/// One attempt of a plan, read.
pub(crate) struct Planned {
    pub(crate) job: Arc<Job>,
    pub(crate) n: usize,
    pub(crate) book: PriceBook,
    pub(crate) adapter: &'static dyn Adapter,
    quirks: Map<String, Value>,
}

impl Job {
    /// Reads what the edge wants executed.
    ///
    /// # Errors
    /// [`Fault`] for the client when its body is no request, for the edge when the message is malformed.
    pub(crate) async fn read(start: Start) -> Result<Self, Fault> {
        let generation: GenerationId =
            start.generation_id.parse().map_err(|_| Fault::invalid("malformed message: generation_id"))?;
        let dialect = Dialect::named(&start.client_dialect)
            .ok_or_else(|| Fault::invalid("malformed message: client_dialect"))?;
        if start.first_attempt as usize >= start.attempts.len() {
            return Err(Fault::invalid("malformed message: first_attempt"));
        }
        let mut task = decode(dialect, start.body.clone()).await?.map_err(refused)?;
        if let Task::Chat(request) = &mut task
            && !start.anthropic_beta.is_empty()
        {
            request.extra.insert(BETA.to_owned(), start.anthropic_beta.clone().into());
        }
        Ok(Self {
            key: Key { generation, execution: start.execution },
            dialect,
            task,
            began: Instant::now(),
            echoes: Echoes::wanted(start.stream && dialect.wants_echo(&start.body)),
            start,
        })
    }

    /// Whether somebody pays for it.
    pub(crate) fn is_paid(&self) -> bool {
        self.start.reserved > 0 || !self.start.leases.is_empty()
    }

    /// Whether its transformations belong on the blocking pool.
    pub(crate) fn is_large(&self) -> bool {
        self.start.body.len() > LARGE
    }

    pub(crate) fn attempt(&self, n: usize) -> Option<&Attempt> {
        self.start.attempts.get(n)
    }

    /// The parts of the conversation, if it is one.
    fn parts(&self) -> impl Iterator<Item = &Part> {
        let messages = self.task.chat().into_iter().flat_map(|request| &request.messages);
        messages.flat_map(|message| &message.content)
    }

    /// What the task alone says of the pieces that are priced one by one.
    pub(crate) fn pieces(&self) -> Usage {
        let images = match &self.task {
            Task::Embeddings(request) => request.images(),
            Task::Images(request) => request.references.len() as u64,
            _ => self.parts().filter(|part| matches!(part.kind, PartKind::Image { .. })).count() as u64,
        };
        self.task.pieces().with(Class::Request, 1).with(Class::Image, images)
    }

    /// Whether what was asked holds more than text.
    pub(crate) fn has_media(&self) -> bool {
        self.task.operation() != Operation::Chat
            || self.parts().any(|part| !matches!(part.kind, PartKind::Text(_)))
    }

    /// Completion tokens that each choice may have at an endpoint: what the client asked for, within what the
    /// reservation pays for. A reservation for all that the endpoint can give limits nothing.
    fn max_tokens(&self, attempt: &Attempt) -> Option<u64> {
        let paid = self.start.max_tokens;
        let most = [Some(attempt.context_length).filter(|length| *length > 0), attempt.max_output];
        let most = most.into_iter().flatten().min();
        match (self.task.chat().and_then(|request| request.max_tokens), paid) {
            (Some(wanted), Some(paid)) => Some(wanted.min(paid)),
            (None, Some(paid)) if most.is_none_or(|most| paid < most) => Some(paid),
            (wanted, _) => wanted,
        }
    }

    /// The task as an endpoint gets it.
    pub(crate) fn task_for(&self, attempt: &Attempt) -> Cow<'_, Task> {
        self.task.with_max_tokens(self.max_tokens(attempt))
    }

    /// The tier of service that an attempt asks for, where the endpoint or the client names one.
    fn service_tier(&self, attempt: &Attempt) -> Option<String> {
        if !attempt.service_tier.is_empty() {
            return Some(attempt.service_tier.clone());
        }
        let asked = self.task.chat().and_then(|request| request.extra.get("service_tier"));
        asked.is_some_and(Value::is_string).then(|| "default".to_owned())
    }

    /// The requests as they went to providers, for a client that wants to see them.
    pub(crate) const fn echoes(&self) -> &Echoes {
        &self.echoes
    }

    /// What surrounds the answer of an attempt; `routing` as [`super::routing::told`].
    pub(crate) fn envelope(&self, attempt: &Attempt, routing: Option<Value>) -> Envelope {
        Envelope {
            id: self.key.generation.to_string(),
            created: u64::try_from(self.start.received_at_ms / 1_000).unwrap_or_default(),
            model: attempt.model.clone(),
            provider: attempt.provider_name.clone(),
            simulated: attempt.simulated,
            exclude_reasoning: self
                .task
                .chat()
                .and_then(|request| request.reasoning.as_ref())
                .is_some_and(|reasoning| reasoning.exclude),
            service_tier: self.service_tier(attempt),
            routing,
        }
    }
}

async fn decode(dialect: Dialect, body: Bytes) -> Result<Result<Task, BadRequest>, Fault> {
    if body.len() <= LARGE {
        return Ok(dialect.decode(&body));
    }
    tokio::task::spawn_blocking(move || dialect.decode(&body)).await.map_err(|_| Fault::internal())
}

/// What the edge is told of a body that is no request.
pub(crate) fn refused(refusal: BadRequest) -> Fault {
    Fault::new(refusal.error_type.as_str(), refusal.error_type.status(), refusal.message)
}

impl Planned {
    /// Reads one attempt; `None` when the plan's data of it are malformed.
    pub(crate) fn read(job: &Arc<Job>, n: usize) -> Option<Self> {
        let attempt = job.attempt(n)?;
        let quirks = match attempt.quirks_json.as_str() {
            "" => Some(Map::new()),
            text => serde_json::from_str(text).ok(),
        };
        let quirks = quirks?;
        let book = attempt.price.as_ref().and_then(|price| convert::book_in(price).ok())?;
        let (operation, client) = (job.task.operation(), job.dialect);
        let adapter = adapter(&attempt.dialect, operation, client, &target(attempt, &quirks))?;
        Some(Self { job: Arc::clone(job), n, book, adapter, quirks })
    }

    pub(crate) fn attempt(&self) -> &Attempt {
        &self.job.start.attempts[self.n]
    }

    /// Whether the model may reason without a word of it in the answer.
    pub(crate) fn hides_reasoning(&self) -> bool {
        let reasons = || self.attempt().supported_parameters.iter().any(|name| name == "reasoning");
        self.target().quirk("hides_reasoning") == Some(true) && reasons()
    }

    pub(crate) fn target(&self) -> Target<'_> {
        target(self.attempt(), &self.quirks)
    }
}

fn target<'a>(attempt: &'a Attempt, quirks: &'a Map<String, Value>) -> Target<'a> {
    Target {
        model: &attempt.model,
        provider: &attempt.provider,
        provider_model: &attempt.provider_model,
        max_output: attempt.max_output,
        supported_parameters: &attempt.supported_parameters,
        service_tier: &attempt.service_tier,
        quirks,
    }
}

#[cfg(test)]
mod tests {
    use dialect::canonical::Request;

    use super::*;

    fn job(wanted: Option<u64>, paid: Option<u64>) -> Job {
        Job {
            key: Key { generation: GenerationId::generate(), execution: 1 },
            start: Start { max_tokens: paid, ..Start::default() },
            dialect: Dialect::Chat,
            task: Task::Chat(Request { max_tokens: wanted, ..Request::default() }),
            began: Instant::now(),
            echoes: Echoes::wanted(false),
        }
    }

    #[test]
    fn the_reservation_limits_the_tokens_unless_it_pays_for_all() {
        let attempt = Attempt { context_length: 8_000, max_output: Some(1_000), ..Attempt::default() };
        for (wanted, paid, expected) in [
            (None, None, None),
            (None, Some(1_000), None),
            (None, Some(300), Some(300)),
            (Some(50), Some(300), Some(50)),
            (Some(500), Some(300), Some(300)),
            (Some(500), None, Some(500)),
        ] {
            let job = job(wanted, paid);
            let task = job.task_for(&attempt);
            assert_eq!(task.chat().unwrap().max_tokens, expected, "{wanted:?} {paid:?}");
        }
    }
}
