//! The conversation with the edge about one execution.

use std::time::Duration;

use rpc::worker::execute_down::Message as Down;
use rpc::worker::execute_up::Message as Up;
use rpc::worker::{ExecuteDown, ExecuteUp};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::quantum::Grants;

/// Nobody waits for the answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// The edge said that its client is gone, and waits for the final account.
    Client,
    /// The edge wants an end of it; its client is to hear why.
    Stopped(Stopped),
    /// The edge itself is gone, or takes nothing any more.
    Edge,
}

/// Why the edge wants an end of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The request took too long.
    Deadline,
    /// The key may not go on.
    Revoked,
}

impl Leave {
    fn because(reason: &str) -> Self {
        match reason {
            "deadline" => Self::Stopped(Stopped::Deadline),
            "revoked" => Self::Stopped(Stopped::Revoked),
            _ => Self::Client,
        }
    }
}

/// One edge's stream.
pub(crate) struct Edge {
    down: mpsc::Sender<Result<ExecuteDown, Status>>,
    /// `None` once it has ended.
    up: Option<Streaming<ExecuteUp>>,
    left: Option<Leave>,
    grants: Grants,
    /// How long a full channel is waited for.
    blocked: Duration,
}

impl Edge {
    pub(crate) fn new(
        down: mpsc::Sender<Result<ExecuteDown, Status>>,
        up: Streaming<ExecuteUp>,
        blocked: Duration,
    ) -> Self {
        Self { down, up: Some(up), left: None, grants: Grants::default(), blocked }
    }

    /// What was added to the reservation so far.
    pub(crate) const fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Why the client, who is still there, gets no more.
    pub(crate) const fn stopped(&self) -> Option<Stopped> {
        match self.left {
            Some(Leave::Stopped(why)) => Some(why),
            _ => None,
        }
    }

    /// Completes when nobody waits for the answer any more. Loses nothing when it is dropped.
    pub(crate) async fn leaves(&mut self) -> Left {
        while self.left.is_none() {
            self.hear().await;
        }
        Left
    }

    /// Waits until more than `tokens` were granted. Whether they were, or no more are to be had.
    ///
    /// # Errors
    /// [`Left`] when nobody waits for the answer any more.
    pub(crate) async fn more_than(&mut self, tokens: u64) -> Result<bool, Left> {
        loop {
            if self.left.is_some() {
                return Err(Left);
            }
            if self.grants.tokens() > tokens || self.grants.is_last() {
                return Ok(self.grants.tokens() > tokens);
            }
            self.hear().await;
        }
    }

    /// Takes note of the edge's next word, or of its end.
    async fn hear(&mut self) {
        tokio::select! {
            message = heard(&mut self.up) => match message {
                Ok(Up::Stop(stop)) => {
                    tracing::debug!(reason = stop.reason, "the edge stopped the execution");
                    self.left = Some(Leave::because(&stop.reason));
                }
                Ok(Up::Grant(grant)) => self.grants.add(grant),
                Ok(Up::Start(_) | Up::Done(_)) => {}
                Err(Ended::Broken) => self.left = Some(Leave::Edge),
                // Nothing more will be said; whether somebody listens shows below.
                Err(Ended::Closed) => self.up = None,
            },
            () = self.down.closed() => self.left = Some(Leave::Edge),
        }
    }

    /// Passes a message on. A client that takes nothing for too long is gone.
    ///
    /// # Errors
    /// [`Left`] when nobody waits for it any more; the message is then dropped.
    pub(crate) async fn send(&mut self, message: Down) -> Result<(), Left> {
        if matches!(self.left, Some(Leave::Client | Leave::Edge)) {
            return Err(Left);
        }
        let message = match self.down.try_send(Ok(ExecuteDown { message: Some(message) })) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.gone()),
            Err(mpsc::error::TrySendError::Full(message)) => message,
        };
        let down = self.down.clone();
        let blocked = self.blocked;
        let is_stopped = self.stopped().is_some();
        tokio::select! {
            room = tokio::time::timeout(blocked, down.reserve()) => match room {
                Ok(Ok(room)) => {
                    room.send(message);
                    Ok(())
                }
                Ok(Err(_)) | Err(_) => Err(self.gone()),
            },
            left = self.leaves(), if !is_stopped => Err(left),
        }
    }

    fn gone(&mut self) -> Left {
        self.left = Some(Leave::Edge);
        Left
    }

    /// Passes the last message on and waits for the edge's word that it took it. `false` when it does not come.
    pub(crate) async fn settle(&mut self, message: Down, wait: Duration) -> bool {
        if self.left == Some(Leave::Edge) {
            return false;
        }
        let message = Ok(ExecuteDown { message: Some(message) });
        let acknowledged = async {
            self.down.send(message).await.ok()?;
            while self.up.is_some() {
                match heard(&mut self.up).await {
                    Ok(Up::Done(_)) => return Some(()),
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
            None
        };
        matches!(tokio::time::timeout(wait, acknowledged).await, Ok(Some(())))
    }
}

enum Ended {
    Closed,
    Broken,
}

/// The edge's next word. Never completes when it has said its last.
async fn heard(up: &mut Option<Streaming<ExecuteUp>>) -> Result<Up, Ended> {
    let Some(stream) = up else { return std::future::pending().await };
    loop {
        match stream.message().await {
            Ok(Some(ExecuteUp { message: Some(message) })) => return Ok(message),
            // A kind of message that a later version knows.
            Ok(Some(ExecuteUp { message: None })) => {}
            Ok(None) => return Err(Ended::Closed),
            Err(_) => return Err(Ended::Broken),
        }
    }
}
