//! What a plan's path hands over: pointers and a few words, never waited for.

use std::sync::Arc;

use arc_swap::Guard;
use prost::Message as _;
use rpc::Fault;
use rpc::router::PlanRequest;
use tokio::sync::mpsc;

use crate::choose::{Held, Pick, mix};
use crate::health::{Standings, View};
use crate::metrics::Metrics;
use crate::plan::{Planned, Seen};
use crate::service::Loaded;

/// Sets the share that is kept apart from what else is drawn from the seed.
const SHARE: u64 = 0x7368_6172;
/// Decisions that may wait to be condensed.
const QUEUE: usize = 4_096;

/// One decision as it was made.
#[derive(Debug)]
pub(crate) struct Record {
    pub(super) sent: PlanRequest,
    pub(super) loaded: Arc<Loaded>,
    pub(super) standings: Arc<Standings>,
    pub(super) held: Option<Held>,
    pub(super) now_ms: u64,
    pub(super) regain_ms: u64,
    pub(super) probes: bool,
    pub(super) taken: Result<Taken, Fault>,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) picks: Vec<Pick>,
    pub(super) is_probe: bool,
    pub(super) order: &'static str,
    pub(super) strategy: &'static str,
}

impl Taken {
    pub(super) fn of(planned: &Planned) -> Self {
        Self {
            picks: planned.picks.clone(),
            is_probe: planned.is_probe,
            order: planned.order,
            strategy: planned.strategy,
        }
    }
}

impl Record {
    pub(super) fn view<'a>(&self, standings: &'a Standings) -> View<'a> {
        View { standings, now_ms: self.now_ms, regain_ms: self.regain_ms, probes: self.probes }
    }
}

/// Bytes of a request at most whose decision is kept.
const LONGEST: usize = 32 * 1024;

/// Takes decisions in. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Record>,
    /// Decisions are kept whose word, drawn from the seed, is under this.
    below: u64,
}

impl Recorder {
    /// `share` of the decisions, 0 to 1, go into the queue, whose other end is the answer.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of all words, 0 to all of them"
    )]
    pub(crate) fn new(share: f64) -> (Self, mpsc::Receiver<Record>) {
        let (queue, records) = mpsc::channel(QUEUE);
        (Self { queue, below: (share.clamp(0.0, 1.0) * u64::MAX as f64) as u64 }, records)
    }

    fn wants(&self, sent: &PlanRequest) -> bool {
        let is_drawn = self.below == u64::MAX || mix(sent.seed ^ SHARE) < self.below;
        !sent.dry_run && is_drawn && !sent.generation_id.is_empty()
    }

    /// Takes a decision in, or counts it as dropped when there is no room. Waits for nothing.
    pub(crate) fn offer(
        &self,
        sent: PlanRequest,
        loaded: &Arc<Loaded>,
        seen: Seen,
        planned: Result<&Planned, &Fault>,
        metrics: &Metrics,
    ) {
        if !self.wants(&sent) {
            return;
        }
        // What nobody could replay from a page is not worth its room.
        if sent.encoded_len() > LONGEST {
            metrics.decisions_dropped.inc();
            return;
        }
        let Ok(room) = self.queue.try_reserve() else {
            metrics.decisions_dropped.inc();
            return;
        };
        room.send(Record {
            sent,
            loaded: Arc::clone(loaded),
            standings: Guard::into_inner(seen.standings),
            held: seen.held,
            now_ms: seen.now_ms,
            regain_ms: seen.regain_ms,
            probes: seen.probes,
            taken: planned.map(Taken::of).map_err(Fault::clone),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(seed: u64) -> PlanRequest {
        PlanRequest { generation_id: "g".to_owned(), seed, ..PlanRequest::default() }
    }

    #[test]
    fn a_share_is_kept_and_dry_runs_never_are() {
        let kept = |share| {
            let (recorder, _records) = Recorder::new(share);
            (0..10_000).filter(|seed| recorder.wants(&sent(*seed))).count()
        };
        assert_eq!((kept(0.0), kept(1.0), kept(7.0)), (0, 10_000, 10_000));
        assert!((2_300..2_700).contains(&kept(0.25)), "{}", kept(0.25));
        let (recorder, _records) = Recorder::new(1.0);
        assert!(!recorder.wants(&PlanRequest { dry_run: true, ..sent(1) }));
        assert!(!recorder.wants(&PlanRequest { generation_id: String::new(), ..sent(1) }));
    }

    #[test]
    fn what_there_is_no_room_for_is_dropped_and_counted() {
        let (recorder, mut records) = Recorder::new(1.0);
        let registry = lifecycle::Metrics::default();
        let metrics = Metrics::register(&registry);
        let health = crate::health::Health::new(crate::HealthConfig::default());
        let loaded = Arc::new(Loaded::default());
        let fault = Fault::not_found("");
        for seed in 0..QUEUE as u64 + 3 {
            let seen =
                Seen { standings: health.standings(), held: None, now_ms: 1, regain_ms: 1, probes: true };
            recorder.offer(sent(seed), &loaded, seen, Err(&fault), &metrics);
        }
        assert!(registry.render().contains("router_decisions_dropped_total 3"));
        assert_eq!(records.try_recv().unwrap().sent.seed, 0);
    }
}
