//! Money that one edge holds and another is short of: wanted back, waited for, granted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use identity::AccountId;
use rpc::billing::lease_down::Message as Down;
use rpc::billing::{LeaseDown, Recall};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::Status;

use crate::Error;
use crate::app::leases::Short;
use crate::app::{App, insistently};
use crate::store::leases::Life;
use crate::store::recalls::{self, Holder};

/// An account is recalled no more often than this, whoever is short there.
const PAUSE_MS: i64 = 250;
/// Asks that wait are tried again this often where nobody says that something was freed.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// What goes down a session.
pub(crate) type Answers = mpsc::Sender<Result<LeaseDown, Status>>;

/// The sessions of this replica.
#[derive(Default)]
pub(crate) struct Sessions {
    next: AtomicU64,
    open: Mutex<HashMap<u64, (Life, Answers)>>,
}

/// A session for as long as it is served.
pub(crate) struct Joined {
    app: App,
    number: u64,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.app.sessions.open().remove(&self.number);
    }
}

impl Sessions {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, (Life, Answers)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open().is_empty()
    }

    /// Tells those who hold something. A session that takes no messages hears of the next recall.
    pub(crate) fn recall(&self, holders: &[Holder]) {
        for (life, down) in self.open().values() {
            for holder in holders.iter().filter(|holder| holder.life == *life) {
                let account_ids = holder.accounts.iter().map(ToString::to_string).collect();
                let message = Down::Recall(Recall { account_ids });
                let _ = down.try_send(Ok(LeaseDown { message: Some(message) }));
            }
        }
    }
}

impl App {
    /// Has a session hear of recalls until the answer is dropped.
    pub(crate) fn join(&self, life: Life, down: Answers) -> Joined {
        let number = self.sessions.next.fetch_add(1, Ordering::Relaxed);
        self.sessions.open().insert(number, (life, down));
        Joined { app: self.clone(), number }
    }

    /// Wants back what other edges hold where these asks are short. Those that it is worth waiting for, and the
    /// answers to the others.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a later life of the edge is known.
    pub(crate) async fn recall(
        &self,
        life: &Life,
        short: Vec<Short>,
    ) -> Result<(Vec<Short>, Vec<Down>), Error> {
        if self.config.recall_wait_ms == 0 || short.is_empty() {
            return Ok((Vec::new(), short.into_iter().map(|short| self.refused(short)).collect()));
        }
        let held = self.recall_accounts(life, &short).await;
        let (worth_it, again): (Vec<_>, Vec<_>) =
            short.into_iter().partition(|short| held.contains(&short.account));
        if again.is_empty() {
            return Ok((worth_it, Vec::new()));
        }
        // Nobody holds anything now, but somebody may have given it back since these were tried.
        let tried = self.grant(life, again.into_iter().map(|short| short.ask).collect()).await?;
        let mut answers = tried.answers;
        answers.extend(tried.short.into_iter().map(|short| self.refused(short)));
        Ok((worth_it, answers))
    }

    /// The accounts, of those that are short, where others hold something. None when the database does not say.
    async fn recall_accounts(&self, life: &Life, short: &[Short]) -> Vec<AccountId> {
        let mut accounts: Vec<AccountId> = short.iter().map(|short| short.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let call = || recalls::recall(&self.pool, &life.edge, &accounts, PAUSE_MS);
        match insistently(call).await {
            Ok((held, new)) => {
                self.metrics.recalls.inc_by(new as u64);
                held
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no lease was recalled");
                Vec::new()
            }
        }
    }

    /// Lets asks of one session wait for what was recalled, together, and answers each when there is enough for it
    /// or its time is up. Ends with the session.
    pub(crate) async fn wait_for_trims(self, life: Life, mut arriving: mpsc::Receiver<Short>, down: Answers) {
        let mut waiting: Vec<(Instant, Short)> = Vec::new();
        let mut next = Instant::now();
        loop {
            if waiting.is_empty() {
                next = Instant::now() + TRY_EVERY;
            }
            tokio::select! {
                short = arriving.recv() => match short {
                    Some(short) => {
                        waiting.push((Instant::now() + self.config.recall_wait(), short));
                        continue;
                    }
                    None => return,
                },
                () = self.freed.notified(), if !waiting.is_empty() => {}
                () = tokio::time::sleep_until(next), if !waiting.is_empty() => {}
            }
            match self.try_again(&life, &mut waiting).await {
                Ok(answers) => {
                    for message in answers {
                        let _ = down.send(Ok(LeaseDown { message: Some(message) })).await;
                    }
                }
                Err(error) => {
                    let _ = down.send(Err(error.into())).await;
                    return;
                }
            }
            next = Instant::now() + TRY_EVERY;
        }
    }

    /// Tries all that wait; leaves those that still may. The answers to the others.
    async fn try_again(&self, life: &Life, waiting: &mut Vec<(Instant, Short)>) -> Result<Vec<Down>, Error> {
        let until: HashMap<u64, Instant> =
            waiting.iter().map(|(until, short)| (short.ask.ask_id, *until)).collect();
        let asks = std::mem::take(waiting).into_iter().map(|(_, short)| short.ask).collect();
        let mut answered = self.grant(life, asks).await?;
        self.metrics.waited("relieved", answered.answers.len());
        let now = Instant::now();
        let due = |short: &Short| until.get(&short.ask.ask_id).is_none_or(|until| *until <= now);
        let (refused, short): (Vec<_>, Vec<_>) = answered.short.into_iter().partition(due);
        self.metrics.waited("denied", refused.len());
        answered.answers.extend(refused.into_iter().map(|short| self.refused(short)));
        let (worth_it, answers) = self.recall(life, short).await?;
        let (granted, denied): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| matches!(answer, Down::Granted(_)));
        self.metrics.waited("relieved", granted.len());
        self.metrics.waited("denied", denied.len());
        waiting
            .extend(worth_it.into_iter().filter_map(|short| Some((*until.get(&short.ask.ask_id)?, short))));
        answered.answers.extend(granted.into_iter().chain(denied));
        Ok(answered.answers)
    }

    /// Asks this replica's edges for what was recalled since it last looked. `seen` is what it knows already.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn look_for_recalls(&self, seen: &mut HashMap<AccountId, i64>) -> Result<(), Error> {
        if self.sessions.is_empty() {
            return Ok(());
        }
        let recent: HashMap<AccountId, i64> =
            recalls::recent(&self.pool, RECENT_MS).await?.into_iter().collect();
        let is_new = |(account, at): &(&AccountId, &i64)| seen.get(account) != Some(at);
        let new: Vec<AccountId> = recent.iter().filter(is_new).map(|(account, _)| *account).collect();
        if !new.is_empty() {
            self.sessions.recall(&recalls::holders(&self.pool, &new).await?);
        }
        *seen = recent;
        Ok(())
    }
}

/// How far back recalls are looked for.
const RECENT_MS: i64 = 3_000;
