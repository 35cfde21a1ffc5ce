//! A request as it is to be executed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use dialect::canonical::{Media, PartKind, Request};
use dialect::client::{Dialect, Envelope};
use dialect::codec::{Adapter, Target, adapter};
use dialect::error::BadRequest;
use identity::GenerationId;
use pricing::{Markup, PriceBook};
use rpc::router::Attempt;
use rpc::worker::Start;
use rpc::{Fault, convert};
use serde_json::{Map, Value};

use crate::spool::Key;

/// Bodies longer than this are transformed where they hold up nobody else.
const LARGE: usize = 64 * 1024;

/// One execution's request, decoded.
pub(crate) struct Job {
    pub(crate) key: Key,
    /// What the edge sent.
    pub(crate) start: Start,
    pub(crate) dialect: Dialect,
    pub(crate) request: Request,
    pub(crate) markup: Markup,
    pub(crate) began: Instant,
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
        let mut request = decode(dialect, start.body.clone()).await?.map_err(refused)?;
        request.stream = start.stream;
        Ok(Self {
            key: Key { generation, execution: start.execution },
            dialect,
            request,
            markup: convert::markup(start.markup_basis_points),
            began: Instant::now(),
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

    /// Images in the prompt.
    pub(crate) fn images(&self) -> u64 {
        let parts = self.request.messages.iter().flat_map(|message| &message.content);
        parts.filter(|part| matches!(part.kind, PartKind::Image { .. })).count() as u64
    }

    /// Whether the prompt holds more than text.
    pub(crate) fn has_media(&self) -> bool {
        let mut parts = self.request.messages.iter().flat_map(|message| &message.content);
        parts.any(|part| !matches!(part.kind, PartKind::Text(_)))
    }

    /// Whether the prompt names images or files by URL.
    pub(crate) fn has_remote_media(&self) -> bool {
        let mut parts = self.request.messages.iter().flat_map(|message| &message.content);
        parts.any(|part| match &part.kind {
            PartKind::Image { source, .. } | PartKind::File { source, .. } => matches!(source, Media::Url(_)),
            PartKind::Text(_) | PartKind::Audio { .. } | PartKind::Other(_) => false,
        })
    }

    /// Completion tokens that each choice may have at an endpoint: what the client asked for, within what the
    /// reservation pays for. A reservation for all that the endpoint can give limits nothing.
    fn max_tokens(&self, attempt: &Attempt) -> Option<u64> {
        let paid = self.start.max_tokens;
        let most = [Some(attempt.context_length).filter(|length| *length > 0), attempt.max_output];
        let most = most.into_iter().flatten().min();
        match (self.request.max_tokens, paid) {
            (Some(wanted), Some(paid)) => Some(wanted.min(paid)),
            (None, Some(paid)) if most.is_none_or(|most| paid < most) => Some(paid),
            (wanted, _) => wanted,
        }
    }

    /// The request as an endpoint gets it.
    pub(crate) fn request_for(&self, attempt: &Attempt) -> Cow<'_, Request> {
        let max_tokens = self.max_tokens(attempt);
        if max_tokens == self.request.max_tokens {
            return Cow::Borrowed(&self.request);
        }
        Cow::Owned(Request { max_tokens, ..self.request.clone() })
    }

    /// What surrounds the answer of an attempt.
    pub(crate) fn envelope(&self, attempt: &Attempt) -> Envelope {
        Envelope {
            id: self.key.generation.to_string(),
            created: u64::try_from(self.start.received_at_ms / 1_000).unwrap_or_default(),
            model: attempt.model.clone(),
            provider: attempt.provider_name.clone(),
            simulated: attempt.simulated,
            exclude_reasoning: self.request.reasoning.as_ref().is_some_and(|reasoning| reasoning.exclude),
        }
    }
}

async fn decode(dialect: Dialect, body: Bytes) -> Result<Result<Request, BadRequest>, Fault> {
    if body.len() <= LARGE {
        return Ok(dialect.decode(&body));
    }
    tokio::task::spawn_blocking(move || dialect.decode(&body)).await.map_err(|_| Fault::internal())
}

fn refused(refusal: BadRequest) -> Fault {
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
        let book = attempt.price.as_ref().and_then(|price| convert::book_in(price).ok());
        Some(Self {
            job: Arc::clone(job),
            n,
            book: book?,
            adapter: adapter(&attempt.dialect)?,
            quirks: quirks?,
        })
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
        let attempt = self.attempt();
        Target {
            model: &attempt.model,
            provider: &attempt.provider,
            provider_model: &attempt.provider_model,
            max_output: attempt.max_output,
            supported_parameters: &attempt.supported_parameters,
            quirks: &self.quirks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(wanted: Option<u64>, paid: Option<u64>) -> Job {
        Job {
            key: Key { generation: GenerationId::generate(), execution: 1 },
            start: Start { max_tokens: paid, ..Start::default() },
            dialect: Dialect::Chat,
            request: Request { max_tokens: wanted, ..Request::default() },
            markup: Markup::NONE,
            began: Instant::now(),
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
            assert_eq!(job.request_for(&attempt).max_tokens, expected, "{wanted:?} {paid:?}");
        }
    }
}
