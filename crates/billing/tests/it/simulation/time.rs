//! Time, and how long it may take until what is under way arrives.

use std::collections::BTreeSet;

use rand::RngExt as _;

use super::world::{Says, World};

/// Whoever can speak is heard within this time; requests end within it. Well below every grace.
const PATIENCE_MS: i64 = 240_000;
/// Days of usage are open for so long.
const LAST_MS: i64 = 9 * 86_400_000;

impl World {
    /// Some time passes.
    pub(super) async fn pass(&mut self) {
        let span = match self.random.random_range(0..100) {
            0..60 => self.random.random_range(1..3_000),
            60..85 => self.random.random_range(3_000..30_000),
            85..95 => self.random.random_range(30_000..900_000),
            _ => self.random.random_range(900_000..60_000_000),
        };
        if self.now_ms + span > super::database::EPOCH_MS + LAST_MS {
            return;
        }
        if self.now_ms + span - self.flushed_ms > PATIENCE_MS {
            if self.chance(15) {
                self.say("nobody is heard for long".to_owned());
                self.expect_late();
            } else {
                self.flush(span > PATIENCE_MS / 2).await;
            }
            self.flushed_ms = self.now_ms;
        }
        self.wait(span).await;
        if span > 20_000 {
            // No invariant outlives a sweep that does not come.
            self.calmly_sweep().await;
        }
    }

    /// What is not said yet may be said too late.
    fn expect_late(&mut self) {
        let spooled = self.workers.iter().flat_map(|worker| worker.spool.keys().map(|(place, _)| *place));
        let untold =
            self.edges.iter().flat_map(|edge| &edge.outbox).filter_map(|letter| match &letter.says {
                Says::Report(place, _) => Some(*place),
                _ => None,
            });
        let late: BTreeSet<usize> = spooled.chain(untold).chain(self.running()).collect();
        for place in late {
            self.generations[place].is_late = true;
        }
    }

    pub(super) async fn wait(&mut self, span: i64) {
        self.now_ms += span;
        self.say(format!("{:.3} s pass", span as f64 / 1_000.0));
        self.session.set_clock(self.now_ms).await;
    }

    pub(super) async fn calmly_sweep(&mut self) {
        let was = std::mem::replace(&mut self.is_calm, true);
        self.sweep().await;
        self.is_calm = was;
    }

    /// All that is under way arrives. Requests come to their end, or those that are old.
    pub(super) async fn flush(&mut self, all: bool) {
        self.say("all that is under way arrives".to_owned());
        let was = std::mem::replace(&mut self.is_calm, true);
        for place in self.running() {
            if all || self.generations[place].began_ms < self.now_ms - PATIENCE_MS / 2 {
                self.finish(place);
            }
        }
        for worker in 0..self.workers.len() {
            if !self.workers[worker].is_up {
                self.start_worker(worker).await;
            }
            self.settle_directly(worker).await;
        }
        for edge in self.up_edges() {
            while !self.edges[edge].outbox.is_empty() {
                self.deliver(edge).await;
            }
            if self.edges[edge].extended_until > self.now_ms {
                self.beat(edge).await;
            }
        }
        self.sweep().await;
        self.is_calm = was;
    }
}
