//! Requests from admission to their end: workers, what they generate, and their spools.

use std::collections::BTreeSet;

use pricing::{Bound, Markup};
use rand::RngExt as _;

use super::world::{Entry, Execution, Generation, Part, Says, Seen, View, World};

impl World {
    pub(super) async fn admit(&mut self) {
        let (edges, workers) = (self.up_edges(), self.up_workers());
        let (Some(edge), Some(worker)) = (self.pick(&edges), self.pick(&workers)) else { return };
        let tenant = self.random.random_range(0..self.tenants.len());
        let key = self.random.random_range(0..self.tenants[tenant].keys.len());
        let input = self.random.random_range(1..2_000);
        let most = self.random.random_range(1..400);
        let price = self.prices.len() - 1;
        let markup = self.tenants[tenant].markup;
        let reserved = self.bound(price, markup, input, most);
        let Some(parts) = self.reserve_for(edge, tenant, key, reserved).await else { return };
        let place = self.generations.len();
        let id = self.id();
        self.generations.push(Generation {
            id,
            tenant,
            key,
            edge,
            epoch: self.edges[edge].epoch,
            began_ms: self.now_ms,
            parts,
            reserved,
            price,
            markup,
            input,
            estimate: input.div_ceil(2),
            most,
            executions: Vec::new(),
            delivered: 0,
            seen: Seen::Running,
            is_told: false,
            is_late: false,
        });
        self.say(format!(
            "{} admits {id}: {input} tokens in, {most} out at most, {reserved} reserved",
            self.edges[edge].name
        ));
        self.execute(place, worker);
    }

    pub(super) fn bound(&self, price: usize, markup: i32, input: u64, most: u64) -> i64 {
        let limits = Bound { prompt_tokens: input, completion_tokens: most, ..Bound::default() };
        let markup = Markup::from_basis_points(markup);
        pricing::bound(&self.prices[price].book, markup, limits).unwrap().nanos()
    }

    /// From the pool, which may be filled first, or by a lease of the request's own. Sometimes the caller is gone then.
    async fn reserve_for(
        &mut self,
        edge: usize,
        tenant: usize,
        key: usize,
        amount: i64,
    ) -> Option<Vec<Part>> {
        let accounts = self.tenants[tenant].keys[key].accounts.clone();
        if let Some(parts) = self.reserve(edge, &accounts, amount) {
            return Some(parts);
        }
        if self.chance(50) {
            self.refill(edge, tenant, key, amount).await;
            return self.reserve(edge, &accounts, amount);
        }
        let (group, granted) = self.lease(edge, (tenant, key), (amount, amount), false).await?;
        match self.random.random_range(0..if self.is_calm { 1 } else { 30 }) {
            1 => {
                self.post(edge, Says::Return(serde_json::json!([group])));
                return None;
            }
            2 => {
                self.kill_edge(edge);
                return None;
            }
            _ => {}
        }
        let parts = granted.into_iter();
        Some(parts.map(|(lease, account, amount)| Part { lease, account, amount }).collect())
    }

    /// An execution begins once its start is on disk.
    fn execute(&mut self, place: usize, worker: usize) {
        let generation = &mut self.generations[place];
        let (parts, reserved) = (generation.parts.clone(), generation.reserved);
        generation.executions.push(Execution {
            worker,
            generated: 0,
            is_running: true,
            is_attached: true,
            heard: BTreeSet::new(),
        });
        let key = (place, u32::try_from(generation.executions.len()).unwrap());
        let start = View { parts, reserved, output: None, is_partial: false };
        let entry = Entry { start, checkpoint: None, record: None, is_confirmed: false };
        self.workers[worker].spool.insert(key, entry);
    }

    /// Tokens come, the client sees some of them, the worker may write down how far it is.
    pub(super) fn stream(&mut self, place: usize) {
        let generated = self.random.random_range(0..100);
        let (sees, writes) = (self.random.random_range(0..3), self.chance(40));
        let generation = &mut self.generations[place];
        let key = (place, u32::try_from(generation.executions.len()).unwrap());
        let execution = generation.executions.last_mut().unwrap();
        execution.generated = (execution.generated + generated).min(generation.most);
        let (generated, worker) = (execution.generated, execution.worker);
        let is_attached = execution.is_attached;
        if is_attached {
            let behind = generated - generation.delivered;
            generation.delivered += match sees {
                0 => behind,
                1 => self.random.random_range(0..=behind),
                _ => 0,
            };
        }
        if writes && generated > 0 {
            let view = self.view(place, true);
            self.workers[worker].spool.get_mut(&key).unwrap().checkpoint = Some(view);
        }
        let delivered = self.generations[place].delivered;
        self.say(format!(
            "{} has {generated} tokens, {delivered} delivered, checkpoint {writes}",
            self.generations[place].id
        ));
    }

    fn view(&self, place: usize, is_partial: bool) -> View {
        let generation = &self.generations[place];
        let generated = generation.executions.last().unwrap().generated;
        View {
            parts: generation.parts.clone(),
            reserved: generation.reserved,
            output: (generated > 0).then_some(generated),
            is_partial,
        }
    }

    /// More is reserved for an answer that comes to be longer.
    pub(super) fn extend(&mut self, place: usize) {
        if !self.is_watched(place) || !self.generations[place].executions.last().unwrap().is_attached {
            return;
        }
        let generation = &self.generations[place];
        let (edge, most) = (generation.edge, generation.most + 100);
        let reserved = self.bound(generation.price, generation.markup, generation.input, most);
        let mut accounts: Vec<_> = generation.parts.iter().map(|part| part.account).collect();
        accounts.dedup();
        let known: BTreeSet<_> = generation.parts.iter().map(|part| part.lease).collect();
        let more = reserved - generation.reserved;
        let Some(parts) = self.reserve(edge, &accounts, more) else { return };
        for part in parts {
            if known.contains(&part.lease) {
                // It is one generation all the same.
                let pool = &mut self.edges[edge].pool;
                pool.iter_mut().find(|lease| lease.lease == part.lease).unwrap().unreported -= 1;
            }
            let own = &mut self.generations[place].parts;
            if let Some(same) = own.iter_mut().find(|one| one.lease == part.lease) {
                same.amount += part.amount;
            } else {
                let last = own.iter().rposition(|one| one.account == part.account).unwrap();
                own.insert(last + 1, part);
            }
        }
        (self.generations[place].reserved, self.generations[place].most) = (reserved, most);
        self.say(format!("{} may have {most} tokens for {reserved}", self.generations[place].id));
        // Nothing is generated under it before it is on disk.
        let execution = self.generations[place].executions.last().unwrap();
        let (worker, is_empty) = (execution.worker, execution.generated == 0);
        let key = (place, u32::try_from(self.generations[place].executions.len()).unwrap());
        let view = self.view(place, true);
        let entry = self.workers[worker].spool.get_mut(&key).unwrap();
        if is_empty { entry.start = view } else { entry.checkpoint = Some(view) }
    }

    /// The worker writes the final account; its way to the edge, and the edge's word back, may fail.
    pub(super) fn finish(&mut self, place: usize) {
        let record = self.view(place, false);
        let arrives = self.is_calm || self.chance(82);
        let acknowledged = self.is_calm || self.chance(88);
        let generation = &mut self.generations[place];
        let key = (place, u32::try_from(generation.executions.len()).unwrap());
        let execution = generation.executions.last_mut().unwrap();
        let (worker, is_empty) = (execution.worker, execution.generated == 0);
        let is_heard = arrives && execution.is_attached && !is_empty;
        let is_attached = std::mem::replace(&mut execution.is_attached, false);
        execution.is_running = false;
        let entry = self.workers[worker].spool.get_mut(&key).unwrap();
        entry.record = Some(record);
        entry.is_confirmed = is_heard && acknowledged;
        self.say(format!(
            "{} is done, heard {is_heard}, confirmed {}",
            self.generations[place].id,
            is_heard && acknowledged
        ));
        if is_heard {
            let generation = &mut self.generations[place];
            generation.delivered = generation.executions.last().unwrap().generated;
            self.end(place, Seen::Finished);
        } else if is_attached {
            self.lose(place);
        }
    }

    /// The edge is without its worker.
    pub(super) fn lose(&mut self, place: usize) {
        let generation = &mut self.generations[place];
        generation.executions.last_mut().unwrap().is_attached = false;
        if !self.is_watched(place) {
            return;
        }
        if self.generations[place].delivered > 0 {
            return self.end(place, Seen::Lost);
        }
        let others = self.up_workers();
        match self.pick(&others) {
            // Those that must come to an end do.
            Some(other)
                if !self.is_calm && self.generations[place].executions.len() < 3 && self.chance(70) =>
            {
                self.say(format!("{} is executed again", self.generations[place].id));
                self.execute(place, other);
            }
            _ => self.end(place, Seen::NothingOwed),
        }
    }

    /// The connection between the two breaks: the worker takes the client for gone.
    pub(super) fn detach(&mut self, place: usize) {
        self.say(format!("the connection of {} breaks", self.generations[place].id));
        let record = self.view(place, false);
        let key = (place, u32::try_from(self.generations[place].executions.len()).unwrap());
        let execution = self.generations[place].executions.last_mut().unwrap();
        execution.is_running = false;
        let worker = execution.worker;
        self.workers[worker].spool.get_mut(&key).unwrap().record = Some(record);
        self.lose(place);
    }

    pub(super) fn kill_worker(&mut self, worker: usize) {
        self.say(format!("{} is killed", self.workers[worker].name));
        self.workers[worker].is_up = false;
        for place in self.running() {
            let execution = self.generations[place].executions.last_mut().unwrap();
            if execution.worker == worker {
                execution.is_running = false;
                if execution.is_attached {
                    self.lose(place);
                }
            }
        }
    }

    /// Replays the spool: what was interrupted comes to what was written down of it.
    pub(super) async fn start_worker(&mut self, worker: usize) {
        self.say(format!("{} starts", self.workers[worker].name));
        self.workers[worker].is_up = true;
        for entry in self.workers[worker].spool.values_mut().filter(|entry| entry.record.is_none()) {
            entry.record = Some(entry.checkpoint.as_ref().unwrap_or(&entry.start).clone());
        }
        let was = std::mem::replace(&mut self.is_calm, true);
        self.report_open(worker).await;
        self.is_calm = was;
    }

    pub(super) fn lose_disk(&mut self, worker: usize) {
        self.kill_worker(worker);
        self.say("and its disk is lost".to_owned());
        self.workers[worker].spool.clear();
    }
}
