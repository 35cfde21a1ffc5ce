//! What billing does, one file per use case, over the state that they share.

pub(crate) mod bills;
pub(crate) mod budgets;
pub(crate) mod invoices;
pub(crate) mod leases;
pub(crate) mod notices;
pub(crate) mod parked;
pub(crate) mod payments;
mod plans;
pub(crate) mod prices;
pub(crate) mod recalls;
pub(crate) mod settlement;
pub(crate) mod usage_export;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{Health, Tasks};
use sqlx::PgPool;
use tokio::sync::{Mutex, Notify, Semaphore};

use crate::app::notices::Courier;
use crate::app::prices::Shelf;
use crate::app::recalls::Sessions;
use crate::app::settlement::Tries;
use crate::metrics::Metrics;
use crate::processor::Processor;
use crate::{Config, Error};

/// Analytics that one replica works on at once: each may keep a session of the pool busy for seconds.
const ANALYSTS: usize = 3;

/// The state of one replica. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<State>);

pub(crate) struct State {
    pub config: Config,
    pub pool: PgPool,
    pub tasks: Tasks,
    pub health: Health,
    pub metrics: Metrics,
    pub shelf: Shelf,
    pub tries: Tries,
    pub sessions: Sessions,
    /// Somebody gave back what others may be short of.
    pub freed: Notify,
    pub courier: Courier,
    /// Turns at analytics.
    pub analysts: Semaphore,
    /// The turn at a check of everything there ever was, which takes long.
    pub checking: Mutex<()>,
    /// `None` = payments are not configured.
    pub processor: Option<Box<dyn Processor>>,
}

impl std::ops::Deref for App {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl App {
    /// # Errors
    /// When the payment processor's configuration cannot be used.
    pub(crate) fn new(
        config: Config,
        pool: PgPool,
        tasks: Tasks,
        health: Health,
        metrics: Metrics,
        courier: Courier,
    ) -> Result<Self, Error> {
        let (shelf, tries) = (Shelf::default(), Tries::default());
        let (sessions, freed) = (Sessions::default(), Notify::new());
        let processor = config.payments.processor()?;
        let analysts = Semaphore::new(ANALYSTS);
        let state = State {
            config,
            pool,
            tasks,
            health,
            metrics,
            shelf,
            tries,
            sessions,
            freed,
            courier,
            analysts,
            checking: Mutex::default(),
            processor,
        };
        Ok(Self(Arc::new(state)))
    }

    /// Runs `work` to its end whether or not the caller waits for it.
    ///
    /// # Errors
    /// What `work` answers, or [`Error::Stopped`] when it panicked.
    pub(crate) async fn owned<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        self.tasks.spawn(work).await.unwrap_or(Err(Error::Stopped))
    }
}

/// Makes a call again while another transaction was in its way. The calls made so change nothing when repeated.
///
/// # Errors
/// The last try's.
pub(crate) async fn insistently<T, C>(mut call: impl FnMut() -> C) -> Result<T, Error>
where
    C: Future<Output = Result<T, Error>>,
{
    for pause in [1, 5, 20, 50] {
        match call().await {
            Err(error) if error.was_in_the_way() => tokio::time::sleep(Duration::from_millis(pause)).await,
            outcome => return outcome,
        }
    }
    call().await
}

/// Milliseconds as the database counts them.
pub(crate) fn millis(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds).unwrap_or(i64::MAX)
}
