//! What is kept after an answer's end, and for how long.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dialect::client::Dialect;
use identity::{DataKey, GenerationId, KeyWrapper, TenantId};
use lifecycle::Tasks;
use pg::TenantTx;
use serde_json::Value;
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use uuid::Uuid;

use super::room::Room;
use super::tape::{Heard, Tape};
use super::{Error, Failure, Output, Sealed, input, output, records, trace, wanted};
use crate::byok;
use crate::config::ContentConfig;
use crate::execution::Request;
use crate::metrics::Metrics;
use crate::store::exchanges::{self, NewExchange};

/// Exchanges that are stored at once: requests wait for nothing of it, and shall not wait for its connections.
const AT_ONCE: usize = 2;
/// How often the keeping of an exchange is tried.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// Exchanges that are deleted in one statement.
const SWEEP: i32 = 500;
/// What a provider failed with that says no status.
const FAILED: u16 = 502;

/// Keeps exchanges, in the background.
#[derive(Clone)]
pub(crate) struct Keeper(Arc<Parts>);

struct Parts {
    config: ContentConfig,
    pool: PgPool,
    wrapper: Arc<dyn KeyWrapper>,
    tasks: Tasks,
    metrics: Metrics,
    /// Bytes that may be held at once, of answers under way and of exchanges not yet stored.
    held: Arc<Semaphore>,
    turns: Semaphore,
}

/// An exchange that is to be stored.
struct Ended {
    tenant: TenantId,
    workspace: Uuid,
    key: Uuid,
    generation: GenerationId,
    dialect: Dialect,
    streamed: bool,
    body: Bytes,
    heard: Heard,
}

/// Both sides of an exchange, cut to size and written.
struct Written {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Keeper {
    pub(crate) fn new(
        config: &ContentConfig,
        pool: &PgPool,
        wrapper: &Arc<dyn KeyWrapper>,
        tasks: &Tasks,
        metrics: &Metrics,
    ) -> Self {
        sweep(tasks, pool.clone(), config.sweep_every_ms.get());
        Self(Arc::new(Parts {
            held: Arc::new(Semaphore::new(config.max_held_bytes.get().min(Semaphore::MAX_PERMITS))),
            turns: Semaphore::new(AT_ONCE),
            config: config.clone(),
            pool: pool.clone(),
            wrapper: Arc::clone(wrapper),
            tasks: tasks.clone(),
            metrics: metrics.clone(),
        }))
    }

    /// A tape for the answer to a request, where somebody wants it.
    pub(crate) fn tape(&self, request: &Request) -> Option<Tape> {
        let keeping = wanted(request).of(request.generation)?;
        let is_text = keeping.content && output::has_text(request.dialect);
        let limit = is_text.then_some(self.0.config.max_answer_bytes.get());
        Some(Tape::new(keeping, limit, Arc::clone(&self.0.held)))
    }

    /// Keeps an exchange that has ended. Waits for nothing.
    pub(crate) fn keep(&self, request: &Request, tape: &Tape) {
        let heard = tape.take();
        let size = u32::try_from(request.body.len()).unwrap_or(u32::MAX);
        let Ok(place) = Arc::clone(&self.0.held).try_acquire_many_owned(size) else {
            self.0.metrics.kept("dropped");
            tracing::warn!("an exchange is not kept: too many wait to be stored");
            return;
        };
        let key = &request.caller.key;
        let ended = Ended {
            tenant: key.tenant,
            workspace: key.workspace,
            key: key.id.uuid(),
            generation: request.generation,
            dialect: request.dialect,
            streamed: request.peek.stream,
            body: request.body.clone(),
            heard,
        };
        let keeper = self.clone();
        let work = async move {
            keeper.store(ended).await;
            drop(place);
        };
        self.0.tasks.spawn(work.in_current_span());
    }

    async fn store(&self, mut ended: Ended) {
        let parts = &self.0;
        let Ok(_turn) = parts.turns.acquire().await else { return };
        let is_logged = ended.heard.keeping.is_logged;
        let keep = if is_logged { &parts.config.keep_ms } else { &parts.config.hand_on_ms };
        let new = NewExchange {
            generation: ended.generation,
            workspace: ended.workspace,
            key: ended.key,
            is_logged,
            keep: keep.get(),
        };
        let (tenant, room, taken) = (ended.tenant, parts.config.max_bytes.get(), ended.heard.taken.take());
        let written = apart(move || write(&ended, room)).await;
        drop(taken);
        let kept = match written {
            Ok(written) => self.patiently(tenant, new, Arc::new(written)).await,
            Err(error) => Err(error),
        };
        parts.metrics.kept(if kept.is_ok() { "kept" } else { "failed" });
        if let Err(error) = kept {
            tracing::warn!(error = %error, generation.id = %new.generation, "an exchange could not be kept");
        }
    }

    /// Tries again while the database is away, unless the process is to stop.
    async fn patiently(
        &self,
        tenant: TenantId,
        new: NewExchange,
        written: Arc<Written>,
    ) -> Result<(), Error> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let is_kept = match self.seal(tenant, new, Arc::clone(&written)).await {
                Ok(is_kept) => is_kept,
                Err(Error::Database(error)) if tries > 0 => {
                    tracing::debug!(error = %error, "an exchange cannot be kept yet");
                    if !self.0.tasks.shutdown().pause(PAUSE).await {
                        return Err(error.into());
                    }
                    false
                }
                Err(error) => return Err(error),
            };
            if is_kept || tries == 0 {
                return Ok(());
            }
        }
    }

    /// Whether it is kept: not where its key was exchanged meanwhile.
    async fn seal(&self, tenant: TenantId, new: NewExchange, written: Arc<Written>) -> Result<bool, Error> {
        let wrapper = Arc::clone(&self.0.wrapper);
        let (version, key): (u32, DataKey) = pg::in_tenant(&self.0.pool, tenant, move |tx| {
            Box::pin(async move { Ok::<_, Error>(byok::newest(tx, wrapper.as_ref()).await?) })
        })
        .await?;
        let sealed = apart(move || {
            let [input, output] = records(tenant, new.generation);
            let sealed_input = key.seal_record(&written.input, &input)?;
            Ok((sealed_input, key.seal_record(&written.output, &output)?))
        })
        .await?;
        let inserted: Result<bool, sqlx::Error> =
            pg::in_tenant(&self.0.pool, tenant, move |tx: &mut TenantTx| {
                Box::pin(async move { exchanges::insert(tx, &new, version, (&sealed.0, &sealed.1)).await })
            })
            .await;
        Ok(inserted?)
    }
}

/// Does work where it holds nobody up.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::GoingDown))
}

/// Reads both sides of an exchange and writes as much of them as there is room for.
fn write(ended: &Ended, room: usize) -> Result<Written, Error> {
    let Ended { dialect, heard, .. } = ended;
    let trace = trace::read(&ended.body);
    if !heard.keeping.content {
        let input = Sealed { content: Value::Null, failure: None, trace, is_cut: false };
        let output = Sealed { content: Output::default(), failure: None, trace: None, is_cut: false };
        return Ok(Written { input: serde_json::to_vec(&input)?, output: serde_json::to_vec(&output)? });
    }
    let mut of_input = Room::new(room);
    let content = input::read(*dialect, &ended.body, &mut of_input);
    let input = Sealed { content, failure: None, trace, is_cut: of_input.is_cut };
    let mut said = output::read(*dialect, ended.streamed, &heard.frames);
    let failure = failure(heard, said.failure.take());
    let mut of_output = Room::new(room);
    let content = said.cut(&mut of_output);
    let output = Sealed { content, failure, trace: None, is_cut: heard.is_cut || of_output.is_cut };
    Ok(Written { input: serde_json::to_vec(&input)?, output: serde_json::to_vec(&output)? })
}

/// Why the answer is none or not whole: what stands in its place, else what its last event says.
fn failure(heard: &Heard, told: Option<Failure>) -> Option<Failure> {
    let mut failure = heard.refusal.clone().or(told)?;
    let mut attempts = heard.attempts.clone();
    let last = attempts.pop();
    failure.provider_name = failure.provider_name.or_else(|| last.and_then(|last| last.provider_name));
    failure.status = failure.status.or(Some(FAILED));
    failure.previous_errors = attempts;
    Some(failure)
}

/// Deletes exchanges whose time is over, in the background until the stop begins.
fn sweep(tasks: &Tasks, pool: PgPool, every: Duration) {
    let stop = tasks.shutdown().wait();
    let work = async move {
        loop {
            tokio::time::sleep(every).await;
            while let Ok(swept) = exchanges::sweep(&pool, SWEEP).await
                && swept >= i64::from(SWEEP)
            {}
        }
    };
    tasks.spawn(async move {
        tokio::select! {
            () = stop => {}
            () = work => {}
        }
    });
}
