//! Asks answered in batches.

use std::collections::HashMap;
use std::time::Duration;

use identity::{AccountId, GroupId, TenantId};
use rpc::billing::lease_down::Message as Down;
use rpc::billing::{Ask, Denied, Granted};
use rpc::convert::{self, Malformed};
use rpc::worker::LeaseUse;
use uuid::Uuid;

use crate::Error;
use crate::app::{App, insistently, millis};
use crate::store::leases::{self, Answer, Life};

/// How long an ask waits for a database that is away. After it the edge tells its client to come back.
const PATIENCE: Duration = Duration::from_millis(800);

impl App {
    /// Answers a batch of asks of one edge, each by its own message.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a later life of the edge is known.
    pub(crate) async fn grant(&self, life: &Life, asks: Vec<Ask>) -> Result<Vec<Down>, Error> {
        let _spans = spans(&asks);
        let mut answers = Vec::with_capacity(asks.len());
        let mut valid = Vec::with_capacity(asks.len());
        let mut places = HashMap::with_capacity(asks.len());
        for (n, ask) in (0_i32..).zip(asks) {
            match read(n, &ask) {
                Ok(read) => {
                    valid.push(read);
                    places.insert(n, ask.ask_id);
                }
                Err(malformed) => {
                    tracing::error!(%malformed, "an edge asked for a lease in a way that cannot be read");
                    answers.push(denied(ask.ask_id, "unknown_account", 0));
                }
            }
        }
        if valid.is_empty() {
            return Ok(answers);
        }
        let granted = self.grant_valid(life, &valid).await;
        let mut granted = match granted {
            Err(error) if error.is_transient() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "leases cannot be granted");
                answers.extend(places.values().map(|ask_id| denied(*ask_id, "unavailable", 0)));
                self.metrics.asked("unavailable");
                return Ok(answers);
            }
            outcome => outcome?,
        };
        for (n, ask_id) in places {
            let answer = granted.remove(&n);
            answers.push(self.answer(life, ask_id, answer));
        }
        Ok(answers)
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

    fn answer(&self, life: &Life, ask_id: u64, answer: Option<Answer>) -> Down {
        match answer {
            Some(Answer::Granted { leases, amount }) => {
                self.metrics.asked("granted");
                let epoch = u64::try_from(life.epoch).unwrap_or(0);
                let leases = leases.iter().map(|(lease, account)| LeaseUse {
                    lease_id: lease.to_string(),
                    account_id: account.to_string(),
                    epoch,
                    amount,
                });
                Down::Granted(Granted {
                    ask_id,
                    leases: leases.collect(),
                    amount,
                    expires_in_ms: u32::try_from(self.config.lease_ttl_ms).unwrap_or(u32::MAX),
                    ends_in_ms: 0,
                })
            }
            Some(Answer::Denied { reason, available }) => {
                let reason = if reason.is_empty() { "unknown_account".to_owned() } else { reason };
                self.metrics.asked(&reason);
                denied(ask_id, &reason, available)
            }
            None => denied(ask_id, "unknown_account", 0),
        }
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

fn read(n: i32, ask: &Ask) -> Result<leases::Ask, Malformed> {
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
    })
}

fn denied(ask_id: u64, reason: &str, available: i64) -> Down {
    Down::Denied(Denied { ask_id, reason: reason.to_owned(), available, account_id: String::new() })
}
