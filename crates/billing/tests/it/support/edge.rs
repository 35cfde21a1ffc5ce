//! An edge as billing sees it: one lease session.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use identity::GroupId;
use rpc::billing::lease_down::Message as Down;
use rpc::billing::lease_up::Message as Up;
use rpc::billing::{Ask, Denied, Granted, Heartbeat, Hello, LeaseUp, Report, Return, Witness};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Client, Customer};

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Down>>>>;

pub(crate) struct Edge {
    up: mpsc::Sender<LeaseUp>,
    waiting: Waiting,
    ended: Arc<Mutex<Option<Status>>>,
    next: AtomicU64,
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
        tokio::spawn(async move {
            loop {
                match down.message().await {
                    Ok(Some(message)) => {
                        let message = message.message.unwrap();
                        let id = match &message {
                            Down::Granted(granted) => granted.ask_id,
                            Down::Denied(denied) => denied.ask_id,
                            Down::Stored(stored) => stored.message_id,
                            Down::Recall(_) | Down::Extended(_) => continue,
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
        Self { up, waiting, ended, next: AtomicU64::new(1) }
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
        let answer = self.call(|ask_id| {
            Up::Ask(Ask {
                ask_id,
                group_id: group.to_string(),
                tenant_id: customer.tenant.to_string(),
                account_ids: customer.accounts.clone(),
                want,
                floor,
                trace: String::new(),
                shared: false,
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

    pub(crate) async fn beat(&self) {
        let _ = self.up.send(LeaseUp { message: Some(Up::Heartbeat(Heartbeat::default())) }).await;
    }

    pub(crate) fn ended(&self) -> Option<Status> {
        self.ended.lock().unwrap().clone()
    }
}
