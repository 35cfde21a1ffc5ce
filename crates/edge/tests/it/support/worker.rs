//! A worker that follows a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc::pricing::{Source, Usage};
use rpc::worker::worker_server::Worker;
use rpc::worker::*;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// What a worker does next.
#[derive(Clone)]
pub(crate) enum Step {
    Started(u32),
    Commit(u32),
    Data(&'static str, u32),
    /// Frames of an answer that may have so many completion tokens by now.
    Used(&'static str, u64),
    /// Waits for the edge to say whether there is more money.
    AwaitGrant,
    Final(i64),
    /// An answer that ended for this reason.
    FinalAs(&'static str),
    Failed(u32, &'static str, &'static str),
    /// Waits for the edge's Stop.
    AwaitStop,
    Pause(Duration),
    /// The worker is killed.
    Lose,
}

/// A whole good stream.
pub(crate) fn good_stream() -> Vec<Step> {
    vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data("data: {\"n\":1}\n\n", 1),
        Step::Data("data: {\"n\":2}\n\ndata: [DONE]\n\n", 2),
        Step::Final(1_234),
    ]
}

fn last(charge: i64, reason: &str, cache_read: u64) -> execute_down::Message {
    execute_down::Message::Final(Final {
        usage: Some(Usage { input: 10, output: 2, cache_read, ..Usage::default() }),
        source: Source::Provider.into(),
        charge,
        provider_cost: charge,
        finish_reason: reason.to_owned(),
        attempts: Vec::new(),
        upstream_cost: 0,
    })
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) starts: Vec<Start>,
    pub(crate) stops: Vec<String>,
    pub(crate) dones: usize,
    pub(crate) scripts: VecDeque<Vec<Step>>,
    /// How the next executions are refused before they begin.
    pub(crate) refusals: VecDeque<Status>,
    pub(crate) grants: Vec<Grant>,
    /// Prompt tokens that providers read from their caches.
    pub(crate) cache_read: u64,
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct FakeWorker(Arc<Mutex<Seen>>);

impl FakeWorker {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// What the next execution does; without a script it is a good stream.
    pub(crate) fn script(&self, steps: Vec<Step>) {
        self.with(|seen| seen.scripts.push_back(steps));
    }

    async fn play(self, mut up: Streaming<ExecuteUp>, down: mpsc::Sender<Result<ExecuteDown, Status>>) {
        let Some(Ok(ExecuteUp { message: Some(execute_up::Message::Start(start)) })) = up.next().await else {
            return;
        };
        let steps = self.with(|seen| {
            seen.starts.push(start);
            seen.scripts.pop_front().unwrap_or_else(good_stream)
        });
        for step in steps {
            let message = match step {
                Step::Started(n) => execute_down::Message::AttemptStarted(AttemptStarted { n }),
                Step::Commit(n) => execute_down::Message::Commit(Commit {
                    n,
                    model: "acme/echo".to_owned(),
                    provider_name: "Acme".to_owned(),
                    simulated: true,
                }),
                Step::Data(frames, deltas) => {
                    execute_down::Message::Data(Data { frames: frames.as_bytes().to_vec().into(), deltas, used_tokens: 0 })
                }
                Step::Used(frames, used_tokens) => {
                    let frames = frames.as_bytes().to_vec().into();
                    execute_down::Message::Data(Data { frames, deltas: 1, used_tokens })
                }
                Step::AwaitGrant => {
                    let Some(Ok(ExecuteUp { message: Some(execute_up::Message::Grant(grant)) })) = up.next().await
                    else {
                        panic!("the edge says nothing of more money");
                    };
                    self.with(|seen| seen.grants.push(grant));
                    continue;
                }
                Step::Final(charge) => last(charge, "stop", self.with(|seen| seen.cache_read)),
                Step::FinalAs(reason) => last(7, reason, 0),
                Step::Failed(status, error_type, message) => execute_down::Message::Failed(Failed {
                    status,
                    body: format!(
                        r#"{{"error":{{"code":{status},"message":"{message}","metadata":{{"error_type":"{error_type}"}}}}}}"#
                    )
                    .into(),
                    retry_after_seconds: Some(3),
                    attempts: Vec::new(),
                    error_type: error_type.to_owned(),
                }),
                Step::AwaitStop => {
                    self.hear(&mut up, true).await;
                    continue;
                }
                Step::Pause(time) => {
                    tokio::time::sleep(time).await;
                    continue;
                }
                Step::Lose => {
                    let _ = down.send(Err(Status::unavailable("killed"))).await;
                    return;
                }
            };
            let _ = down.send(Ok(ExecuteDown { message: Some(message) })).await;
        }
        self.hear(&mut up, false).await;
    }

    /// Listens until Stop, or until Done.
    async fn hear(&self, up: &mut Streaming<ExecuteUp>, until_stop: bool) {
        while let Some(Ok(message)) = up.next().await {
            match message.message {
                Some(execute_up::Message::Stop(stop)) => {
                    self.with(|seen| seen.stops.push(stop.reason));
                    if until_stop {
                        return;
                    }
                }
                Some(execute_up::Message::Done(_)) => {
                    self.with(|seen| seen.dones += 1);
                    return;
                }
                _ => {}
            }
        }
    }
}

#[tonic::async_trait]
impl Worker for FakeWorker {
    type ExecuteStream = ReceiverStream<Result<ExecuteDown, Status>>;

    async fn execute(
        &self,
        request: Request<Streaming<ExecuteUp>>,
    ) -> Result<Response<Self::ExecuteStream>, Status> {
        if let Some(refusal) = self.with(|seen| seen.refusals.pop_front()) {
            return Err(refusal);
        }
        let (down, messages) = mpsc::channel(4);
        tokio::spawn(self.clone().play(request.into_inner(), down));
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn count_tokens(
        &self,
        request: Request<CountTokensRequest>,
    ) -> Result<Response<CountTokensResponse>, Status> {
        let input_tokens = request.into_inner().body.len() as u64;
        Ok(Response::new(CountTokensResponse { input_tokens }))
    }
}
