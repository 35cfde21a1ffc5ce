//! One ask, put to replica after replica until one of them answers.

use std::time::{Duration, Instant};

use identity::{GroupId, TenantId};
use pricing::Amount;
use rpc::billing::{Ask, Granted};

use super::pool::Life;
use super::session::Answer;
use super::{Leases, NotGranted};

/// The reason of a denial that is none.
const UNAVAILABLE: &str = "unavailable";
/// The reason of a denial when the group was reserved before and is closed by now.
const CLOSED: &str = "closed";
/// How long to wait before billing is asked again that could not tell.
const NOT_NOW: Duration = Duration::from_millis(50);
/// How long to wait before another session is tried.
const NEXT: Duration = Duration::from_millis(5);

/// What is asked for. Amounts in nano-USD.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) group: GroupId,
    pub(super) tenant: TenantId,
    pub(super) accounts: Vec<String>,
    pub(super) want: i64,
    pub(super) floor: i64,
    pub(super) is_shared: bool,
    pub(super) trace: String,
}

/// What billing granted, and how long it lives.
pub(super) struct Grant {
    pub(super) granted: Granted,
    pub(super) life: Life,
}

/// Why there is no grant.
pub(super) enum Failure {
    NotGranted(NotGranted),
    /// The group had leases, which are closed by now.
    Closed,
}

impl Leases {
    /// Asks another replica with the same group when one dies or is silent.
    ///
    /// # Errors
    /// [`Failure`]; after [`NotGranted::Unavailable`] a late answer may still reserve something for the group.
    pub(super) async fn ask(
        &self,
        question: &Question,
        deadline: tokio::time::Instant,
    ) -> Result<Grant, Failure> {
        let began = Instant::now();
        let outcome = self.ask_until_answered(question, deadline).await;
        self.metrics.lease_seconds.observe(began.elapsed().as_secs_f64());
        self.metrics.lease_asked(match &outcome {
            Ok(_) => "granted",
            Err(Failure::NotGranted(NotGranted::Denied { .. })) => "denied",
            Err(Failure::NotGranted(NotGranted::Unavailable)) => "unavailable",
            Err(Failure::Closed) => "closed",
        });
        outcome
    }

    async fn ask_until_answered(
        &self,
        question: &Question,
        deadline: tokio::time::Instant,
    ) -> Result<Grant, Failure> {
        let unavailable = Err(Failure::NotGranted(NotGranted::Unavailable));
        // A lease lives from the first time that it was asked for.
        let mut asked_at = None;
        let mut avoid = None;
        loop {
            let Ok(session) = tokio::time::timeout_at(deadline, self.board.pick(avoid)).await else {
                return unavailable;
            };
            avoid = Some(session.id());
            let asked_at = *asked_at.get_or_insert_with(Instant::now);
            let until = deadline.min(tokio::time::Instant::now() + self.config.ask_again_ms.get());
            match tokio::time::timeout_at(until, session.ask(self.message(question))).await {
                Ok(Some(Answer::Granted(granted))) => {
                    let life = Life {
                        asked_at,
                        expires_in: Duration::from_millis(granted.expires_in_ms.into()),
                        ends_in: Duration::from_millis(granted.ends_in_ms.into()),
                    };
                    return Ok(Grant { granted, life });
                }
                // Billing cannot tell at present, which says nothing of the account.
                Ok(Some(Answer::Denied(denied))) if denied.reason == UNAVAILABLE => {
                    if tokio::time::timeout_at(deadline, tokio::time::sleep(NOT_NOW)).await.is_err() {
                        return unavailable;
                    }
                }
                Ok(Some(Answer::Denied(denied))) if denied.reason == CLOSED => return Err(Failure::Closed),
                Ok(Some(Answer::Denied(mut denied))) => {
                    if let ([account_id], true) = (question.accounts.as_slice(), denied.account_id.is_empty())
                    {
                        denied.account_id.clone_from(account_id);
                    }
                    return Err(Failure::NotGranted(NotGranted::Denied {
                        reason: denied.reason,
                        available: Amount::from_nanos(denied.available),
                        account_id: denied.account_id,
                    }));
                }
                // The session ended under the ask, or its replica is silent.
                Ok(None) | Err(_) if tokio::time::Instant::now() >= deadline => return unavailable,
                Ok(None) => tokio::time::sleep(NEXT).await,
                Err(_) => {}
            }
        }
    }

    fn message(&self, question: &Question) -> Ask {
        Ask {
            ask_id: self.board.next_id(),
            group_id: question.group.to_string(),
            tenant_id: question.tenant.to_string(),
            account_ids: question.accounts.clone(),
            want: question.want,
            floor: question.floor,
            trace: question.trace.clone(),
            shared: question.is_shared,
        }
    }
}
