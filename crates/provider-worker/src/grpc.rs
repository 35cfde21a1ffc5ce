//! The worker's gRPC face: decode, run, encode.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use dialect::client::Dialect;
use futures::FutureExt as _;
use rpc::Fault;
use rpc::worker::execute_up::Message as Up;
use rpc::worker::worker_server::Worker;
use rpc::worker::{CountTokensRequest, CountTokensResponse, ExecuteDown, ExecuteUp, Start};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;

use crate::Service;
use crate::app::account::opening;
use crate::app::edge::Edge;
use crate::app::execute::{Execution, Slot};
use crate::app::job::{Job, refused};
use crate::shares::Crowded;

/// Messages on their way to the edge at once.
const CHANNEL: usize = 32;

type Down = Result<ExecuteDown, Status>;

#[tonic::async_trait]
impl Worker for Service {
    type ExecuteStream = ReceiverStream<Down>;

    async fn execute(
        &self,
        request: Request<Streaming<ExecuteUp>>,
    ) -> Result<Response<Self::ExecuteStream>, Status> {
        let mut up = request.into_inner();
        let Some(ExecuteUp { message: Some(Up::Start(start)) }) = up.message().await? else {
            return Err(Fault::invalid("malformed message: the first one up must be Start").into());
        };
        let slot = Slot::take(&self.app, &start.tenant_id).map_err(occupied)?;
        let (down, receiver) = mpsc::channel(CHANNEL);
        let edge = Edge::new(down, up, Duration::from_millis(self.app.config.blocked_ms));
        let (admitted, answer) = oneshot::channel();
        let span = tracing::info_span!("execution", generation.id = start.generation_id, n = start.execution);
        // The work is a task of its own, so that a caller that leaves cannot stop its accounting.
        self.tasks.spawn(self.clone().execute_to_its_end(start, edge, slot, admitted).instrument(span));
        answer.await.unwrap_or_else(|_| Err(Fault::internal().into()))?;
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn count_tokens(
        &self,
        request: Request<CountTokensRequest>,
    ) -> Result<Response<CountTokensResponse>, Status> {
        let CountTokensRequest { body, client_dialect } = request.into_inner();
        let dialect = Dialect::named(&client_dialect)
            .ok_or_else(|| Fault::invalid("malformed message: client_dialect"))?;
        let counter = self.app.counter;
        // Long prompts take a while to read and to count.
        let counted = tokio::task::spawn_blocking(move || {
            dialect.decode(&body).map(|task| counter.count_prompt(&task) + counter.count_media(&task))
        });
        let input_tokens = counted.await.map_err(|_| Fault::internal())?.map_err(refused)?;
        Ok(Response::new(CountTokensResponse { input_tokens }))
    }
}

/// Why no place is given. Without details the edge may ask another worker, which a tenant that has its share of this one
/// is not to do.
fn occupied(crowded: Crowded) -> Status {
    match crowded {
        Crowded::Full => Status::unavailable("the worker is fully occupied"),
        Crowded::Above => {
            let message = "The platform is short of capacity, and your organization has its share of it. Try again shortly.";
            Fault { retry_after_seconds: Some(1), ..Fault::new("rate_limit_exceeded", 429, message) }.into()
        }
    }
}

impl Service {
    async fn execute_to_its_end(
        self,
        start: Start,
        edge: Edge,
        slot: Slot,
        admitted: oneshot::Sender<Result<(), Status>>,
    ) {
        match self.admit(start).await {
            Ok((job, opening)) => {
                // An edge that is gone already is noticed by the execution.
                let _ = admitted.send(Ok(()));
                let key = job.key;
                let run = Execution::new(Arc::clone(&self.app), job, edge, opening, slot).run();
                if AssertUnwindSafe(run).catch_unwind().await.is_err() {
                    tracing::error!("an execution panicked; what it delivered becomes a claim");
                    self.app.spool.abandon(key).await;
                }
            }
            Err(fault) => drop(admitted.send(Err(fault.into()))),
        }
    }

    /// Reads the request and writes it down, before any upstream call.
    async fn admit(&self, start: Start) -> Result<(Job, rpc::events::UsageRecord), Fault> {
        let job = Job::read(start).await?;
        let opening = opening(&job, &self.app.worker_id);
        if let Err(error) = self.app.spool.start(opening.clone()).await {
            if job.is_paid() {
                tracing::error!(%error, "a paid request is refused: it could not be written down");
                let message = "Usage cannot be recorded at present, so nothing was sent to a provider. Try again shortly.";
                return Err(Fault::unavailable(message));
            }
            tracing::warn!(%error, "a free request runs without being written down first");
        }
        Ok((job, opening))
    }
}
