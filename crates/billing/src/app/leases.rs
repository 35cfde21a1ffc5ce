//! Asks answered in batches, and what edges give back.

use std::collections::HashMap;
use std::time::Duration;

use identity::{AccountId, GroupId, LeaseId, TenantId};
use rpc::billing::lease_down::Message as Down;
use rpc::billing::{Ask, Denied, Granted, Kept};
use rpc::convert::{self, Malformed};
use rpc::worker::LeaseUse;
use uuid::Uuid;

use crate::Error;
use crate::app::{App, insistently, millis};
use crate::store::leases::{self, Answer, Life};

/// How long an ask waits for a database that is away. After it the edge tells its client to come back.
const PATIENCE: Duration = Duration::from_millis(800);

/// What became of a batch of asks.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pub answers: Vec<Down>,
    /// Those that an account had too little for.
    pub short: Vec<Short>,
}

/// An ask that is to be denied, unless others give back what it lacks.
#[derive(Debug, Clone)]
pub(crate) struct Short {
    pub ask: Ask,
    pub account: AccountId,
    pub denied: Denied,
}

impl App {
    /// Answers a batch of asks of one edge, each by its own message.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a later life of the edge is known.
    pub(crate) async fn grant(&self, life: &Life, asks: Vec<Ask>) -> Result<Answered, Error> {
        let _spans = spans(&asks);
        let mut answered = Answered::default();
        let mut valid = Vec::with_capacity(asks.len());
        let mut places = HashMap::with_capacity(asks.len());
        for (n, ask) in (0_i32..).zip(asks) {
            match read(n, &ask, self.config.shared_lease_ms) {
                Ok(read) => {
                    valid.push(read);
                    places.insert(n, ask);
                }
                Err(malformed) => {
                    tracing::error!(%malformed, "an edge asked for a lease in a way that cannot be read");
                    answered.answers.push(denied(ask.ask_id, "unknown_account"));
                }
            }
        }
        if valid.is_empty() {
            return Ok(answered);
        }
        let granted = self.grant_valid(life, &valid).await;
        let mut granted = match granted {
            Err(error) if error.is_transient() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "leases cannot be granted");
                answered.answers.extend(places.values().map(|ask| denied(ask.ask_id, "unavailable")));
                self.metrics.asked("unavailable");
                return Ok(answered);
            }
            outcome => outcome?,
        };
        for (n, ask) in places {
            match granted.remove(&n) {
                Some(Answer::Granted { leases, amount, ends_in_ms }) => {
                    answered.answers.push(self.granted(life, &ask, &leases, amount, ends_in_ms));
                }
                Some(Answer::Denied { reason, available, account: Some(account) }) => {
                    let denied =
                        Denied { ask_id: ask.ask_id, reason, available, account_id: account.to_string() };
                    answered.short.push(Short { ask, account, denied });
                }
                Some(Answer::Denied { reason, .. }) if !reason.is_empty() => {
                    self.metrics.asked(&reason);
                    answered.answers.push(denied(ask.ask_id, &reason));
                }
                Some(Answer::Denied { .. }) | None => {
                    answered.answers.push(denied(ask.ask_id, "unknown_account"));
                }
            }
        }
        Ok(answered)
    }

    async fn grant_valid(&self, life: &Life, asks: &[leases::Ask]) -> Result<HashMap<i32, Answer>, Error> {
        let (ttl, longest) = (millis(self.config.lease_ttl_ms), millis(self.config.longest_request_ms));
        let call = || leases::grant(&self.pool, life, ttl, longest, asks);
        match tokio::time::timeout(PATIENCE, insistently(call)).await {
            Ok(outcome) => outcome,
            // Whether it was granted is not known; asking again with the same group tells, a sweep frees it else.
            Err(_) => Err(Error::Database(sqlx::Error::PoolTimedOut)),
        }
    }

    fn granted(
        &self,
        life: &Life,
        ask: &Ask,
        leases: &[(LeaseId, AccountId)],
        amount: i64,
        ends_in_ms: i64,
    ) -> Down {
        self.metrics.asked("granted");
        let epoch = u64::try_from(life.epoch).unwrap_or(0);
        let leases = leases.iter().map(|(lease, account)| LeaseUse {
            lease_id: lease.to_string(),
            account_id: account.to_string(),
            epoch,
            amount,
        });
        Down::Granted(Granted {
            ask_id: ask.ask_id,
            leases: leases.collect(),
            amount,
            expires_in_ms: self.lease_ttl_ms(),
            // Zero is how single leases say that they have no such end.
            ends_in_ms: if ask.shared { u32::try_from(ends_in_ms.max(1)).unwrap_or(u32::MAX) } else { 0 },
        })
    }

    /// How long leases live without a heartbeat.
    pub(crate) fn lease_ttl_ms(&self) -> u32 {
        u32::try_from(self.config.lease_ttl_ms).unwrap_or(u32::MAX)
    }

    /// The last word on an ask that found too little.
    pub(crate) fn refused(&self, short: Short) -> Down {
        self.metrics.asked(&short.denied.reason);
        Down::Denied(short.denied)
    }

    /// Lowers shared leases to what their edge keeps. What cannot be read lowers nothing, however often it is said.
    ///
    /// # Errors
    /// When it is not done.
    pub(crate) async fn trim(&self, life: &Life, kept: &[Kept]) -> Result<(), Error> {
        let read = |kept: &Kept| {
            let lease_id = convert::id(&kept.lease_id, "kept.lease_id")?;
            let keep = if kept.keep < 0 { return Err(Malformed("kept.keep")) } else { kept.keep };
            Ok(leases::Kept { lease_id, keep, is_done: kept.is_done })
        };
        let (valid, invalid): (Vec<_>, Vec<_>) = kept.iter().map(read).partition(Result::is_ok);
        if !invalid.is_empty() {
            tracing::error!(leases = invalid.len(), "an edge trimmed leases in a way that cannot be read");
        }
        let kept: Vec<leases::Kept> = valid.into_iter().flatten().collect();
        let has_freed = insistently(|| leases::trim(&self.pool, life, &kept)).await?;
        self.metrics.trims.inc_by(kept.len() as u64);
        if has_freed {
            self.freed.notify_waiters();
        }
        Ok(())
    }

    /// Frees whole groups. An id that is none frees nothing, however often it is said.
    ///
    /// # Errors
    /// When it is not done.
    pub(crate) async fn give_back(&self, groups: &[String]) -> Result<(), Error> {
        let (valid, invalid): (Vec<_>, Vec<_>) =
            groups.iter().map(|group| convert::id::<GroupId>(group, "group_ids")).partition(Result::is_ok);
        if !invalid.is_empty() {
            tracing::error!(groups = invalid.len(), "an edge returned groups whose ids cannot be read");
        }
        let groups: Vec<GroupId> = valid.into_iter().flatten().collect();
        insistently(|| leases::give_back(&self.pool, &groups)).await
    }
}

/// One span for each ask of a traced request, all open until the batch is answered.
fn spans(asks: &[Ask]) -> Vec<tracing::Span> {
    let traced = asks.iter().filter(|ask| !ask.trace.is_empty());
    traced
        .map(|ask| {
            let span = tracing::info_span!("lease", group.id = ask.group_id, otel.kind = "server");
            rpc::continue_trace_of(&span, &ask.trace);
            span
        })
        .collect()
}

fn denied(ask_id: u64, reason: &str) -> Down {
    Down::Denied(Denied { ask_id, reason: reason.to_owned(), ..Denied::default() })
}

fn read(n: i32, ask: &Ask, lifetime_ms: u64) -> Result<leases::Ask, Malformed> {
    let mut account_ids: Vec<Uuid> = ask
        .account_ids
        .iter()
        .map(|id| Ok(convert::id::<AccountId>(id, "account_ids")?.uuid()))
        .collect::<Result<_, Malformed>>()?;
    account_ids.sort_unstable();
    account_ids.dedup();
    if account_ids.is_empty() {
        return Err(Malformed("account_ids"));
    }
    if ask.want < 1 || ask.floor > ask.want {
        return Err(Malformed("want"));
    }
    Ok(leases::Ask {
        n,
        group_id: convert::id::<GroupId>(&ask.group_id, "group_id")?.uuid(),
        tenant_id: convert::id::<TenantId>(&ask.tenant_id, "tenant_id")?.uuid(),
        account_ids,
        want: ask.want,
        floor: ask.floor,
        lifetime_ms: ask.shared.then(|| millis(lifetime_ms)),
    })
}
