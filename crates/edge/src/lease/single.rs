//! Leases of one request each, while an account is tight: nothing of it is kept back for requests to come.

use std::sync::Arc;
use std::time::Duration;

use identity::GroupId;

use super::ask::{Failure, Grant, Question};
use super::held::{Held, Use};
use super::pool::{Account, Need};
use super::{Leases, NotGranted, Reservation};

/// How often a denial is doubted because this edge gave something up meanwhile.
const TRIES: usize = 8;
/// How long to wait for billing to hear of what was given up.
const PATIENCE: Duration = Duration::from_millis(100);

impl Leases {
    /// Asks for what `held` lacks. A denial is believed when this edge kept nothing of the account from billing.
    ///
    /// # Errors
    /// [`NotGranted`]; `held` keeps what it has, and the groups that were asked for.
    pub(super) async fn reserve_singly(
        &self,
        wanted: &Reservation,
        needs: &[Need],
        held: &mut Held,
        is_more: bool,
        deadline: tokio::time::Instant,
    ) -> Result<(), NotGranted> {
        for needs in alike(needs) {
            let mut tries = 0;
            // The first is named after the request; more of them, and later ones, have names of their own.
            let group = if held.has_groups() || is_more {
                GroupId::generate()
            } else {
                GroupId::from_uuid(wanted.generation.uuid())
            };
            loop {
                self.hand_in(&needs).await;
                let known = stored(&needs);
                match self.ask(&question(wanted, group, &needs), deadline).await {
                    Ok(grant) => {
                        held.add_group(group);
                        add(held, &needs, grant);
                        break;
                    }
                    Err(Failure::NotGranted(denied @ NotGranted::Denied { .. })) => {
                        tries += 1;
                        // Until it has more again, nothing of it is to lie idle here.
                        needs.iter().for_each(|need| self.pool.tighten(&need.account));
                        let has_changed = stored(&needs) != known || !is_handed_in(&needs);
                        if !has_changed || tries == TRIES {
                            // Of an account that does not exist nothing can have been reserved, and whoever
                            // looks it up again asks under the same name.
                            if !denied.is_unknown_account() {
                                held.add_group(group);
                            }
                            return Err(denied);
                        }
                    }
                    // The reservation ran out before its answer came, which says nothing of the account.
                    Err(Failure::Closed | Failure::NotGranted(NotGranted::Unavailable)) => {
                        held.add_group(group);
                        return Err(NotGranted::Unavailable);
                    }
                }
            }
        }
        Ok(())
    }

    /// Waits until billing knows of all that was given up of these accounts.
    async fn hand_in(&self, needs: &[Need]) {
        let all = async {
            for need in needs {
                self.hand_in_one(&need.account).await;
            }
        };
        // What is late is made up for when the ask is denied.
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }

    async fn hand_in_one(&self, account: &Arc<Account>) {
        loop {
            let trimmed = account.trimmed.notified();
            tokio::pin!(trimmed);
            trimmed.as_mut().enable();
            let (is_trimmed, is_tight) = {
                let state = account.state();
                (state.is_trimmed(), state.is_tight(std::time::Instant::now()))
            };
            if is_trimmed || !(is_tight || self.pool.is_closing()) {
                return;
            }
            self.pool.touch(account);
            trimmed.await;
        }
    }
}

/// The needs in groups that can be asked for together.
fn alike(needs: &[Need]) -> Vec<Vec<Need>> {
    let mut groups: Vec<Vec<Need>> = Vec::new();
    for need in needs {
        let is_alike = |group: &&mut Vec<Need>| {
            group.iter().all(|other| (other.want, other.floor) == (need.want, need.floor))
        };
        match groups.iter_mut().find(is_alike) {
            Some(group) => group.push(need.clone()),
            None => groups.push(vec![need.clone()]),
        }
    }
    groups
}

fn question(wanted: &Reservation, group: GroupId, needs: &[Need]) -> Question {
    Question {
        group,
        tenant: wanted.tenant,
        accounts: needs.iter().map(|need| need.account.id().to_owned()).collect(),
        want: needs.iter().map(|need| need.want).max().unwrap_or(0),
        floor: needs.iter().map(|need| need.floor).max().unwrap_or(0),
        is_shared: false,
        trace: rpc::current_trace(),
    }
}

fn add(held: &mut Held, needs: &[Need], grant: Grant) {
    for lease in grant.granted.leases {
        if let Some(need) = needs.iter().find(|need| need.account.id() == lease.account_id) {
            held.add(Use::own(&need.account, lease));
        }
    }
}

/// How many trims of each account billing knows.
fn stored(needs: &[Need]) -> Vec<u64> {
    needs.iter().map(|need| need.account.state().stored()).collect()
}

fn is_handed_in(needs: &[Need]) -> bool {
    needs.iter().all(|need| need.account.state().is_trimmed())
}
