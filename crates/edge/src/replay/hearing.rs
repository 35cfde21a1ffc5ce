//! How a client gets an answer that is recorded or kept, and how one is made that is recorded.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use dialect::client::Dialect;
use dialect::error::ErrorType;
use identity::GenerationId;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::Instrument as _;

use super::kept::Kept;
use super::recording::{End, Next, Reader};
use crate::execution::{self, Client, Outgoing, Request, Verdict};
use crate::http::events::Form;
use crate::http::inference;
use crate::http::reply::Refusal;
use crate::service::App;

/// Frames that wait for a slow client.
const QUEUE: usize = 32;
/// Bytes above which an answer is rewritten where it holds nobody up.
const LARGE: usize = 64 * 1024;

/// An answer's new name, for whoever gets it without having it made.
#[derive(Debug, Clone)]
pub(super) struct Rename {
    dialect: Dialect,
    streamed: bool,
    id: String,
    created: u64,
}

impl Rename {
    pub(super) fn of(request: &Request) -> Self {
        let envelope = request.envelope();
        Self {
            dialect: request.dialect,
            streamed: request.peek.stream,
            id: envelope.id,
            created: envelope.created,
        }
    }

    pub(super) async fn apply(&self, frames: Bytes) -> Bytes {
        if frames.len() <= LARGE {
            return self.rewrite(&frames);
        }
        let (rename, large) = (self.clone(), frames.clone());
        match tokio::task::spawn_blocking(move || rename.rewrite(&large)).await {
            Ok(frames) => frames,
            // The runtime is going down.
            Err(_) => self.rewrite(&frames),
        }
    }

    fn rewrite(&self, frames: &[u8]) -> Bytes {
        self.dialect.replayed(frames, self.streamed, &self.id, self.created).into()
    }
}

/// Has the answer made. What comes of it is told `outgoing`, and in the end `verdict`.
pub(super) fn make(
    app: &Arc<App>,
    request: Request,
    place: OwnedSemaphorePermit,
) -> (mpsc::Receiver<Outgoing>, Verdict) {
    let (client, outgoing, verdict) = Client::watched(app.config.requests.stalled_client_ms.get());
    let work = execution::run(Arc::clone(app), request, client);
    let work = async move {
        work.await;
        drop(place);
    };
    app.tasks.spawn(work.in_current_span());
    (outgoing, verdict)
}

/// Answers with what a reader hears, renamed if that is wished. `form` is the stream's, if there is to be one;
/// `place` is given back when nothing more is heard.
pub(super) async fn hear(
    app: &Arc<App>,
    form: Option<Form>,
    reader: Reader,
    rename: Option<Rename>,
    place: Option<OwnedSemaphorePermit>,
) -> Result<Response, Refusal> {
    let (sender, outgoing) = mpsc::channel(QUEUE);
    let patience = app.config.requests.stalled_client_ms.get();
    let work = async move {
        pass_on(reader, rename, sender, patience).await;
        drop(place);
    };
    app.tasks.spawn(work.in_current_span());
    inference::deliver(app, form, outgoing).await
}

async fn pass_on(
    mut reader: Reader,
    rename: Option<Rename>,
    sender: mpsc::Sender<Outgoing>,
    patience: Duration,
) {
    loop {
        let next = tokio::select! {
            next = reader.next() => next,
            () = sender.closed() => return,
        };
        let (outgoing, is_last) = match next {
            Next::Simulated(simulated) => (Outgoing::Planned { simulated }, false),
            Next::Frames(frames) => match &rename {
                Some(rename) => (Outgoing::Frames(rename.apply(frames).await), false),
                None => (Outgoing::Frames(frames), false),
            },
            Next::End(End::Refused(refusal)) => (Outgoing::Refused(refusal), true),
            Next::End(End::Good | End::Poor) => return,
        };
        let sent = tokio::time::timeout(patience, sender.send(outgoing)).await;
        if is_last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

/// Answers with a cached answer, under the request's own name.
pub(super) async fn repeat(app: &Arc<App>, request: &Request, kept: Kept) -> Result<Response, Refusal> {
    let frames = Rename::of(request).apply(kept.frames).await;
    let (sender, outgoing) = mpsc::channel(2);
    // There is room for both.
    let _ = sender.try_send(Outgoing::Planned { simulated: kept.about.simulated });
    let _ = sender.try_send(Outgoing::Frames(frames));
    drop(sender);
    inference::deliver(app, Form::asked(request), outgoing).await
}

/// How an answer ends of which nothing more is known than that it broke off.
pub(super) fn broken_off() -> End {
    End::Refused(Refusal::new(ErrorType::ProviderUnavailable, "The provider failed while it answered."))
}

/// A generation's public id as a header's value.
pub(super) fn id_of(generation: GenerationId) -> Option<http::HeaderValue> {
    http::HeaderValue::from_str(&generation.to_string()).ok()
}
