//! What the worker does: one file per step of an execution.
//!
//! - [`job`]: a request as it is to be executed.
//! - [`execute`]: the loop over the plan's attempts.
//! - [`order`]: which attempt comes next.
//! - [`attempt`]: calling one endpoint, up to the first content.
//! - [`answer`]: an endpoint's answer as events, within its time limits.
//! - [`deliver`]: passing an answer on once it is committed to.
//! - [`conclude`]: every way an execution ends.
//! - [`tally`]: what an answer has come to: tokens, texts, times.
//! - [`tools`]: whether the calls of an answer are of use.
//! - [`echo`]: what went to providers, for who wants to see it.
//! - [`routing`]: what an answer tells of how it was routed.
//! - [`account`]: the records of an execution.
//! - [`refusal`]: the error a client gets when no attempt served.
//! - [`edge`]: the conversation with the edge.

pub(crate) mod account;
pub(crate) mod answer;
pub(crate) mod attempt;
pub(crate) mod conclude;
pub(crate) mod deliver;
pub(crate) mod echo;
pub(crate) mod edge;
pub(crate) mod execute;
pub(crate) mod job;
pub(crate) mod order;
pub(crate) mod quantum;
mod refusal;
pub(crate) mod routing;
pub(crate) mod tally;
pub(crate) mod tools;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::MasterKey;
use tokio::sync::Semaphore;

use crate::Config;
use crate::breaker::Breakers;
use crate::budget::RetryBudgets;
use crate::count::Counter;
use crate::credential::google::Tokens;
use crate::media::Fetcher;
use crate::metrics::Metrics;
use crate::shares::{Endpoints, Room};
use crate::spool::Spool;
use crate::upstream::Upstream;

/// What every execution shares.
pub(crate) struct App {
    pub(crate) worker_id: String,
    pub(crate) config: Config,
    pub(crate) spool: Spool,
    pub(crate) upstream: Upstream,
    pub(crate) tokens: Tokens,
    pub(crate) media: Fetcher,
    pub(crate) breakers: Breakers,
    pub(crate) budgets: RetryBudgets,
    pub(crate) counter: Counter,
    pub(crate) metrics: Metrics,
    pub(crate) master_key: Arc<MasterKey>,
    /// One permit per execution.
    pub(crate) slots: Arc<Semaphore>,
    /// Who has them.
    pub(crate) room: Mutex<Room>,
    pub(crate) endpoints: Endpoints,
}

impl App {
    /// Who has this worker's places.
    pub(crate) fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
