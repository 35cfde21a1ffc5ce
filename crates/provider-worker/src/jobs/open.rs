//! Telling billing which leases this worker has something under, so that it knows what nobody has.

use std::time::Duration;

use rpc::Channel;
use rpc::billing::OpenLeases;
use rpc::billing::billing_client::BillingClient;
use tokio::sync::oneshot;

use crate::spool::Spool;

/// More leases than this are not listed.
const LISTED: usize = 10_000;
/// What was true longer ago than this is not to be said any more.
const WAIT: Duration = Duration::from_secs(2);

/// Tells billing, again and again.
pub(crate) struct Teller {
    pub(crate) worker_id: String,
    pub(crate) spool: Spool,
    pub(crate) billing: BillingClient<Channel>,
    pub(crate) every: Duration,
}

impl Teller {
    /// Tells until nothing more is shipped, then says goodbye when nothing is left in the spool. What is left waits
    /// for this worker's next start, and billing for its word.
    pub(crate) async fn run(self, mut shipped: oneshot::Receiver<()>) {
        loop {
            self.tell(self.open()).await;
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                _ = &mut shipped => break,
            }
        }
        if self.spool.depth() == 0 {
            let leaving = OpenLeases { is_leaving: true, ..self.open() };
            self.tell(leaving).await;
        }
    }

    fn open(&self) -> OpenLeases {
        let listed = self.spool.open_leases(LISTED);
        OpenLeases {
            worker_id: self.worker_id.clone(),
            all: listed.is_none(),
            lease_ids: listed.unwrap_or_default().iter().map(ToString::to_string).collect(),
            is_leaving: false,
        }
    }

    /// What billing does not hear it hears the next time; until then it frees nothing.
    async fn tell(&self, open: OpenLeases) {
        let mut billing = self.billing.clone();
        match tokio::time::timeout(WAIT, billing.report_open(open)).await {
            Ok(Ok(_)) => {}
            Ok(Err(status)) => tracing::debug!(code = ?status.code(), "billing did not hear what is open"),
            Err(_) => tracing::debug!("billing did not hear in time what is open"),
        }
    }
}
