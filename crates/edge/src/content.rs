//! What was sent to models and what came back, for organisations that want it kept: sealed under their own key, bounded
//! in size and in time, and never in the way of the answer itself.
//!
//! - `wanted`: whether an exchange is kept, and for whom; `trace`: what a request says of its trace.
//! - `tape`: what a client was given, as it goes by.
//! - `input`, `output`: both sides of an exchange in one form, whichever the dialect; `room`: cut to size.
//! - `keeper`: what is kept after the answer's end, and for how long.

mod input;
mod keeper;
mod output;
mod room;
mod tape;
mod trace;
mod wanted;

use identity::{GenerationId, KeyWrapper};
use pg::TenantTx;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::byok;
use crate::store::exchanges;

pub(crate) use keeper::Keeper;
pub(crate) use tape::Tape;
pub(crate) use wanted::{Logging, number, wanted};

/// Kept content cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the identity database refused or cannot be reached")]
    Database(#[from] sqlx::Error),
    #[error("an exchange cannot be sealed or opened")]
    Seal(#[from] identity::SealError),
    #[error("the data key cannot be used")]
    Key(#[source] crate::Error),
    #[error("an exchange cannot be written or read")]
    Malformed(#[from] serde_json::Error),
    #[error("the runtime is going down")]
    GoingDown,
}

impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Database(error) => Self::Database(error),
            error => Self::Key(error),
        }
    }
}

/// What was sent to a model and what came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exchange {
    /// An object with the client's `messages`, or with its `prompt`.
    pub(crate) input: Value,
    pub(crate) output: Output,
    /// Why there is no whole answer, where there is none.
    pub(crate) failure: Option<Failure>,
    /// What the request says of its trace.
    pub(crate) trace: Option<Map<String, Value>>,
    /// Whether what was said and answered is there, and not only the trace.
    pub(crate) has_content: bool,
    /// Something was longer than what is kept; the texts say where.
    pub(crate) is_cut: bool,
    /// Whether the organisation keeps it for itself, and by which of its keys it was made.
    pub(crate) is_logged: bool,
    pub(crate) key: uuid::Uuid,
}

/// An answer as far as it was delivered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = GenerationOutput)]
pub(crate) struct Output {
    /// Texts of several choices are put together, with an empty line between.
    pub(crate) completion: Option<String>,
    pub(crate) reasoning: Option<String>,
    /// Calls of tools, in the words of Chat Completions.
    #[schema(value_type = Vec<Object>)]
    pub(crate) tool_calls: Vec<Value>,
}

/// Why a generation has no whole answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = GenerationFailure)]
pub(crate) struct Failure {
    /// As the client was told, in the answer's head or in its last event.
    pub(crate) status: Option<u16>,
    pub(crate) message: Option<String>,
    pub(crate) provider_name: Option<String>,
    /// What the provider said, where that was passed on.
    pub(crate) raw: Option<String>,
    /// Attempts before the one that the client was told of, oldest first.
    pub(crate) previous_errors: Vec<FailedAttempt>,
}

/// An attempt at a provider that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = GenerationFailedAttempt)]
pub(crate) struct FailedAttempt {
    /// 502 where the provider answered nothing.
    pub(crate) code: u32,
    /// `rate_limited`, `timeout`, ...
    pub(crate) message: Option<String>,
    pub(crate) provider_name: Option<String>,
    /// Always null: what single attempts answered is not kept.
    pub(crate) raw: Option<String>,
}

/// One side of an exchange as it is sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed<T> {
    content: T,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<Map<String, Value>>,
    is_cut: bool,
}

/// The names under which both sides of an exchange are sealed.
fn records(tenant: identity::TenantId, generation: GenerationId) -> [String; 2] {
    ["input", "output"].map(|side| format!("exchange-{side} {tenant} {generation}"))
}

/// What is kept of a generation of the transaction's tenant, for itself or for its destinations. `None` where nothing
/// is, or nothing any more: its time is over, or the key that it was sealed under is gone.
///
/// # Errors
/// [`Error`] when it cannot be looked for or does not open.
pub(crate) async fn read(
    tx: &mut TenantTx,
    wrapper: &dyn KeyWrapper,
    generation: GenerationId,
) -> Result<Option<Exchange>, Error> {
    let Some(kept) = exchanges::find(tx, generation).await? else { return Ok(None) };
    let Some(key) = byok::of_version(tx, wrapper, kept.key_version).await? else { return Ok(None) };
    let [input, output] = records(tx.tenant(), generation);
    let work = move || {
        let input: Sealed<Value> = serde_json::from_slice(&key.open_record(&kept.sealed_input, &input)?)?;
        let output: Sealed<Output> = serde_json::from_slice(&key.open_record(&kept.sealed_output, &output)?)?;
        Ok(Some(Exchange {
            has_content: !input.content.is_null(),
            trace: input.trace,
            input: input.content,
            output: output.content,
            failure: output.failure,
            is_cut: input.is_cut || output.is_cut,
            is_logged: kept.is_logged,
            key: kept.key,
        }))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::GoingDown))
}
