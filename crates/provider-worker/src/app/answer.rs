//! An endpoint's answer as events, within its time limits.

use std::time::Duration;

use bytes::Bytes;
use dialect::canonical::Event;
use dialect::codec::StreamDecoder;
use dialect::error::{ErrorType, ProviderError};
use futures::FutureExt as _;
use http::header::CONTENT_TYPE;
use rpc::router::Attempt;
use tokio::time::Instant;

use super::job::Planned;
use crate::Config;
use crate::upstream;

/// When an attempt is given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The first content, or all of an answer that is not streamed.
    pub(crate) first: Instant,
    pub(crate) total: Instant,
    stall: Duration,
}

impl Limits {
    /// The limits of an attempt that begins now, none of them after `deadline`.
    pub(crate) fn of(attempt: &Attempt, config: &Config, streamed: bool, deadline: Instant) -> Self {
        let own = attempt.timeouts.unwrap_or_default();
        let or =
            |own: u32, default: u32| Duration::from_millis(u64::from(if own > 0 { own } else { default }));
        let now = Instant::now();
        let total = (now + or(own.total_ms, config.total_ms)).min(deadline);
        let first = or(own.first_token_ms, config.first_token_ms);
        let first = if streamed { first } else { first * config.whole_answer_factor };
        Self { first: (now + first).min(total), total, stall: or(own.stall_ms, config.stall_ms) }
    }

    /// The same for a provider that is asked only `delay` later; the end stays.
    pub(crate) fn later(self, delay: Duration) -> Self {
        Self { first: (self.first + delay).min(self.total), ..self }
    }
}

/// The answer did not come in time.
pub(crate) fn late(attempt: &Attempt) -> ProviderError {
    let message = format!("{} did not answer in time", attempt.provider_name);
    ProviderError { error_type: ErrorType::Timeout, ..ProviderError::broken(&message) }
}

/// An endpoint's answer while it is read.
pub(crate) struct Answer {
    upstream: upstream::Answer,
    form: Form,
    limits: Limits,
    has_content: bool,
    has_ended: bool,
}

enum Form {
    Stream(Box<dyn StreamDecoder>),
    /// Everything read so far, at most `limit` bytes.
    Whole {
        body: Vec<u8>,
        limit: usize,
    },
}

impl Answer {
    /// An answer that came with a good status, in whichever form it came.
    pub(crate) fn new(
        upstream: upstream::Answer,
        planned: &Planned,
        limits: Limits,
        whole_limit: usize,
    ) -> Self {
        let json = upstream
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().starts_with("application/json"));
        let form = if planned.job.task.is_streamed() && !json {
            Form::Stream(planned.adapter.stream(&planned.target()))
        } else {
            Form::Whole { body: Vec::new(), limit: whole_limit }
        };
        Self { upstream, form, limits, has_content: false, has_ended: false }
    }

    /// Content came: from here on the answer may not stall.
    pub(crate) fn content_came(&mut self) {
        self.has_content = true;
    }

    /// Gives the rest of the answer until `deadline` and not longer.
    pub(crate) fn hurry(&mut self, deadline: Instant) {
        self.limits.total = self.limits.total.min(deadline);
        self.limits.first = self.limits.first.min(deadline);
    }

    /// Appends the events that the next bytes complete. `false` at the end. Loses nothing when it is dropped.
    ///
    /// # Errors
    /// [`ProviderError`] when the answer is late, breaks off, is too long or cannot be read.
    pub(crate) async fn next(
        &mut self,
        planned: &Planned,
        events: &mut Vec<Event>,
    ) -> Result<bool, ProviderError> {
        if self.has_ended {
            return Ok(false);
        }
        let limit = if self.has_content {
            (Instant::now() + self.limits.stall).min(self.limits.total)
        } else {
            self.limits.first
        };
        let chunk = match tokio::time::timeout_at(limit, self.upstream.chunk()).await {
            Ok(chunk) => chunk.map_err(broken)?,
            Err(_) => return Err(late(planned.attempt())),
        };
        self.take(chunk, planned, events)?;
        Ok(true)
    }

    /// [`Self::next`] for bytes that are there already. `false` when there are none.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub(crate) fn ready(
        &mut self,
        planned: &Planned,
        events: &mut Vec<Event>,
    ) -> Result<bool, ProviderError> {
        if self.has_ended {
            return Ok(false);
        }
        match self.upstream.chunk().now_or_never() {
            Some(chunk) => self.take(chunk.map_err(broken)?, planned, events).map(|()| true),
            None => Ok(false),
        }
    }

    fn take(
        &mut self,
        chunk: Option<Bytes>,
        planned: &Planned,
        events: &mut Vec<Event>,
    ) -> Result<(), ProviderError> {
        self.has_ended = chunk.is_none();
        match (&mut self.form, chunk) {
            (Form::Stream(decoder), Some(bytes)) => decoder.push(&bytes, events),
            (Form::Stream(decoder), None) => decoder.end(events),
            (Form::Whole { body, limit }, Some(bytes)) => {
                if body.len() + bytes.len() > *limit {
                    return Err(broken(upstream::Error::TooLong(*limit)));
                }
                body.extend_from_slice(&bytes);
            }
            (Form::Whole { body, .. }, None) => {
                let body = std::mem::take(body);
                events.extend(planned.adapter.decode(&body, &planned.target())?);
            }
        }
        Ok(())
    }
}

/// What a failure of the transport means.
pub(crate) fn broken(error: upstream::Error) -> ProviderError {
    tracing::debug!(%error, cause = std::error::Error::source(&error), "the upstream failed");
    ProviderError::broken(&error.to_string())
}
