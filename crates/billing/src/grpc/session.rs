//! The lease session of one edge: asks answered as they come, several transactions at a time.

use std::future::Future;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use rpc::Fault;
use rpc::billing::lease_down::Message as Down;
use rpc::billing::lease_up::Message as Up;
use rpc::billing::{Ask, Extended, Hello, LeaseDown, LeaseUp, Stored};
use tokio::sync::{Semaphore, mpsc};
use tonic::Status;

use crate::Error;
use crate::app::leases::Short;
use crate::app::recalls::Answers;
use crate::app::{App, insistently, millis};
use crate::store::leases::{self, Life};

/// Asks that wait for a transaction at most; beyond it the session reads no further.
const ASK_BUFFER: usize = 1_024;
/// Transactions that answer one session's asks at once. Asks that come while all are running share the next.
const SLOTS: usize = 4;
/// Asks of one session that wait for a recall at most; more are denied at once.
const SHORT_BUFFER: usize = 256;

/// Serves one session until the edge leaves or the process has stopped.
pub(super) async fn run<S>(app: App, mut up: S, down: Answers)
where
    S: Stream<Item = Result<LeaseUp, Status>> + Send + Unpin,
{
    let shutdown = app.tasks.shutdown().clone();
    let drain = app.config.drain();
    let end = async move {
        shutdown.begun().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        ended = serve(&app, &mut up, &down) => {
            if let Err(status) = ended {
                let _ = down.send(Err(status)).await;
            }
        }
        () = end => {
            let stopping = Fault::unavailable("This replica of billing is stopping.");
            let _ = down.send(Err(stopping.into())).await;
        }
    }
}

async fn serve<S>(app: &App, up: &mut S, down: &Answers) -> Result<(), Status>
where
    S: Stream<Item = Result<LeaseUp, Status>> + Send + Unpin,
{
    let Some(first) = up.next().await else { return Ok(()) };
    let Some(Up::Hello(hello)) = first?.message else {
        return Err(Fault::invalid("A lease session begins with Hello.").into());
    };
    let life = greet(app, hello).await?;
    let (asks, waiting) = mpsc::channel(ASK_BUFFER);
    app.tasks.spawn(answer_asks(app.clone(), life.clone(), waiting, down.clone()));
    let _joined = app.join(life.clone(), down.clone());
    while let Some(message) = up.next().await {
        match message?.message {
            Some(Up::Ask(ask)) => {
                if asks.send(ask).await.is_err() {
                    return Err(fenced());
                }
            }
            Some(Up::Return(freed)) => {
                let work = app.clone();
                store(app, down, freed.message_id, async move { work.give_back(&freed.group_ids).await });
            }
            Some(Up::Report(report)) => {
                let work = app.clone();
                store(app, down, report.message_id, async move { work.witness(&report.witnesses).await });
            }
            Some(Up::Trim(trim)) => {
                let (work, life) = (app.clone(), life.clone());
                store(app, down, trim.message_id, async move { work.trim(&life, &trim.kept).await });
            }
            Some(Up::Heartbeat(heartbeat)) => beat(app, &life, down, heartbeat.beat_id).await?,
            Some(Up::Hello(_)) | None => {}
        }
    }
    Ok(())
}

async fn greet(app: &App, hello: Hello) -> Result<Life, Status> {
    let epoch = i64::try_from(hello.epoch).map_err(|_| Fault::invalid("malformed message: epoch"))?;
    if hello.edge_id.is_empty() {
        return Err(Fault::invalid("malformed message: edge_id").into());
    }
    let life = Life { edge: hello.edge_id, epoch };
    let (greeted, work) = (life.clone(), app.clone());
    app.owned(async move {
        insistently(|| leases::hello(&work.pool, &greeted, millis(work.config.lease_ttl_ms))).await
    })
    .await?;
    Ok(life)
}

/// A heartbeat that the database missed is made up for by the next; a fenced life ends its session.
async fn beat(app: &App, life: &Life, down: &Answers, beat_id: u64) -> Result<(), Status> {
    match leases::heartbeat(&app.pool, life, millis(app.config.lease_ttl_ms)).await {
        Ok(true) => {
            let extended = Extended { beat_id, expires_in_ms: app.lease_ttl_ms() };
            let _ = down.send(Ok(LeaseDown { message: Some(Down::Extended(extended)) })).await;
            Ok(())
        }
        Ok(false) => Err(fenced()),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a heartbeat was not written");
            Ok(())
        }
    }
}

fn fenced() -> Status {
    Error::Conflict("a later life of this edge is known".to_owned()).into()
}

/// Does `work` in a task of its own and says when it is durable. What fails is said again by the edge.
fn store(
    app: &App,
    down: &Answers,
    message_id: u64,
    work: impl Future<Output = Result<(), Error>> + Send + 'static,
) {
    let down = down.clone();
    app.tasks.spawn(async move {
        match work.await {
            Ok(()) if message_id == 0 => {}
            Ok(()) => {
                let stored = LeaseDown { message: Some(Down::Stored(Stored { message_id })) };
                let _ = down.send(Ok(stored)).await;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an edge's word was not written");
            }
        }
    });
}

/// Answers asks in batches: one transaction for all that wait, up to [`SLOTS`] at once. Ends with the session.
async fn answer_asks(app: App, life: Life, mut asks: mpsc::Receiver<Ask>, down: Answers) {
    let slots = Arc::new(Semaphore::new(SLOTS));
    let (failed, mut failure) = mpsc::channel::<Status>(SLOTS);
    let (short, arriving) = mpsc::channel(SHORT_BUFFER);
    app.tasks.spawn(app.clone().wait_for_trims(life.clone(), arriving, down.clone()));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let mut batch = Vec::new();
        tokio::select! {
            count = asks.recv_many(&mut batch, app.config.ask_batch) => if count == 0 { return },
            Some(status) = failure.recv() => {
                let _ = down.send(Err(status)).await;
                return;
            }
        }
        let (work, life, down, failed) = (app.clone(), life.clone(), down.clone(), failed.clone());
        let room = short.clone();
        app.tasks.spawn(async move {
            let answered = work.grant(&life, batch).await;
            drop(slot);
            match answered {
                Ok(answered) => {
                    for answer in answered.answers {
                        let _ = down.send(Ok(LeaseDown { message: Some(answer) })).await;
                    }
                    if let Err(error) = wait_or_refuse(&work, &life, answered.short, &room, &down).await {
                        let _ = failed.try_send(error.into());
                    }
                }
                Err(error) => {
                    let _ = failed.try_send(error.into());
                }
            }
        });
    }
}

/// Sends asks that are short to wait where others hold what they lack, and answers the rest.
async fn wait_or_refuse(
    app: &App,
    life: &Life,
    short: Vec<Short>,
    room: &mpsc::Sender<Short>,
    down: &Answers,
) -> Result<(), Error> {
    let (worth_it, mut answers) = app.recall(life, short).await?;
    for short in worth_it {
        if let Err(full) = room.try_send(short) {
            answers.push(app.refused(full.into_inner()));
        }
    }
    for answer in answers {
        let _ = down.send(Ok(LeaseDown { message: Some(answer) })).await;
    }
    Ok(())
}
