//! From spools to settlement: a bus that may lose, repeat and reorder, and the direct way.

use std::collections::BTreeSet;

use rand::RngExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::faults::Reply;
use super::world::{Shipped, World};

const SETTLE: &str = "select generation_id, execution, fate, absorbed from billing.settle($1, 660000)";

impl World {
    /// Some of what a worker has ready.
    fn ready(&mut self, worker: usize) -> Vec<Shipped> {
        let mut ready = Vec::new();
        let keys: Vec<_> = self.workers[worker]
            .spool
            .iter()
            .filter(|(_, entry)| entry.record.is_some())
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            if !self.is_calm && self.chance(40) {
                continue;
            }
            let entry = &self.workers[worker].spool[&key];
            let (view, is_confirmed) = (entry.record.as_ref().unwrap(), entry.is_confirmed);
            let body = self.record(key.0, key.1, view, is_confirmed);
            ready.push(Shipped { worker, key, is_confirmed, output: view.output.unwrap_or(0), body });
        }
        ready
    }

    /// A worker publishes; it keeps everything until billing has settled it.
    pub(super) fn ship(&mut self, worker: usize) {
        let ready = self.ready(worker);
        if !ready.is_empty() {
            self.say(format!("{} publishes {} records", self.workers[worker].name, ready.len()));
        }
        self.published.extend(ready.iter().cloned());
        self.bus.extend(ready);
    }

    /// The bus hands a batch to billing, of any workers and in any order.
    pub(super) async fn consume(&mut self) {
        let count = self.random.random_range(1..=6).min(self.bus.len());
        let mut batch = Vec::new();
        for _ in 0..count {
            let place = self.random.random_range(0..self.bus.len());
            batch.push(self.bus.swap_remove(place));
        }
        if batch.is_empty() {
            return;
        }
        let is_settled = self.settle(&batch).await;
        // Without the ack it is delivered again.
        if !is_settled || !self.is_calm && self.chance(10) {
            self.bus.extend(batch.iter().cloned());
        }
        if is_settled {
            self.notify(&batch);
        }
    }

    /// A worker gives its records to billing itself.
    pub(super) async fn settle_directly(&mut self, worker: usize) {
        let ready = self.ready(worker);
        if !ready.is_empty() && self.settle(&ready).await {
            self.notify(&ready);
        }
    }

    async fn settle(&mut self, batch: &[Shipped]) -> bool {
        let names: Vec<String> = batch.iter().map(|one| self.name_of(one)).collect();
        let bodies = Value::Array(batch.iter().map(|one| one.body.clone()).collect());
        let reply = self.call(format!("billing settles {}", names.join(", ")), SETTLE, &bodies).await;
        if reply.happened() {
            for one in batch {
                let execution = &mut self.generations[one.key.0].executions[one.key.1 as usize - 1];
                execution.heard.insert(one.output);
            }
        }
        if let Reply::Answered(rows) = &reply {
            assert!(!rows.is_empty(), "nothing became of a batch");
        }
        reply.is_answered()
    }

    fn name_of(&self, one: &Shipped) -> String {
        let id = self.generations[one.key.0].id;
        format!("{id}/{} with {}{}", one.key.1, one.output, if one.is_confirmed { "" } else { " (a claim)" })
    }

    /// Billing's word to the workers, which may be lost.
    fn notify(&mut self, batch: &[Shipped]) {
        for one in batch {
            let worker = &mut self.workers[one.worker];
            let is_same = worker
                .spool
                .get(&one.key)
                .is_some_and(|entry| entry.record.is_some() && entry.is_confirmed == one.is_confirmed);
            if worker.is_up && is_same && (self.is_calm || self.random.random_range(0..100) < 90) {
                worker.spool.remove(&one.key);
            }
        }
    }

    /// What a worker holds, running executions included.
    pub(super) async fn report_open(&mut self, worker: usize) {
        let worker = &self.workers[worker];
        let views = worker.spool.values().flat_map(|entry| {
            [Some(&entry.start), entry.checkpoint.as_ref(), entry.record.as_ref()].into_iter().flatten()
        });
        let open: BTreeSet<Uuid> = views.flat_map(|view| view.parts.iter().map(|part| part.lease)).collect();
        let argument = json!({"worker": worker.name, "open": open});
        let sql = "select billing.worker_said($1->>'worker',
            array(select jsonb_array_elements_text($1->'open')::uuid), false)";
        let what = format!("{} holds something under {} leases", worker.name, open.len());
        self.call(what, sql, &argument).await;
    }

    pub(super) fn wipe_bus(&mut self) {
        self.say(format!("the bus loses its {} messages", self.bus.len()));
        self.bus.clear();
    }

    /// An old copy of the bus' store is put back.
    pub(super) fn restore_bus(&mut self) {
        for _ in 0..self.random.random_range(1..10).min(self.published.len()) {
            let place = self.random.random_range(0..self.published.len());
            self.bus.push(self.published[place].clone());
        }
        self.say("the bus has messages from before".to_owned());
    }
}
