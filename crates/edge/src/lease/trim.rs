//! Money that nobody uses goes back: at once where it is wanted, after a while everywhere, and all of it in the
//! end.

use std::time::Duration;

use rpc::billing::{Trim, lease_up};

use super::Leases;
use super::outbox::deliver;
use super::pool::Trimmed;

/// How often every account is looked at.
const SCAN_EVERY: Duration = Duration::from_millis(500);
/// What accounts give up in this time goes in one message.
const GATHER: Duration = Duration::from_millis(2);
/// How often the last ones are looked at once the process is to stop.
const LAST_EVERY: Duration = Duration::from_millis(20);

impl Leases {
    /// Tells billing what the pool gives up, for as long as the task runs.
    pub(super) async fn keep_trimmed(self) {
        let mut scan = tokio::time::interval(SCAN_EVERY);
        scan.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let trimmed = tokio::select! {
                _ = scan.tick() => {
                    let trimmed = self.pool.trim_all();
                    let standing = self.pool.standing();
                    self.metrics.lease_idle.set(standing.idle);
                    self.metrics.tight_accounts.set(standing.tight);
                    trimmed
                }
                () = self.pool.wake.notified() => {
                    tokio::time::sleep(GATHER).await;
                    self.pool.trim_touched()
                }
            };
            self.tell_trimmed(trimmed);
        }
    }

    /// Gives up all that is left. Returns when billing knows.
    pub(super) async fn give_up(&self) {
        self.pool.close();
        loop {
            self.tell_trimmed(self.pool.trim_all());
            if self.pool.standing().is_at_rest {
                return;
            }
            tokio::time::sleep(LAST_EVERY).await;
        }
    }

    fn tell_trimmed(&self, trimmed: Vec<Trimmed>) {
        if trimmed.is_empty() {
            return;
        }
        let leases = self.clone();
        self.tasks.spawn(async move {
            let kept: Vec<_> = trimmed.iter().flat_map(|one| one.kept.iter().cloned()).collect();
            deliver(&leases.board, leases.config.report_again_ms.get(), |message_id| {
                lease_up::Message::Trim(Trim { kept: kept.clone(), message_id })
            })
            .await;
            leases.metrics.lease_trims.inc_by(u64::try_from(kept.len()).unwrap_or(0));
            for Trimmed { account, kept } in trimmed {
                account.state().trimmed(u64::try_from(kept.len()).unwrap_or(0));
                account.trimmed.notify_waiters();
            }
        });
    }
}
