//! Plays an answer to the connection, with the delays and faults of its script.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use crate::body::{Broken, ByteStream};
use crate::failure::Failure;
use crate::log::{Outcome, Record};
use crate::script::Script;
use crate::steps::Paced;
use crate::wire::Encode;

/// What was written gets this long to leave before the connection breaks.
const FLUSH: Duration = Duration::from_millis(5);
const GARBAGE: &[u8] = b"\xff\xfe{]\x00 not a frame \xc3\x28\n\n";

/// What is written at once.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) bytes: Bytes,
    /// Tokens it carries, counted when its last byte has gone.
    pub(crate) tokens: u64,
    /// Tokens generated before it.
    pub(crate) before: u64,
}

/// Where the writes come from.
pub(crate) enum Source {
    /// A body at once.
    Whole(Option<Written>),
    /// The beginning of a body that never ends.
    Stalled(Option<Written>),
    Steps {
        steps: std::vec::IntoIter<Paced>,
        encoder: Box<dyn Encode>,
        passed: u64,
    },
    /// Bytes with the tokens that each piece carries, and what an error says.
    Pieces {
        pieces: std::vec::IntoIter<(Bytes, u64)>,
        error: Bytes,
        passed: u64,
    },
}

impl Source {
    fn pull(&mut self) -> Option<Written> {
        match self {
            Self::Whole(written) | Self::Stalled(written) => written.take(),
            Self::Steps { steps, encoder, passed } => {
                let before = *passed;
                let mut tokens = 0;
                for paced in steps.by_ref() {
                    let bytes = encoder.encode(&paced.step, paced.tokens);
                    tokens += paced.tokens;
                    *passed += paced.tokens;
                    if !bytes.is_empty() {
                        return Some(Written { bytes: bytes.into(), tokens, before });
                    }
                }
                None
            }
            Self::Pieces { pieces, passed, .. } => {
                let (bytes, tokens) = pieces.next()?;
                let before = *passed;
                *passed += tokens;
                Some(Written { bytes, tokens, before })
            }
        }
    }

    /// What an error inside the answer says; nothing where there is no room for one.
    fn fail(&mut self, failure: &Failure) -> Bytes {
        match self {
            Self::Whole(_) | Self::Stalled(_) => Bytes::new(),
            Self::Steps { encoder, .. } => encoder.fail(failure).into(),
            Self::Pieces { error, .. } => error.clone(),
        }
    }
}

/// How it ends when not by running out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Cut,
    Stall,
    Done,
}

pub(crate) struct Player {
    source: Source,
    ahead: Option<Written>,
    queue: VecDeque<(Bytes, u64)>,
    script: Script,
    /// What `error_after_tokens` says.
    failure: Failure,
    record: Record,
    end: Option<End>,
    begun: bool,
    spoke: bool,
    spoiled: bool,
}

impl Player {
    /// Delays in `script` are final; `failure` is what `error_after_tokens` says.
    pub(crate) fn new(mut source: Source, script: Script, failure: Failure, record: Record) -> Self {
        let ahead = source.pull();
        Self {
            source,
            ahead,
            queue: VecDeque::new(),
            script,
            failure,
            record,
            end: None,
            begun: false,
            spoke: false,
            spoiled: false,
        }
    }

    pub(crate) fn stream(self) -> ByteStream {
        Box::pin(futures::stream::unfold(self, |mut player| async move {
            let piece = player.next().await?;
            Some((piece, player))
        }))
    }

    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            if let Some(piece) = self.queue.pop_front() {
                return Some(Ok(self.hand_out(piece).await));
            }
            match self.end {
                Some(End::Cut) => {
                    self.record.end(Outcome::Cut);
                    sleep(FLUSH).await;
                    return Some(Err(Broken));
                }
                Some(End::Stall) => self.stall().await,
                Some(End::Done) => {
                    self.record.end(Outcome::Spoiled);
                    return None;
                }
                None => {}
            }
            let Some(written) = self.ahead.take() else {
                if matches!(self.source, Source::Stalled(_)) {
                    self.end = Some(End::Stall);
                    continue;
                }
                self.finish();
                return None;
            };
            if let Some(written) = self.interrupted(written) {
                self.pause(&written).await;
                self.ahead = self.source.pull();
                self.enqueue(written);
            }
        }
    }

    async fn stall(&mut self) {
        self.record.entry.stalled = true;
        self.record.publish();
        std::future::pending::<()>().await;
    }

    fn finish(&mut self) {
        self.record.end(if self.spoiled { Outcome::Spoiled } else { Outcome::Complete });
    }

    /// Passes the write on unless the script ends the answer before it.
    fn interrupted(&mut self, written: Written) -> Option<Written> {
        let opening = written.before == 0 && written.tokens == 0 && !self.begun;
        self.begun = true;
        if opening {
            return Some(written);
        }
        let reached = |position: Option<u64>| position.is_some_and(|tokens| written.before >= tokens);
        if reached(self.script.garbage_after_tokens) {
            self.script.garbage_after_tokens = None;
            self.spoiled = true;
            self.queue.push_back((Bytes::from_static(GARBAGE), 0));
        }
        if reached(self.script.error_after_tokens) {
            let error = self.source.fail(&self.failure);
            self.queue.push_back((error, 0));
            self.end = Some(End::Done);
        } else if reached(self.script.end_after_tokens) {
            self.end = Some(End::Done);
        } else if reached(self.script.cut_after_tokens) {
            self.end = Some(End::Cut);
        } else if reached(self.script.stall_after_tokens) {
            self.end = Some(End::Stall);
        } else {
            return Some(written);
        }
        None
    }

    async fn pause(&mut self, written: &Written) {
        let speaks = written.tokens > 0 || written.before > 0;
        if !speaks {
            return;
        }
        let wait = if self.spoke { self.script.delay_ms } else { self.script.first_token_delay_ms };
        self.spoke = true;
        match wait.filter(|millis| *millis > 0) {
            Some(millis) => sleep(Duration::from_millis(millis)).await,
            // Lets the connection write what it has, so that every chunk leaves on its own.
            None => tokio::task::yield_now().await,
        }
    }

    fn enqueue(&mut self, written: Written) {
        let Written { mut bytes, tokens, .. } = written;
        if let Some(size) = self.script.drip_bytes.filter(|size| *size > 0) {
            while bytes.len() > size {
                self.queue.push_back((bytes.split_to(size), 0));
            }
        }
        self.queue.push_back((bytes, tokens));
    }

    async fn hand_out(&mut self, (mut bytes, tokens): (Bytes, u64)) -> Bytes {
        if self.script.drip_bytes.is_some() && self.record.entry.bytes_sent > 0 {
            sleep(Duration::from_millis(self.script.drip_delay_ms.unwrap_or(1))).await;
        }
        let entry = &mut self.record.entry;
        let left = self.script.cut_at_byte.map(|at| at.saturating_sub(entry.bytes_sent));
        if let Some(left) =
            left.and_then(|left| usize::try_from(left).ok()).filter(|left| *left <= bytes.len())
        {
            bytes.truncate(left);
            self.queue.clear();
            self.end = Some(End::Cut);
        } else {
            entry.tokens_sent += tokens;
        }
        entry.bytes_sent += bytes.len() as u64;
        // The connection asks no further once the announced length is there.
        let stalls = matches!(self.source, Source::Stalled(_));
        if self.queue.is_empty() && self.ahead.is_none() && self.end.is_none() && !stalls {
            self.finish();
        }
        bytes
    }
}

/// The position in a whole body that corresponds to a position in tokens.
pub(crate) fn byte_position(tokens: u64, total: u64, length: u64) -> u64 {
    (length * tokens.min(total)).checked_div(total).unwrap_or(length)
}

/// A body in which nothing can be read from `position` on.
pub(crate) fn spoil(body: &mut [u8], position: u64) {
    let position = usize::try_from(position).unwrap_or(usize::MAX).min(body.len());
    for (at, byte) in body[position..].iter_mut().enumerate() {
        *byte = GARBAGE[at % GARBAGE.len()];
    }
}
