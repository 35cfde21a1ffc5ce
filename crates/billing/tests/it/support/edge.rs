//! An edge as billing sees it: one lease session.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use identity::GroupId;
use rpc::billing::lease_down::Message as Down;
use rpc::billing::lease_up::Message as Up;
use rpc::billing::{Ask, Denied, Granted, Heartbeat, Hello, Kept, LeaseUp, Report, Return, Trim, Witness};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Client, Customer};

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Down>>>>;

pub(crate) struct Edge {
    up: mpsc::Sender<LeaseUp>,
    waiting: Waiting,
    ended: Arc<Mutex<Option<Status>>>,
    next: AtomicU64,
    /// The accounts of every recall.
    recalls: watch::Receiver<Vec<Vec<String>>>,
}

impl Edge {
    pub(crate) async fn join(client: &Client, name: &str, epoch: u64) -> Self {
        let (up, messages) = mpsc::channel(256);
        let hello = Hello { edge_id: name.to_owned(), epoch };
        up.send(LeaseUp { message: Some(Up::Hello(hello)) }).await.unwrap();
        let mut down =
            client.clone().lease_session(ReceiverStream::new(messages)).await.unwrap().into_inner();
        let waiting = Waiting::default();
        let ended = Arc::new(Mutex::new(None));
        let (answers, end) = (Arc::clone(&waiting), Arc::clone(&ended));
        let (recalled, recalls) = watch::channel(Vec::new());
        tokio::spawn(async move {
            loop {
                match down.message().await {
                    Ok(Some(message)) => {
                        let message = message.message.unwrap();
                        let id = match &message {
                            Down::Granted(granted) => granted.ask_id,
                            Down::Denied(denied) => denied.ask_id,
                            Down::Stored(stored) => stored.message_id,
                            Down::Extended(extended) => extended.beat_id,
                            Down::Recall(recall) => {
                                recalled.send_modify(|all| all.push(recall.account_ids.clone()));
                                continue;
                            }
                        };
                        if let Some(answer) = answers.lock().unwrap().remove(&id) {
                            let _ = answer.send(message);
                        }
                    }
                    Ok(None) => break,
                    Err(status) => {
                        *end.lock().unwrap() = Some(status);
                        break;
                    }
                }
            }
            answers.lock().unwrap().clear();
        });
        Self { up, waiting, ended, next: AtomicU64::new(1), recalls }
    }

    /// Sends what `message` makes of a new id and waits for its answer; `None` when the session ends first.
    async fn call(&self, message: impl FnOnce(u64) -> Up) -> Option<Down> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, answer);
        self.up.send(LeaseUp { message: Some(message(id)) }).await.ok()?;
        // A guard, not a measure: a lost answer is to fail, not to hang.
        tokio::time::timeout(std::time::Duration::from_secs(60), answered).await.expect("no answer came").ok()
    }

    pub(crate) async fn ask_as(
        &self,
        group: GroupId,
        customer: &Customer,
        want: i64,
        floor: i64,
    ) -> Result<Granted, Denied> {
        self.ask_for(group, customer, want, floor, false).await
    }

    /// Asks for a lease of many requests.
    pub(crate) async fn ask_shared(
        &self,
        customer: &Customer,
        want: i64,
        floor: i64,
    ) -> Result<Granted, Denied> {
        self.ask_for(GroupId::generate(), customer, want, floor, true).await
    }

    async fn ask_for(
        &self,
        group: GroupId,
        customer: &Customer,
        want: i64,
        floor: i64,
        shared: bool,
    ) -> Result<Granted, Denied> {
        let answer = self.call(|ask_id| {
            Up::Ask(Ask {
                ask_id,
                group_id: group.to_string(),
                tenant_id: customer.tenant.to_string(),
                account_ids: customer.accounts.clone(),
                want,
                floor,
                trace: String::new(),
                shared,
            })
        });
        match answer.await {
            Some(Down::Granted(granted)) => Ok(granted),
            Some(Down::Denied(denied)) => Err(denied),
            other => panic!("no answer to an ask: {other:?}; {:?}", self.ended()),
        }
    }

    pub(crate) async fn ask(&self, customer: &Customer, want: i64) -> Result<Granted, Denied> {
        self.ask_as(GroupId::generate(), customer, want, want).await
    }

    pub(crate) async fn give_back(&self, group: GroupId) {
        let answer = self
            .call(|message_id| Up::Return(Return { group_ids: vec![group.to_string()], message_id }))
            .await;
        assert!(matches!(answer, Some(Down::Stored(_))), "{answer:?}");
    }

    pub(crate) async fn report(&self, witness: Witness) {
        let answer =
            self.call(|message_id| Up::Report(Report { witnesses: vec![witness], message_id })).await;
        assert!(matches!(answer, Some(Down::Stored(_))), "{answer:?}");
    }

    /// Keeps `keep` under each of these leases.
    pub(crate) async fn trim(&self, granted: &Granted, keep: i64, is_done: bool) {
        let kept =
            granted.leases.iter().map(|lease| Kept { lease_id: lease.lease_id.clone(), keep, is_done });
        let kept: Vec<Kept> = kept.collect();
        let answer = self.call(|message_id| Up::Trim(Trim { kept, message_id })).await;
        assert!(matches!(answer, Some(Down::Stored(_))), "{answer:?}");
    }

    /// Waits until this edge was told `count` recalls, and tells them.
    pub(crate) async fn recalled(&self, count: usize) -> Vec<Vec<String>> {
        let mut recalls = self.recalls.clone();
        let told = recalls.wait_for(|all| all.len() >= count);
        let told = tokio::time::timeout(std::time::Duration::from_secs(60), told).await;
        told.expect("no recall came").unwrap().clone()
    }

    pub(crate) fn recalls(&self) -> usize {
        self.recalls.borrow().len()
    }

    /// How long its leases live on, when billing says so.
    pub(crate) async fn extend(&self) -> Option<u32> {
        match self.call(|beat_id| Up::Heartbeat(Heartbeat { beat_id })).await {
            Some(Down::Extended(extended)) => Some(extended.expires_in_ms),
            _ => None,
        }
    }

    pub(crate) async fn beat(&self) {
        let _ = self.up.send(LeaseUp { message: Some(Up::Heartbeat(Heartbeat::default())) }).await;
    }

    pub(crate) fn ended(&self) -> Option<Status> {
        self.ended.lock().unwrap().clone()
    }
}
